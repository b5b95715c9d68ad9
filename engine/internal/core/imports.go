package core

import (
	"slices"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// offer is a function that the host has: its index into [preview1.Table], and its type.
type offer struct {
	index int
	kind  string
}

// offered returns the host's function of that name. A guest imports few, so there is no index of them: to make one would take longer.
func offered(module, name string) (offer, bool) {
	for i, f := range preview1.Table() {
		if f.Name != name || f.Module != module {
			continue
		}
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
		return offer{i, "(" + strings.Join(params, ", ") + ") -> (" + result + ")"}, true
	}
	return offer{}, false
}

// missingImport returns the first import that the host does not provide, or nil.
func missingImport(imports []engine.Extern) error {
	for _, i := range imports {
		have, ok := offered(i.Module, i.Name)
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
		have, ok := offered(i.Module, i.Name)
		if !ok || i.Kind != "func" || i.Type != have.kind {
			return nil
		}
		if !slices.Contains(indices, have.index) {
			indices = append(indices, have.index)
		}
	}
	return indices
}
