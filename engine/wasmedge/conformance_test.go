//go:build wasmedge

package wasmedge_test

import (
	"testing"

	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/wasmedge"
)

// TestConformance fails where the tag is set and cgo is off, and says so: an engine that was asked for is not passed over.
func TestConformance(t *testing.T) { enginetest.Run(t, wasmedge.New) }

func BenchmarkEngine(b *testing.B) { enginetest.Bench(b, wasmedge.New) }
