package wasmedge

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// guests are this package's modules and those of the conformance suite, by name.
func guests(t testing.TB) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for _, pattern := range []string{"testdata/*.wasm", "../enginetest/testdata/*.wasm"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no guests: %v", err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimSuffix(filepath.Base(name), ".wasm")] = b
		}
	}
	return all
}

// elsewhere is another engine, which shows what a module does without libwasmedge.
func elsewhere(t testing.TB) engine.Engine {
	t.Helper()
	e, err := wazero.New(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func runOn(t testing.TB, e engine.Engine, module []byte, cfg *wasi.Config) error {
	t.Helper()
	m, err := e.Compile(t.Context(), engine.FromBytes(module))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return engine.Run(context.WithoutCancel(t.Context()), m, cfg)
}

// TestInstrumentIsValid: every guest stays a valid module, with the same imports and its exports among the new ones.
func TestInstrumentIsValid(t *testing.T) {
	e := elsewhere(t)
	for name, module := range guests(t) {
		t.Run(name, func(t *testing.T) {
			out, err := instrument(module)
			if err != nil {
				t.Fatal(err)
			}
			m, err := e.Compile(t.Context(), engine.FromBytes(out))
			if err != nil {
				t.Fatalf("instrumented it is not valid: %v", err)
			}
			defer m.Close()
			before, err := wasm.Read(module)
			if err != nil {
				t.Fatal(err)
			}
			info := m.Info()
			if len(info.Imports) != len(before.Imports) {
				t.Errorf("imports %v, before %v", info.Imports, before.Imports)
			}
			for _, export := range before.Exports {
				if !slices.ContainsFunc(info.Exports, func(e engine.Extern) bool {
					return e.Name == export.Name && e.Kind == export.Kind && e.Type == export.Type
				}) {
					t.Errorf("export %v is gone", export)
				}
			}
			if _, err := instrument(out); err != nil {
				t.Errorf("instrumented twice: %v", err)
			}
			if again, err := e.Compile(t.Context(), engine.FromBytes(twice(t, out))); err == nil {
				again.Close()
				t.Error("a module that has the exports already is valid")
			}
		})
	}
}

func twice(t *testing.T, out []byte) []byte {
	again, err := instrument(out)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestInstrumentKeepsMeaning: the module that leaves functions in every way computes the same.
func TestInstrumentKeepsMeaning(t *testing.T) {
	e, module := elsewhere(t), guests(t)["control"]
	out, err := instrument(module)
	if err != nil {
		t.Fatal(err)
	}
	want, got := runOn(t, e, module, nil), runOn(t, e, out, nil)
	var exit *engine.ExitError
	if !errors.As(want, &exit) || engine.ExitCode(want) != engine.ExitCode(got) {
		t.Errorf("it ends by %v, without instrumentation by %v", got, want)
	}
}

// TestInstrumentBoundsStack: what never stops calling is stopped by its own code, in an engine that has more stack than that.
func TestInstrumentBoundsStack(t *testing.T) {
	e := elsewhere(t)
	out, err := instrument(guests(t)["stack"])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range endless {
		t.Run(name, func(t *testing.T) {
			if err := runOn(t, e, out, &wasi.Config{Entrypoint: name}); !errors.Is(err, engine.TrapUnreachable) {
				t.Errorf("it ends by %v, want %v", err, engine.TrapUnreachable)
			}
		})
	}
	if err := runOn(t, e, out, &wasi.Config{Entrypoint: "not_deep"}); err != nil {
		t.Errorf("calls of a depth that is usual end by %v", err)
	}
}

// endless are the entrypoints of the stack module that never stop calling.
var endless = []string{"direct", "indirect", "mutual", "wide", "operands", "blocks"}

// section makes a section of entries.
func section(id byte, entries ...string) string {
	body := binary.AppendUvarint(nil, uint64(len(entries)))
	body = append(body, strings.Join(entries, "")...)
	return string(binary.AppendUvarint([]byte{id}, uint64(len(body)))) + string(body)
}

// function makes a function's body of locals and instructions.
func function(locals, code string) string {
	return string(binary.AppendUvarint(nil, uint64(len(locals)+len(code)))) + locals + code
}

// command is a module with one function () -> () of that body, and more sections before the code.
func command(body string, more ...string) []byte {
	return []byte(wasm.Header + section(wasm.SectionType, "\x60\x00\x00") + section(wasm.SectionFunction, "\x00") +
		strings.Join(more, "") + section(wasm.SectionCode, body))
}

// TestInstrumentRefuses: what the changes could be undone by, and what the engine would take more memory for than there is.
func TestInstrumentRefuses(t *testing.T) {
	const none, table = "\x00", wasm.SectionTable
	for _, c := range []struct {
		name, want string
		module     []byte
	}{
		{"nothing", "ends too soon", nil},
		{"another version", "version 1", []byte("\x00asm\x02\x00\x00\x00")},
		{"a section cut off", "ends too soon", []byte(wasm.Header + "\x04\x05\x01")},
		{"sections out of order", "out of order", []byte(wasm.Header + section(wasm.SectionFunction) + section(wasm.SectionType))},
		{"a section twice", "out of order", []byte(wasm.Header + section(wasm.SectionType) + section(wasm.SectionType))},
		{"tags", "not supported", []byte(wasm.Header + section(wasm.SectionTag))},
		{"a custom section without a name", "no unsigned number", []byte(wasm.Header + "\x00\x00")},
		{"the stack's global set", "global 0 does not exist", command(function(none, "\x41\x00\x24\x00\x0b"))},
		{"the stack's global read", "global 0 does not exist", command(function(none, "\x23\x00\x1a\x0b"))},
		{"the stack's global exported", "global 0 does not exist", command(function(none, "\x0b"), section(wasm.SectionExport, "\x01g\x03\x00"))},
		{"an added type called by", "type 1 does not exist", command(function(none, "\x41\x00\x11\x01\x00\x0b"))},
		{"an added type as a block's", "type 1 does not exist", command(function(none, "\x02\x01\x0b\x0b"))},
		{"a function that is not there", "function 1 does not exist", command(function(none, "\x10\x01\x0b"))},
		{"many locals", "more than 50000 locals", command(function("\x02\xa8\xc3\x01\x7f\xa9\xc3\x01\x7e", "\x0b"))},
		{"locals of 4 GiB", "more than 50000 locals", command(function("\x01\xff\xff\xff\xff\x0f\x7f", "\x0b"))},
		{"many labels", "more than 65520 labels", command(function(none, "\x0e\xff\xff\xff\xff\x0f"))},
		{"code that does not end", "ends too soon", command(function(none, "\x01"))},
		{"code after the end", "after the end", command(function(none, "\x0b\x01"))},
		{"exceptions", "not supported", command(function(none, "\x06\x40\x0b\x0b"))},
		{"atomic instructions", "not supported", command(function(none, "\xfe\x03\x00\x0b"))},
		{"an instruction of a number beyond 8 bits", "not supported", command(function(none, "\xfd\x8c\x80\x04\x0b"))},
		{"another memory", "memory 1", command(function(none, "\x3f\x01\x1a\x0b"))},
		{"a memory in an alignment", "alignment", command(function(none, "\x41\x00\x28\x42\x00\x00\x1a\x0b"))},
		{"code without functions", "0 functions, and code for 1", []byte(wasm.Header + section(wasm.SectionCode, function(none, "\x0b")))},
		{"functions without code", "without code", []byte(wasm.Header + section(wasm.SectionType, "\x60\x00\x00") + section(wasm.SectionFunction, "\x00"))},
		{"a start function with a parameter", "start function", []byte(wasm.Header + section(wasm.SectionType, "\x60\x01\x7f\x00") +
			section(wasm.SectionFunction, "\x00") + "\x08\x01\x00" + section(wasm.SectionCode, function(none, "\x0b")))},
		{"a large table", "more than 10000000 elements", []byte(wasm.Header + section(table, "\x70\x00\x81\xad\xe2\x04"))},
		{"two that are large together", "more than 10000000 elements", []byte(wasm.Header + section(table, "\x70\x00\xc0\xf0\xf5\x03", "\x70\x00\xc0\xf0\xf5\x03"))},
		{"many tables", "more than 10000 tables", []byte(wasm.Header + section(table, slices.Repeat([]string{"\x70\x00\x00"}, 10001)...))},
		{"a table of 64 bits", "not supported", []byte(wasm.Header + section(table, "\x70\x04\x00"))},
		{"a global that swallows the next", "ends too soon", []byte(wasm.Header + section(wasm.SectionGlobal, "\x7c\x00\x44\x00"))},
		{"more in a section than it says", "longer", []byte(wasm.Header + "\x06\x06\x00\x7f\x00\x41\x00\x0b")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := instrument(c.module); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestMeasure: how high the operand stack gets, for what the changes to the stack's global are made of.
func TestMeasure(t *testing.T) {
	m := instrumenter{types: []wasm.FuncType{{}, {Params: "\x7f\x7f", Results: "\x7f"}, {Results: "\x7f\x7f\x7f"}}, functions: []uint64{0, 1, 2}, globals: 1}
	for _, c := range []struct {
		name, code string
		most       int
		calls      bool
		branches   bool
	}{
		{"nothing", "", 0, false, false},
		{"constants", "\x41\x00\x42\x00\x44........\x1a\x1a\x1a", 3, false, false},
		{"sum", "\x41\x01\x41\x02\x6a\x41\x03\x6a\x1a", 2, false, false},
		{"a call that takes two", "\x41\x01\x41\x02\x10\x01\x41\x03\x41\x04\x1a\x1a\x1a", 3, true, false},
		{"a call that gives three", "\x10\x02\x1a\x1a\x1a", 3, true, false},
		{"an indirect call", "\x41\x01\x41\x02\x41\x03\x11\x01\x00\x1a", 3, true, false},
		{"blocks", "\x02\x7f\x02\x7f\x41\x01\x0b\x41\x02\x6a\x0b\x1a", 2, false, false},
		{"a block that takes two", "\x41\x01\x41\x02\x02\x01\x6a\x41\x05\x6a\x0b\x1a", 2, false, false},
		{"if and else", "\x41\x01\x04\x7f\x41\x01\x41\x02\x6a\x05\x41\x03\x0b\x1a", 2, false, false},
		{"after a branch", "\x02\x40\x41\x01\x0c\x00\x41\x01\x41\x02\x1a\x1a\x0b", 2, false, false},
		{"where nothing comes to", "\x00\x6a\x6a\x1a\x41\x01\x1a", 1, false, false},
		{"a tail call", "\x41\x01\x41\x02\x12\x01", 2, true, false},
		{"a local kept", "\x41\x01\x22\x00\x21\x00\x23\x00\x24\x00", 1, false, false},
		{"memory", "\x41\x00\x28\x02\x00\x1a\x41\x00\x41\x01\x36\x02\x00\x41\x00\x41\x00\x41\x00\xfc\x0a\x00\x00", 3, false, false},
		{"a branch to the function", "\x0c\x00", 0, false, true},
		{"one out of a block", "\x02\x40\x41\x01\x0d\x01\x0b", 1, false, true},
		{"one of a table", "\x02\x40\x41\x01\x0e\x02\x00\x01\x00\x0b", 1, false, true},
		{"none but to a block", "\x02\x40\x41\x01\x0e\x02\x00\x00\x00\x0b", 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b body
			does := b.measure(&m, 0, wasm.Reader(c.code+"\x0b"))
			if does != (deeds{c.most, c.calls, c.branches}) {
				t.Errorf("it does %+v, want %d, %t, %t", does, c.most, c.calls, c.branches)
			}
		})
	}
}

// TestInstrumentMutations: whatever a module is, instrumenting it ends in a module or an error, and takes no longer than its size says.
func TestInstrumentMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, module := range guests(t) {
		for range 300 {
			b := bytes.Clone(module)
			for range 1 + r.IntN(4) {
				b[len(wasm.Header)+r.IntN(len(b)-len(wasm.Header))] = byte(r.Uint32())
			}
			_, _ = instrument(b)
		}
	}
}

func FuzzInstrument(f *testing.F) {
	for _, module := range guests(f) {
		f.Add(module)
	}
	f.Fuzz(func(_ *testing.T, module []byte) {
		_, _ = instrument(module) // must not panic, nor take memory that module has not
	})
}
