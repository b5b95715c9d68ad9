package all_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/wasmedge"
	"github.com/wasmoci/wasmoci/engine/wasmer"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
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

// TestNotBuilt: an engine that is not part of this program says so, by its constructor and by the registry, and what it needs.
func TestNotBuilt(t *testing.T) {
	const because = ": this version of wasmoci has no adapter for it yet (it will need -tags "
	for name, tt := range map[string]struct {
		new   func(context.Context, engine.Options) (engine.Engine, error)
		needs string
	}{
		wasmedge.Name: {wasmedge.New, "; it needs -tags wasmedge with CGO_ENABLED=1 and libwasmedge 0.14"},
		wasmer.Name:   {wasmer.New, because + "wasmer with CGO_ENABLED=1)"},
		wasmtime.Name: {wasmtime.New, because + "wasmtime with CGO_ENABLED=1)"},
	} {
		if d, _ := engine.Lookup(name); d.Open != nil {
			continue // it is part of this program: its own tests see to it
		}
		t.Run(name, func(t *testing.T) {
			registered := func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
				return engine.Open(ctx, name, opts)
			}
			for _, open := range []func(context.Context, engine.Options) (engine.Engine, error){tt.new, registered} {
				eng, err := open(t.Context(), engine.Options{})
				if want := "engine: " + name + " is not built into this program" + tt.needs; eng != nil || err == nil || err.Error() != want {
					t.Errorf("got  %v, %v\nwant %s", eng, err, want)
				}
				if !errors.Is(err, engine.ErrNotBuilt) || !errors.Is(err, errors.ErrUnsupported) || engine.ExitCode(err) != 126 {
					t.Errorf("%v has exit status %d, or does not match ErrNotBuilt and ErrUnsupported", err, engine.ExitCode(err))
				}
			}
		})
	}
}
