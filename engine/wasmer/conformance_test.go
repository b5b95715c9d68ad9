//go:build wasmer

package wasmer_test

import (
	"testing"

	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/wasmer"
)

func TestConformance(t *testing.T) { enginetest.Run(t, wasmer.New) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, wasmer.New) }
