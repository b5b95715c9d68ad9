package wazero

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/wasmoci/wasmoci/engine"
	binary "github.com/wasmoci/wasmoci/engine/internal/wasm"
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
			if err := binary.Bounded(wasm); err != nil {
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

func TestBoundTables(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"no maximum", "\x01\x70\x00\x00", "\x01\x70\x01\x00\x80\xad\xe2\x04"},
		{"one within", "\x01\x70\x01\x01\x05", "\x01\x70\x01\x01\x05"},
		{"one beyond", "\x01\x70\x01\x00\xff\xff\xff\xff\x0f", "\x01\x70\x01\x00\x80\xad\xe2\x04"},
		{"two share", "\x02\x70\x00\x00\x6f\x00\x00", "\x02\x70\x01\x00\xc0\x96\xb1\x02\x6f\x01\x00\xc0\x96\xb1\x02"},
		{"none", "\x00", "\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := boundTables([]byte(c.in)); err != nil || string(got) != c.want {
				t.Errorf("%x, %v; want %x", got, err, c.want)
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

func FuzzInstrument(f *testing.F) {
	for _, wasm := range guests(f) {
		f.Add(wasm)
	}
	rt := wazero.NewRuntimeWithConfig(f.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) < 8 || len(wasm) > 1<<14 || string(wasm[:8]) != "\x00asm\x01\x00\x00\x00" {
			return
		}
		out, err := instrument(wasm, true)
		if err != nil {
			return
		}
		// An instrumented module is as valid as it was.
		plain, perr := rt.CompileModule(t.Context(), wasm)
		checked, cerr := rt.CompileModule(t.Context(), out)
		if (perr == nil) != (cerr == nil) && !strings.Contains(fmtError(perr, cerr), "limit") {
			t.Errorf("plain %v, instrumented %v", perr, cerr)
		}
		if perr == nil {
			plain.Close(t.Context())
		}
		if cerr == nil {
			checked.Close(t.Context())
		}
	})
}

func fmtError(errs ...error) string {
	if err := errors.Join(errs...); err != nil {
		return err.Error()
	}
	return ""
}
