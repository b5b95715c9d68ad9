package all_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
)

func TestRegistered(t *testing.T) {
	var names []string
	for _, d := range engine.List() {
		names = append(names, d.Name)
		if d.Open == nil && !errors.Is(d.Unavailable, engine.ErrNotBuilt) {
			t.Errorf("%s: unavailable because of %v, which does not match engine.ErrNotBuilt", d.Name, d.Unavailable)
		}
	}
	if want := []string{"wazero", "wasmedge", "wasmer", "wasmtime"}; !slices.Equal(names, want) {
		t.Errorf("registered are %v, want %v: pure Go first, then by name", names, want)
	}
}

// TestDefault: what a program built with Go alone has is one engine that can be opened.
func TestDefault(t *testing.T) {
	d, ok := engine.Lookup("wazero")
	if !ok || d.Open == nil || d.Native {
		t.Errorf("wazero is %+v, want a pure Go engine that can be opened in every build", d)
	}
}
