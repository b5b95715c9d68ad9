package wasmedge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestEnterable: a module that has been prepared is valid and does what it did, and the function that is added calls what is in
// its table, which is nothing as yet.
func TestEnterable(t *testing.T) {
	e := elsewhere(t)
	endless := []string{"recursion", "spin", "spin_calling", "spin_in_start", "wait", "stack"}
	other := []string{"random", "table_grow", "trap_in_start"} // differ each time, by the bounds of tables, and by what the start function is
	for name, module := range guests(t) {
		if slices.Contains(endless, name) || strings.HasPrefix(name, "import_") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			prepared, err := enterable(module)
			if err != nil {
				t.Fatal(err)
			}
			m, err := e.Compile(t.Context(), engine.FromBytes(prepared))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			// A guest that has a start function, or _initialize, may not come so far.
			err = engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{Entrypoint: enterExport})
			if !errors.Is(err, engine.TrapTableBounds) && !errors.Is(err, engine.TrapNullReference) && !strings.Contains(name, "reactor_") && name != "command_initialize" {
				t.Errorf("entered without a host it ends by %v", err)
			}
			want := runOn(t, e, module, nil)
			if got := engine.Run(context.WithoutCancel(t.Context()), m, nil); engine.ExitCode(got) != engine.ExitCode(want) && !slices.Contains(other, name) {
				t.Errorf("it ends by %v, before by %v", got, want)
			}
		})
	}
}

// TestEnterableRefuses: what would have more of something than it has bytes for.
func TestEnterableRefuses(t *testing.T) {
	for name, module := range map[string]string{"nothing": "", "half a header": "\x00asm", "many types": "\x00asm\x01\x00\x00\x00\x01\x05\xff\xff\xff\xff\x0f"} {
		if _, err := enterable([]byte(module)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
