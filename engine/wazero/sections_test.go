package wazero

import (
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestSections(t *testing.T) {
	imports, exports, memory := sections(exit42)
	if want := []engine.Extern{{Module: "wasi_snapshot_preview1", Name: "proc_exit", Kind: "func"}}; !slices.Equal(imports, want) {
		t.Errorf("imports %v, want %v", imports, want)
	}
	if want := []engine.Extern{{Name: "memory", Kind: "memory"}, {Name: "_start", Kind: "func"}}; !slices.Equal(exports, want) {
		t.Errorf("exports %v, want %v", exports, want)
	}
	if memory != 64<<10 {
		t.Errorf("memory %d, want one page", memory)
	}
}

func FuzzSections(f *testing.F) {
	f.Add(exit42)
	f.Fuzz(func(_ *testing.T, b []byte) {
		if len(b) >= 8 {
			sections(b) // must not panic, nor take memory that b has not
		}
	})
}
