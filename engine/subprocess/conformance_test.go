//go:build linux

package subprocess_test

import (
	"context"
	"os"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

func TestMain(m *testing.M) {
	if subprocess.Init() {
		return
	}
	os.Exit(m.Run())
}

// inner opens the engine of that name in a child process that is this program.
func inner(name string) func(context.Context, engine.Options) (engine.Engine, error) {
	return func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
		return subprocess.New(ctx, subprocess.Config{Engine: name}, opts)
	}
}

// TestConformance runs the suite on every engine that is part of this program, in a child.
func TestConformance(t *testing.T) {
	for _, d := range engine.List() {
		if d.Open != nil {
			t.Run(d.Name, func(t *testing.T) { enginetest.Run(t, inner(d.Name)) })
		}
	}
}
