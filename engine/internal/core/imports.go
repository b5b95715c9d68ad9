package core

import (
	"slices"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

type function struct{ module, name string }

// offer is a function that the host has: its index into [preview1.Table], and its type.
type offer struct {
	index int
	kind  string
}

var offered = func() map[function]offer {
	m := make(map[function]offer)
	for i, f := range preview1.Table() {
		params := make([]string, len(f.Params))
		for i, p := range f.Params {
			params[i] = "i32"
			if p == 'I' {
				params[i] = "i64"
			}
		}
		result := ""
		if f.Result {
			result = "i32"
		}
		m[function{f.Module, f.Name}] = offer{i, "(" + strings.Join(params, ", ") + ") -> (" + result + ")"}
	}
	return m
}()

// missingImport returns the first import that the host does not provide, or nil.
func missingImport(imports []engine.Extern) error {
	for _, i := range imports {
		have, ok := offered[function{i.Module, i.Name}]
		if i.Kind != "func" || !ok {
			have.kind = ""
		} else if have.kind == i.Type {
			continue
		}
		return &engine.MissingImportError{Module: i.Module, Name: i.Name, Kind: i.Kind, Type: i.Type, Want: have.kind}
	}
	return nil
}

// HostFunctions returns the functions that a module with these imports needs, as indices into [preview1.Table], each once. It is nil
// where the host does not provide all of the imports: such a module compiles, and no run of it comes as far as [Code.Run].
func HostFunctions(imports []wasm.Extern) []int {
	indices := make([]int, 0, len(imports))
	for _, i := range imports {
		have, ok := offered[function{i.Module, i.Name}]
		if !ok || i.Kind != "func" || i.Type != have.kind {
			return nil
		}
		if !slices.Contains(indices, have.index) {
			indices = append(indices, have.index)
		}
	}
	return indices
}
