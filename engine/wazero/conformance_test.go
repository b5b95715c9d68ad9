package wazero_test

import (
	"testing"

	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/wazero"
)

func TestConformance(t *testing.T) { enginetest.Run(t, wazero.New) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, wazero.New) }
