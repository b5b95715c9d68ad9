package wazero

import (
	"context"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// runKey is the context key of the *instance whose guest calls.
type runKey struct{}

// offer makes the functions of preview 1 importable in rt.
func offer(ctx context.Context, rt wazero.Runtime) error {
	b := rt.NewHostModuleBuilder(preview1.ModuleName)
	for i, f := range preview1.Table() {
		var results []api.ValueType
		if f.Result {
			results = []api.ValueType{api.ValueTypeI32}
		}
		b = b.NewFunctionBuilder().WithGoModuleFunction(hostFunction(i, f), params(f), results).Export(f.Name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func hostFunction(i int, f preview1.Func) api.GoModuleFunc {
	var wide [preview1.MaxParams]bool
	for k, p := range f.Params {
		wide[k] = p == 'I'
	}
	n := len(f.Params)
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		run := ctx.Value(runKey{}).(*instance)
		for k := range n {
			if !wide[k] {
				stack[k] = uint64(uint32(stack[k])) // compiled code leaves anything in the upper half
			}
		}
		e := run.host.Call(i, run.memory.bytes(), stack[:n])
		if e == preview1.Stop {
			panic(sys.NewExitError(0)) // the way out of a guest; why is in the host
		}
		if f.Result {
			stack[0] = uint64(e)
		}
	}
}

func params(f preview1.Func) []api.ValueType {
	types := make([]api.ValueType, len(f.Params))
	for i, p := range f.Params {
		types[i] = api.ValueTypeI32
		if p == 'I' {
			types[i] = api.ValueTypeI64
		}
	}
	return types
}

// signature writes a function's type as engine.Extern has it: "(i32, i64) -> (i32)".
func signature(params, results []api.ValueType) string {
	list := func(types []api.ValueType) string {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = api.ValueTypeName(t)
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	return list(params) + " -> " + list(results)
}

// offered maps the name of each function of preview 1 to its type.
var offered = func() map[string]string {
	m := make(map[string]string)
	for _, f := range preview1.Table() {
		var results []api.ValueType
		if f.Result {
			results = []api.ValueType{api.ValueTypeI32}
		}
		m[f.Name] = signature(params(f), results)
	}
	return m
}()

// missingImport returns the first import that the host does not provide, or nil.
func missingImport(imports []engine.Extern) error {
	for _, i := range imports {
		want, ok := offered[i.Name]
		if i.Kind == "func" && i.Module == preview1.ModuleName && ok {
			if want == i.Type {
				continue
			}
		} else {
			want = ""
		}
		return &engine.MissingImportError{Module: i.Module, Name: i.Name, Kind: i.Kind, Type: i.Type, Want: want}
	}
	return nil
}
