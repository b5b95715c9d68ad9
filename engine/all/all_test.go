package all_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
	_ "github.com/wasmoci/wasmoci/engine/known" // changes nothing where all are registered
)

func TestRegistered(t *testing.T) {
	var names, native []string
	for _, d := range engine.List() {
		names = append(names, d.Name)
		if d.Native && d.Open != nil {
			native = append(native, d.Name)
		}
	}
	if want := []string{"wazero", "wasmedge", "wasmer", "wasmtime"}; !slices.Equal(names, want) {
		t.Errorf("registered are %v, want %v: pure Go first, then by name", names, want)
	}
	if len(native) > 1 {
		t.Errorf("the program has %v, want one native engine at most: their libraries clash", native)
	}
}

// TestDeclared: what engine/known says of programs without engines is what they declare.
func TestDeclared(t *testing.T) {
	if known, here := len(declared.Engines), len(engine.List()); known != here {
		t.Errorf("%d engines are declared, and %d registered", known, here)
	}
	for _, e := range declared.Engines {
		if d, ok := engine.Lookup(e.Name); !ok || d.Native != e.Native || !reflect.DeepEqual(d.Capabilities, e.Capabilities) {
			t.Errorf("%s is registered as %+v, and declared as %+v", e.Name, d, e)
		}
	}
}

// TestDefault: what a program built with Go alone has is one engine that can be opened.
func TestDefault(t *testing.T) {
	d, ok := engine.Lookup("wazero")
	if !ok || d.Open == nil || d.Native {
		t.Errorf("wazero is %+v, want a pure Go engine that can be opened in every build", d)
	}
}

// TestNotBuilt: an engine that is not part of the program says so, and what to do.
func TestNotBuilt(t *testing.T) {
	for _, d := range engine.List() {
		if d.Open != nil {
			continue
		}
		eng, err := engine.Open(t.Context(), d.Name, engine.Options{})
		var why *engine.NotBuiltError
		if eng != nil || !errors.As(err, &why) || why.Engine != d.Name {
			t.Errorf("%s: got %v, %v, want a *engine.NotBuiltError", d.Name, eng, err)
			continue
		}
		if !errors.Is(err, engine.ErrNotBuilt) || !errors.Is(err, errors.ErrUnsupported) || engine.ExitCode(err) != 126 {
			t.Errorf("%v has exit status %d, or does not match ErrNotBuilt and ErrUnsupported", err, engine.ExitCode(err))
		}
		if text := err.Error(); !strings.Contains(text, "-tags "+d.Name+" with CGO_ENABLED=1") && !strings.Contains(text, "engine/subprocess") {
			t.Errorf("%q does not say what to do", text)
		}
	}
}
