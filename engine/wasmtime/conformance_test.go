//go:build wasmtime

package wasmtime_test

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
)

// TestBuilt: who sets the tag wants the engine; a build without cgo has none.
func TestBuilt(t *testing.T) {
	eng, err := wasmtime.New(t.Context(), engine.Options{})
	if errors.Is(err, engine.ErrNotBuilt) {
		t.Fatalf("-tags wasmtime needs cgo: set CGO_ENABLED=1 and have a C compiler (%v)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Close(); err != nil {
		t.Error(err)
	}
}

func TestConformance(t *testing.T) { enginetest.Run(t, wasmtime.New) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, wasmtime.New) }
