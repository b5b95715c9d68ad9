//go:build wasmedge && cgo

package wasmedge

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// compiling opens an engine that compiles, in this process, which is made one for it until the end of the test.
func compiling(t testing.TB, opts engine.Options) engine.Engine {
	t.Helper()
	before := dedicated.Load()
	t.Cleanup(func() { dedicated.Store(before) })
	Dedicate()
	opts.Uninterruptible = true
	return opened(t, opts)
}

func TestNotDedicated(t *testing.T) {
	_, err := New(t.Context(), engine.Options{Uninterruptible: true})
	var unsupported *engine.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Missing.String() != string(engine.Unchecked) || !errors.Is(err, errNotDedicated) {
		t.Errorf("%v, want an *engine.UnsupportedError that says what to call", err)
	}
}

// TestVersion: which of the two runs guests can be seen.
func TestVersion(t *testing.T) {
	if v := opened(t, engine.Options{}).Info().Version; !strings.HasSuffix(v, " (interpreted)") {
		t.Errorf("the version is %q", v)
	}
	if v := compiling(t, engine.Options{}).Info().Version; !strings.HasSuffix(v, " (compiled)") {
		t.Errorf("the version is %q", v)
	}
}

// TestCompiledMeaning: compiled functions compute what they do on another engine.
func TestCompiledMeaning(t *testing.T) {
	e := compiling(t, engine.Options{})
	for _, name := range []string{"control", "counter", "sieve"} {
		module := guests(t)[name]
		want, got := runOn(t, elsewhere(t), module, nil), runOn(t, e, module, nil)
		if engine.ExitCode(want) != engine.ExitCode(got) {
			t.Errorf("%s ends by %v, elsewhere by %v", name, got, want)
		}
	}
}

// TestCompiledStack: the end of the stack is a trap, also for frames larger than a page, which could reach over its end, and
// as often as it is met.
func TestCompiledStack(t *testing.T) {
	e := compiling(t, engine.Options{})
	for name, module := range map[string][]byte{"small frames": wide(1), "large frames": wide(2000)} {
		m, err := e.Compile(t.Context(), engine.FromBytes(module))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := engine.Run(context.WithoutCancel(t.Context()), m, nil); !errors.Is(err, engine.TrapStackOverflow) {
				t.Errorf("%s end by %v, want %v", name, err, engine.TrapStackOverflow)
			}
		}
	}
	if err := runOn(t, e, guests(t)["stack"], &wasi.Config{Entrypoint: "not_deep"}); err != nil {
		t.Errorf("calls of a depth that is usual end by %v", err)
	}
}

// TestCompiledStackHost: the host has a stack, too, where the guest has next to none left: a guest that calls it at any depth ends by a
// trap, and not the process.
func TestCompiledStackHost(t *testing.T) {
	yields := section(wasm.SectionImport, "\x16wasi_snapshot_preview1\x0bsched_yield\x00\x01")
	if err := runOn(t, compiling(t, engine.Options{}), deep(100, yields, "\x10\x00\x1a"), nil); !errors.Is(err, engine.TrapStackOverflow) {
		t.Errorf("it ends by %v, want %v", err, engine.TrapStackOverflow)
	}
}

// wide is a command that calls itself for ever, with values over the call: it reads them before from its memory, which the call may
// change, and uses them afterwards.
func wide(values int) []byte { return deep(values, "", "") }

// deep is wide with an import of type () -> i32, or none, and with code before everything else.
func deep(values int, imported, first string) []byte {
	self := byte(min(len(imported), 1))
	code := []byte(first)
	for i := range values {
		code = append(code, wasm.OpI32Const, 0, 0x29, 3) // i64.load
		code = binary.AppendUvarint(code, uint64(8*i))
		code = wasm.AppendOp(code, 0x21, uint64(i)) // local.set
	}
	code = append(code, 0x10, self) // call
	for i := range values {
		code = append(code, wasm.OpI32Const, 0)
		code = append(wasm.AppendOp(code, wasm.OpLocalGet, uint64(i)), 0x37, 3) // i64.store
		code = binary.AppendUvarint(code, uint64(8*i))
	}
	locals := append(binary.AppendUvarint([]byte{1}, uint64(values)), 0x7e)
	return []byte(wasm.Header + section(wasm.SectionType, "\x60\x00\x00", "\x60\x00\x01\x7f") + imported + section(wasm.SectionFunction, "\x00") +
		section(wasm.SectionMemory, "\x00\x01") + section(wasm.SectionExport, "\x06_start\x00"+string(self)) +
		section(wasm.SectionCode, function(string(locals), string(append(code, wasm.OpEnd)))))
}

// TestHostFault: a nil pointer of the host, while compiled code runs and after it, is a panic as ever, although the library takes the
// process's signals.
func TestHostFault(t *testing.T) {
	e := compiling(t, engine.Options{})
	m, err := e.Compile(t.Context(), engine.FromBytes(guests(t)["hello"]))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w := &faults{}
		if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{Stdout: w}); err != nil || w.panics == 0 {
			t.Errorf("%d panics, and the run ended with %v", w.panics, err)
		}
		if err := runOn(t, e, wide(1), nil); !errors.Is(err, engine.TrapStackOverflow) {
			t.Error(err)
		}
		if _, _ = w.Write(nil); w.panics < 2 {
			t.Error("a nil pointer of the host did not panic")
		}
	}
}

// faults is a writer that follows a nil pointer.
type faults struct {
	panics int
	next   *faults
}

func (f *faults) Write(p []byte) (n int, err error) {
	defer func() {
		if recover() != nil {
			f.panics++
			n = len(p)
		}
	}()
	return f.next.panics, nil
}

// TestAdded: what is added to a module is not there for its own code.
func TestAdded(t *testing.T) {
	e := compiling(t, engine.Options{})
	for name, module := range map[string][]byte{
		"the function":   command(function("\x00", "\x10\x01\x0b"), start),
		"the table":      command(function("\x00", "\x41\x00\x11\x00\x00\x0b"), start),
		"its export":     command(function("\x00", "\x0b"), section(wasm.SectionExport, "\x06_start\x00\x00", "\x0dwasmoci:enter\x00\x01")),
		"nothing, it is": nil,
	} {
		if module == nil {
			module = command(function("\x00", "\x41\x00\x0b"), start) // leaves a value
		}
		_, err := e.Compile(t.Context(), engine.FromBytes(module))
		var invalid *engine.InvalidModuleError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: got %v, want an *engine.InvalidModuleError", name, err)
		}
	}
}

// TestOneGuest: a second guest at the same time is refused.
func TestOneGuest(t *testing.T) {
	e := compiling(t, engine.Options{})
	m, err := e.Compile(t.Context(), engine.FromBytes(guests(t)["hello"]))
	if err != nil {
		t.Fatal(err)
	}
	reached, goOn := make(chan struct{}), make(chan struct{})
	ctx := context.WithoutCancel(t.Context())
	first, err := m.Start(ctx, &wasi.Config{Stdout: blocks{reached, goOn}})
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := engine.Run(ctx, m, nil); !errors.Is(err, errOccupied) {
		t.Errorf("the second ended with %v", err)
	}
	close(goOn)
	if err := first.Wait(); err != nil {
		t.Errorf("the first ended with %v", err)
	}
}

type blocks struct{ reached, goOn chan struct{} }

func (b blocks) Write(p []byte) (int, error) {
	close(b.reached)
	<-b.goOn
	return len(p), nil
}

// TestKept: compiled code is kept, and the interpreter does not take it for its own.
func TestKept(t *testing.T) {
	dir := t.TempDir() + "/cache"
	for _, c := range []struct {
		open   func(testing.TB, engine.Options) engine.Engine
		cached bool
	}{
		{compiling, false},
		{compiling, true},
		{opened, false},
		{opened, true},
	} {
		m, err := c.open(t, engine.Options{CacheDir: dir}).Compile(t.Context(), engine.FromBytes(guests(t)["hello"]))
		if err != nil {
			t.Fatal(err)
		}
		if m.Info().Cached != c.cached {
			t.Errorf("cached: %t, want %t", m.Info().Cached, c.cached)
		}
		var out bytes.Buffer
		if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{Stdout: &out}); err != nil || out.Len() == 0 {
			t.Errorf("it ends by %v and writes %q", err, out.String())
		}
	}
}
