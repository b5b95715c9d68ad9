//go:build linux

package subprocess_test

import (
	"context"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

// inner opens an engine in a child process that is this program.
func inner(cfg subprocess.Config) func(context.Context, engine.Options) (engine.Engine, error) {
	return func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
		return subprocess.New(ctx, cfg, opts)
	}
}

// TestConformance runs the suite on every engine that is part of this program, in a child.
func TestConformance(t *testing.T) {
	for _, d := range engine.List() {
		if d.Open != nil && d.Name != testEngine {
			t.Run(d.Name, func(t *testing.T) { enginetest.Run(t, inner(subprocess.Config{Engine: d.Name})) })
		}
	}
}

// TestConformanceUnchecked runs the suite on those whose guests need a process of their own to run without checks.
func TestConformanceUnchecked(t *testing.T) {
	for _, d := range engine.List() {
		if d.Open != nil && d.Dedicate != nil && d.Name != testEngine {
			t.Run(d.Name, func(t *testing.T) { enginetest.Run(t, inner(subprocess.Config{Engine: d.Name, Unchecked: true})) })
		}
	}
}

func BenchmarkEngine(b *testing.B) {
	for _, d := range engine.List() {
		if d.Open != nil && d.Name != testEngine {
			b.Run(d.Name, func(b *testing.B) { enginetest.Bench(b, inner(subprocess.Config{Engine: d.Name})) })
		}
	}
}
