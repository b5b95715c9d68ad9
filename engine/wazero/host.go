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

// guestContext is the context of every call into a guest, and with that of every call that the guest makes of its host:
// a type of its own is found faster than a value.
type guestContext struct {
	context.Context
	run *instance
}

// offer makes the functions importable in rt, those of the modules that the guest imports from.
func offer(ctx context.Context, rt wazero.Runtime, imported map[string]bool) error {
	builders := make(map[string]wazero.HostModuleBuilder)
	for i, f := range preview1.Table() {
		if !imported[f.Module] {
			continue
		}
		if builders[f.Module] == nil {
			builders[f.Module] = rt.NewHostModuleBuilder(f.Module)
		}
		builders[f.Module] = builders[f.Module].NewFunctionBuilder().
			WithGoModuleFunction(hostFunction(i, f), params(f), results(f)).Export(f.Name)
	}
	for _, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func hostFunction(i int, f preview1.Func) api.GoModuleFunc {
	n := len(f.Params)
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		run := ctx.(*guestContext).run
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

func results(f preview1.Func) []api.ValueType {
	if f.Result {
		return []api.ValueType{api.ValueTypeI32}
	}
	return nil
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

// offered is the type of each function that the host has.
var offered = func() map[function]string {
	m := make(map[function]string)
	for _, f := range preview1.Table() {
		m[function{f.Module, f.Name}] = signature(params(f), results(f))
	}
	return m
}()

type function struct{ module, name string }

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
