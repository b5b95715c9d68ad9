package core

import (
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

type function struct{ module, name string }

// offered is the type of each function that the host has.
var offered = func() map[function]string {
	m := make(map[function]string)
	for _, f := range preview1.Table() {
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
		m[function{f.Module, f.Name}] = "(" + strings.Join(params, ", ") + ") -> (" + result + ")"
	}
	return m
}()

// missingImport returns the first import that the host does not provide, or nil.
func missingImport(imports []engine.Extern) error {
	for _, i := range imports {
		want, ok := offered[function{i.Module, i.Name}]
		if i.Kind != "func" || !ok {
			want = ""
		} else if want == i.Type {
			continue
		}
		return &engine.MissingImportError{Module: i.Module, Name: i.Name, Kind: i.Kind, Type: i.Type, Want: want}
	}
	return nil
}
