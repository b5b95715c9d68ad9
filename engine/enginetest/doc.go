// Package enginetest is the conformance suite that every engine passes, unmodified. An engine outside this module runs
// it on itself in a test file:
//
//	func TestConformance(t *testing.T) { enginetest.Run(t, New) }
//	func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, New) }
//
// # What a case is
//
// A [Case] is one rule of package engine's contract: it has a name, the rule in words, which is logged when it is
// broken, and what it asks of an engine. Most are data: a guest, a [wasi.Config], the host's files before, and what must
// have come of it: output, the typed end of the run, files afterwards. Whatever a case does not say must not have
// happened: a file that appeared, a line on stderr, the content of a file outside of the mounts all fail it.
//
// # Nothing is skipped
//
// Where an engine does not declare a [engine.Capability] that a case needs, the case is turned around: the request must
// be refused with an *engine.UnsupportedError that names exactly what is missing, and the guest must not have run. So an
// engine that declares more than it can do fails, and so does one that declares less.
//
// # Guests
//
// Guests are small modules in the text format, one behaviour each, assembled with "go generate" and committed, and one
// Go program that makes the WASI calls which its arguments name. The suite builds that one, once in a process, with
// GOOS=wasip1: it needs the go command, but no network. What that one does with files and streams a component of WASI 0.2 does
// once more, in cases of their own, "Component/…": a program in Rust, committed as it was built. An engine that does not declare
// components must refuse it.
//
// # Concurrency
//
// Cases run one after the other, and those about leaks count goroutines and descriptors of the process: do not run the
// suite in parallel with other tests.
package enginetest
