package wazero

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/wasmoci/wasmoci/engine"
	bounds "github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// guests are the modules of the conformance suite.
func guests(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../enginetest/testdata/*.wasm")
	if err != nil || len(names) == 0 {
		t.Fatalf("no guests: %v", err)
	}
	all := make(map[string][]byte)
	for _, name := range names {
		wasm, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".wasm")] = wasm
	}
	return all
}

// TestInstrumentIsValid: what wazero takes it takes instrumented, and what it refuses stays refused.
func TestInstrumentIsValid(t *testing.T) {
	rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	defer rt.Close(t.Context())
	for name, wasm := range guests(t) {
		t.Run(name, func(t *testing.T) {
			_, plain := rt.CompileModule(t.Context(), wasm)
			if err := bounds.Bounded(wasm); err != nil {
				t.Error(err)
			}
			for _, checks := range []bool{true, false} {
				out, err := instrument(wasm, checks)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := rt.CompileModule(t.Context(), out); (err == nil) != (plain == nil) {
					t.Errorf("checks %t: %v, without instrumentation %v", checks, err, plain)
				}
				if !checks && name != "table_grow" && !strings.HasPrefix(name, "table") && !strings.HasPrefix(name, "trap") && !bytes.Equal(out, wasm) {
					t.Error("a module without tables is changed without checks")
				}
			}
		})
	}
}

func TestInstrumentRefuses(t *testing.T) {
	const head = "\x00asm\x01\x00\x00\x00"
	for _, c := range []struct{ name, wasm, want string }{
		{"a section cut off", head + "\x04\x05\x01", "ends too soon"},
		{"a length of no number", head + "\x04\xff\xff\xff\xff\xff", "no unsigned number"},
		{"a large table", head + "\x04\x07\x01\x70\x00\x81\xad\xe2\x04", "more than 10000000 elements"},
		{"two that are large together", head + "\x04\x0d\x02\x70\x00\xc0\xf0\xf5\x03\x70\x00\xc0\xf0\xf5\x03", "more than 10000000 elements"},
		{"many tables", head + "\x04\x03\x91\x4e\x70", "more than 10000 tables"},
		{"a table of 64 bits", head + "\x04\x04\x01\x70\x04\x00", "not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := instrument([]byte(c.wasm), true); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			e, err := New(t.Context(), engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			var invalid *engine.InvalidModuleError
			if _, err := e.Compile(t.Context(), engine.FromBytes([]byte(c.wasm))); !errors.As(err, &invalid) {
				t.Errorf("Compile: %v, want an *engine.InvalidModuleError", err)
			}
		})
	}
}

// TestDebugInfo: an engine that names source lines leaves the code where it is, and says what that costs.
func TestDebugInfo(t *testing.T) {
	e, err := New(t.Context(), engine.Options{DebugInfo: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Info().Capabilities[wasi.FormatModule].Has(engine.Interrupt) {
		t.Error("Interrupt is declared")
	}
	m, err := e.Compile(t.Context(), engine.FromBytes(exit42))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var unsupported *engine.UnsupportedError
	if err := engine.Run(ctx, m, nil); !errors.As(err, &unsupported) {
		t.Errorf("with a deadline: %v, want an *engine.UnsupportedError", err)
	}
	if got := engine.ExitCode(engine.Run(context.WithoutCancel(ctx), m, nil)); got != 42 {
		t.Errorf("exit status %d, want 42", got)
	}
}

// FuzzInstrument: what wazero takes it takes instrumented, and what it refuses it refuses instrumented.
// refused is what instrumenting refuses although wazero takes it: by design, with a bound or with a form that compilers do not
// write.
var refused = regexp.MustCompile("of type|table|vector instruction|loops in each other|instruction 0xfd")

func FuzzInstrument(f *testing.F) {
	for _, wasm := range guests(f) {
		f.Add(wasm)
	}
	for _, c := range interruptible {
		f.Add(c.wasm())
	}
	f.Add(typeBeyond)
	rt := wazero.NewRuntimeWithConfig(f.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) < 8 || len(wasm) > 1<<14 || string(wasm[:8]) != "\x00asm\x01\x00\x00\x00" {
			return
		}
		if bounds.Bounded(wasm) != nil {
			return // wazero may allocate what such a module says
		}
		out, ierr := instrument(wasm, true)
		plain, perr := compilePlain(t.Context(), rt, wasm)
		if perr == nil {
			defer plain.Close(t.Context())
		}
		if ierr != nil {
			if perr == nil && !refused.MatchString(ierr.Error()) {
				t.Errorf("wazero takes what is not instrumented: %v", ierr)
			}
			return
		}
		checked, cerr := rt.CompileModule(t.Context(), out)
		if cerr == nil {
			defer checked.Close(t.Context())
		}
		// A name section that cannot be read is an error to wazero, and none to the specification (appendix, 7.4).
		if (perr == nil) != (cerr == nil) && (perr == nil || !strings.Contains(perr.Error(), "custom") && !strings.Contains(perr.Error(), "limit")) {
			t.Errorf("plain %v, instrumented %v", perr, cerr)
		}
	})
}

// compilePlain compiles what has not been instrumented, where wazero may panic: an error, too.
func compilePlain(ctx context.Context, rt wazero.Runtime, wasm []byte) (m wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return rt.CompileModule(ctx, wasm)
}

// TestCompilesInTime: what would keep wazero busy for minutes, although it is small, is refused, and what is a bit less is not.
func TestCompilesInTime(t *testing.T) {
	nested := func(n int) loop {
		return loop{functions: "\x00", bodies: []string{"\x00" + strings.Repeat("\x03\x40", n) + strings.Repeat("\x0b", n+1)}}
	}
	labels := func(n int) loop {
		count := string(binary.AppendUvarint(nil, uint64(n)))
		return loop{functions: "\x00", bodies: []string{"\x00\x41\x00\x0e" + count + strings.Repeat("\x00", n+1) + "\x0b"}}
	}
	for _, c := range []struct {
		name string
		l    loop
		want string
	}{
		{"loops", nested(maxLoops), ""},
		{"more loops", nested(maxLoops + 1), "loops in each other"},
		{"labels", labels(bounds.MaxLabels), ""},
		{"more labels", labels(bounds.MaxLabels + 1), "more than 65520 labels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := instrument(c.l.wasm(), true); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// typeBeyond has a tail call to a function whose type is one that the module does not have: wazero looks for it before it has
// seen that.
var typeBeyond = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x03\x02\x00\x30\x0a\x0b\x02\x04\x00\x12\x01\x0b\x04\x01\x00\x7f\x0b")

// TestTypeBeyond: a module over which wazero panics is an invalid one, with checks and without.
func TestTypeBeyond(t *testing.T) {
	for _, debug := range []bool{true, false} {
		e, err := New(t.Context(), engine.Options{DebugInfo: debug})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var invalid *engine.InvalidModuleError
		if _, err := e.Compile(t.Context(), engine.FromBytes(typeBeyond)); !errors.As(err, &invalid) {
			t.Errorf("with checks %t: %v, want an *engine.InvalidModuleError", !debug, err)
		}
	}
}

// loop is a guest that never ends by itself, written in bytes.
type loop struct {
	name      string
	types     string // after the first, which is () -> ()
	countType byte
	functions string // their types
	bodies    []string
	table     bool // has all functions
	start     bool // function 0 is the start function, and 1 the entrypoint
}

func (l loop) wasm() []byte {
	section := func(id byte, parts ...string) string {
		body := strings.Join(parts, "")
		return string(id) + string(binary.AppendUvarint(nil, uint64(len(body)))) + body
	}
	n := string(rune(len(l.bodies)))
	code := ""
	for _, b := range l.bodies {
		code += string(binary.AppendUvarint(nil, uint64(len(b)))) + b
	}
	w := "\x00asm\x01\x00\x00\x00" + section(1, string(rune(l.countType+1)), "\x60\x00\x00", l.types) + section(3, n, l.functions)
	if l.table {
		w += section(4, "\x01\x70\x00", n)
	}
	w += section(5, "\x01\x00\x01")
	entry := "\x00"
	if l.start {
		entry = "\x01"
	}
	w += section(7, "\x01\x06_start\x00", entry)
	if l.start {
		w += section(8, "\x00")
	}
	if l.table {
		all := ""
		for i := range l.bodies {
			all += string(rune(i))
		}
		w += section(9, "\x01\x00\x41\x00\x0b", n, all)
	}
	return []byte(w + section(10, n, code))
}

// interruptible are all ways to run without end.
var interruptible = []loop{
	{name: "loop", functions: "\x00", bodies: []string{"\x00\x03\x40\x0c\x00\x0b\x0b"}},
	{name: "conditional branch", functions: "\x00", bodies: []string{"\x00\x03\x40\x41\x01\x0d\x00\x0b\x0b"}},
	{name: "branch table", functions: "\x00", bodies: []string{"\x00\x02\x40\x03\x40\x41\x07\x0e\x01\x01\x00\x0b\x0b\x0b"}},
	{name: "in an if", functions: "\x00", bodies: []string{"\x00\x41\x01\x04\x40\x03\x40\x0c\x00\x0b\x05\x0b\x0b"}},
	{name: "out of an if", functions: "\x00", bodies: []string{"\x00\x03\x40\x41\x01\x04\x40\x0c\x01\x05\x0c\x01\x0b\x0b\x0b"}},
	{name: "nested", functions: "\x00", bodies: []string{"\x01\x01\x7f\x03\x40\x41\x03\x21\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x0b\x0c\x00\x0b\x0b"}},
	{
		name: "parameters and results", types: "\x60\x02\x7f\x7e\x02\x7f\x7e", countType: 1, functions: "\x00",
		bodies: []string{"\x00\x41\x05\x42\x06\x03\x01\x0c\x00\x0b\x1a\x1a\x0b"},
	},
	{name: "vectors", functions: "\x00", bodies: []string{"\x01\x01\x7b\x03\x40\x20\x00\x20\x00\xfd\xae\x01\x21\x00\x0c\x00\x0b\x0b"}},
	{name: "memory.fill", functions: "\x00", bodies: []string{"\x00\x03\x40\x41\x00\x41\x00\x41\x80\x80\x04\xfc\x0b\x00\x0c\x00\x0b\x0b"}},
	{name: "recursion without depth", functions: "\x00\x00", bodies: []string{"\x00\x03\x40\x10\x01\x0c\x00\x0b\x0b", "\x00\x0b"}},
	{name: "tail call", functions: "\x00", bodies: []string{"\x00\x12\x00\x0b"}},
	{name: "tail calls in turns", functions: "\x00\x00", bodies: []string{"\x00\x12\x01\x0b", "\x00\x12\x00\x0b"}},
	{name: "indirect tail call", functions: "\x00", table: true, bodies: []string{"\x00\x41\x00\x13\x00\x00\x0b"}},
	{name: "tail call out of a loop", functions: "\x00", bodies: []string{"\x00\x03\x40\x12\x00\x0b\x0b"}},
	{
		name: "calls twice as deep", types: "\x60\x01\x7f\x00", countType: 1, functions: "\x00\x01",
		bodies: []string{"\x00\x41\x3c\x10\x01\x0b", "\x00\x20\x00\x04\x40\x20\x00\x41\x01\x6b\x10\x01\x20\x00\x41\x01\x6b\x10\x01\x0b\x0b"},
	},
	{
		name: "indirect calls twice as deep", types: "\x60\x01\x7f\x00", countType: 1, functions: "\x00\x01", table: true,
		bodies: []string{
			"\x00\x41\x3c\x41\x01\x11\x01\x00\x0b",
			"\x00\x20\x00\x04\x40\x20\x00\x41\x01\x6b\x41\x01\x11\x01\x00\x20\x00\x41\x01\x6b\x41\x01\x11\x01\x00\x0b\x0b",
		},
	},
	{name: "start function", functions: "\x00\x00", start: true, bodies: []string{"\x00\x03\x40\x0c\x00\x0b\x0b", "\x00\x0b"}},
}

// TestInterruptible: every way to run without end leads past a check, so the collector runs and the end of the context ends it.
func TestInterruptible(t *testing.T) {
	e, err := New(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, l := range interruptible {
		t.Run(l.name, func(t *testing.T) {
			m, err := e.Compile(t.Context(), engine.FromBytes(l.wasm()))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			inst, err := m.Start(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			collected := make(chan struct{})
			go func() { runtime.GC(); close(collected) }()
			select {
			case <-collected:
			case <-time.After(30 * time.Second):
				t.Fatal("the collector waits")
			}
			begun := time.Now()
			cancel(engine.Signal(15))
			if got := engine.ExitCode(inst.Wait()); got != 143 {
				t.Errorf("exit status %d, want 143: %v", got, inst.Wait())
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

// TestMeteredIsEqual: checks change nothing that a guest can see, however it leaves a function.
func TestMeteredIsEqual(t *testing.T) {
	const types = "\x60\x01\x7f\x02\x7f\x7e" // (i32) -> (i32, i64)
	for _, c := range []struct{ name, body string }{
		{"falls out of its end", "\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x0b\x41\x07\x42\x08\x0b"},
		{"returns from a loop", "\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x41\x09\x41\x07\x42\x08\x0f\x0b\x00\x0b"},
		{"branches out of a loop", "\x00\x03\x40\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x41\x09\x41\x07\x42\x08\x0c\x01\x0b\x00\x0b"},
		{"conditionally", "\x00\x03\x40\x41\x07\x42\x08\x20\x00\x41\x01\x6b\x22\x00\x45\x0d\x01\x1a\x1a\x0c\x00\x0b\x00\x0b"},
		{"by a table", "\x00\x03\x40\x41\x07\x42\x08\x41\x05\x0e\x01\x01\x01\x0b\x00\x0b"},
		{"calls itself", "\x00\x03\x40\x20\x00\x41\xe4\x00\x6b\x41\x00\x4a\x04\x40\x20\x00\x41\xe4\x00\x6b\x10\x01\x0f\x0b\x0b\x41\x07\x42\x08\x0b"},
		{"calls itself as a tail", "\x00\x03\x40\x20\x00\x04\x40\x20\x00\x41\x01\x6b\x12\x01\x0b\x0b\x41\x07\x42\x08\x0b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := "\x00\x41\xa0\x8d\x06\x10\x01\x42\x08\x52\x04\x40\x00\x0b\x41\x07\x47\x04\x40\x00\x0b\x0b" // with 100,000; anything but 7 and 8 is a trap
			wasm := loop{types: types, countType: 1, functions: "\x00\x01", bodies: []string{call, c.body}}.wasm()
			for _, debug := range []bool{true, false} {
				e, err := New(t.Context(), engine.Options{DebugInfo: debug})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				m, err := e.Compile(t.Context(), engine.FromBytes(wasm))
				if err != nil {
					t.Fatal(err)
				}
				if err := engine.Run(context.WithoutCancel(t.Context()), m, nil); err != nil {
					t.Errorf("with checks %t: %v", !debug, err)
				}
			}
		})
	}
}

// TestBacktrace: functions have the names and numbers of the module as it was given.
func TestBacktrace(t *testing.T) {
	e, err := New(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m, err := e.Compile(t.Context(), engine.FromBytes(loop{functions: "\x00\x00", bodies: []string{"\x00\x03\x40\x10\x01\x0b\x0b", "\x00\x00\x0b"}}.wasm()))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Info().Imports) != 0 {
		t.Errorf("imports %v", m.Info().Imports)
	}
	var trap *engine.TrapError
	if err := engine.Run(t.Context(), m, nil); !errors.As(err, &trap) || trap.Backtrace != ".$1()\n.$0()" {
		t.Errorf("%v, backtrace %q", err, trap.Backtrace)
	}
}

// TestHidden: a module cannot name what only its changed form has.
func TestHidden(t *testing.T) {
	const head = "\x00asm\x01\x00\x00\x00"
	check := string([]byte{byte(len(checkModule))}) + checkModule + string([]byte{byte(len(checkName))}) + checkName + "\x00\x00"
	for _, c := range []struct {
		name string
		wasm []byte
		want any
	}{
		{"the counter", loop{functions: "\x00", bodies: []string{"\x00\x03\x40\x41\x01\x24\x00\x0c\x00\x0b\x0b"}}.wasm(), new(*engine.InvalidModuleError)},
		{"its local variable", loop{functions: "\x00", bodies: []string{"\x00\x03\x40\x41\x01\x21\x00\x0c\x00\x0b\x0b"}}.wasm(), new(*engine.InvalidModuleError)},
		{"the block around the body", loop{functions: "\x00", bodies: []string{"\x00\x03\x40\x0c\x02\x0b\x0b"}}.wasm(), new(*engine.InvalidModuleError)},
		{"a type", loop{functions: "\x00", bodies: []string{"\x00\x03\x01\x0b\x0b"}}.wasm(), new(*engine.InvalidModuleError)},
		{"the check", []byte(head + "\x01\x04\x01\x60\x00\x00" + "\x02" + string([]byte{byte(len(check) + 1)}) + "\x01" + check +
			"\x07\x0a\x01\x06_start\x00\x00"), new(*engine.MissingImportError)},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := New(t.Context(), engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			m, err := e.Compile(t.Context(), engine.FromBytes(c.wasm))
			if err == nil {
				err = engine.Run(t.Context(), m, nil)
			}
			if !errors.As(err, c.want) {
				t.Errorf("%v, want a %T", err, c.want)
			}
		})
	}
}
