package wasmer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// TestPrepareExports: what a module imports and exports stays as it was, in its order, but for its start function at the end.
func TestPrepareExports(t *testing.T) {
	names, err := filepath.Glob("../enginetest/testdata/*.wasm")
	if err != nil || len(names) == 0 {
		t.Fatalf("no guests: %v", err)
	}
	starts := 0
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			module, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			prepared, err := prepare(module)
			if err != nil {
				t.Fatal(err)
			}
			before, err := wasm.Read(module)
			if err != nil {
				t.Fatal(err)
			}
			after, err := wasm.Read(prepared)
			if err != nil {
				t.Fatal(err)
			}
			if before.HasStart {
				starts++
				before.Exports = append(before.Exports, wasm.Extern{Name: "start", Kind: "func", Type: "() -> ()"})
			}
			if after.HasStart {
				t.Error("the start function is still one")
			}
			same := func(a, b []wasm.Extern) bool {
				if len(a) != len(b) {
					return false
				}
				for i := range a {
					if a[i] != b[i] {
						return false
					}
				}
				return true
			}
			if !same(before.Imports, after.Imports) || !same(before.Exports, after.Exports) {
				t.Errorf("got %v, %v; want %v, %v", after.Imports, after.Exports, before.Imports, before.Exports)
			}
		})
	}
	if starts == 0 {
		t.Error("no guest has a start function")
	}
}

func TestWithExport(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"none", "\x00", "\x01\x05start\x00\x07"},
		{"another", "\x01\x01f\x00\x01", "\x02\x01f\x00\x01\x05start\x00\x07"},
		{"one of that name", "\x01\x05start\x03\x01", "\x02\x05start\x03\x01\x06start'\x00\x07"},
		{"both", "\x02\x06start'\x00\x00\x05start\x00\x01", "\x03\x06start'\x00\x00\x05start\x00\x01\x07start''\x00\x07"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(withExport([]byte(c.in), 7)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
