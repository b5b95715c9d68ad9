// Package runner is the process of a container whose guest is WebAssembly: a small static executable that a container runtime
// (the delegate: crun, runc) starts in place of the guest. Its main is one line, beside the imports of its engines:
//
//	func main() { runner.Main() }
//
// What it is to do it reads from a descriptor, an [Order]: which engine, which module, where its compiled code is, and the guest's
// [wasi.Config]. It loads the code, which [engine.Export] has put into a directory for it, and never compiles; it runs the
// guest, and exits with the guest's exit status ([engine.ExitCode]). [Need] is what it takes of the container's limits for itself.
//
// # Descriptors
//
// The environment variable [Variable] has the number of the first:
//
//	+0  the order, as [Order.Seal] returns it
//	+1  the module, open for reading
//	+2  ready: a byte is written when signals are handled, the module is loaded, and the guest starts; the end of a pipe
//	    without one means that there was a failure, which standard error tells
//	+3  record: how the run ended, a line of JSON ([Record]), in one write; a file of [RecordBytes] is written to at its
//	    beginning, and cannot be made larger by the runner
//	+4  the runner's executable  } only where Order.CodeDir is /proc/self/fd/ and the number of the
//	+5  the code directory       } last: nothing of the runner was mounted into the container
//
// They are closed as soon as they are used. The guest has descriptors 0 to 2 as its standard streams, and nothing else of the
// process: not its environment, its descriptors, its part of /proc, nor the order. Others in the container see of the process what
// they see of one that changed its user (PR_SET_DUMPABLE is 0): not its memory, and not its executable.
//
// # Signals
//
// The first that Main does is to handle TERM, INT, QUIT and HUP, and the order's StopSignals as soon as they are known: they end the
// process with status 128+n at once, whatever the guest does, although the process may be the first of its PID namespace, which a
// signal without a handler does not end. A guest whose engine has no mode for a process of its own ([engine.Unchecked]) gets
// the end of its context first, and its last output out; the same signal again ends the process. The first process of a PID
// namespace leaves the orphans that it is given to the kernel, by ignoring CHLD.
//
// # Surroundings
//
// The runner needs Linux. It does with an empty root directory, without /proc, /tmp or a user database, as any user, without
// capabilities, under no_new_privs and the seccomp profiles of container engines. It writes to no file but its record.
package runner
