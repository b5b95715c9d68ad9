package wazero

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// guestContext is the context of every call into a guest, and with that of every call that the guest makes of its host:
// a type of its own is found faster than a value.
type guestContext struct {
	context.Context
	run *run
}

// imported is a function that a guest imports.
type imported struct{ module, name string }

// offer makes functions importable in rt, those that the guest asks for: wazero makes code for each.
func offer(ctx context.Context, rt wazero.Runtime, wanted map[imported]bool) error {
	builders := make(map[string]wazero.HostModuleBuilder)
	function := func(module string) wazero.HostFunctionBuilder {
		if builders[module] == nil {
			builders[module] = rt.NewHostModuleBuilder(module)
		}
		return builders[module].NewFunctionBuilder()
	}
	for i, f := range preview1.Table() {
		if wanted[imported{f.Module, f.Name}] {
			builders[f.Module] = function(f.Module).WithGoModuleFunction(hostFunction(i, f), params(f), results(f)).Export(f.Name)
		}
	}
	if wanted[imported{checkModule, checkName}] {
		builders[checkModule] = function(checkModule).WithGoFunction(api.GoFunc(check), nil, nil).Export(checkName)
	}
	for _, b := range builders {
		compiled, err := b.Compile(ctx)
		if err == nil {
			_, err = rt.InstantiateModule(ctx, compiled, randomless)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check does not return to a guest whose context has ended. That it is Go lets the collector and other goroutines have their turn.
func check(ctx context.Context, _ []uint64) {
	if ctx.Err() != nil {
		panic(sys.NewExitError(0)) // why is in the context
	}
}

func hostFunction(i int, f preview1.Func) api.GoModuleFunc {
	n := len(f.Params)
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		r := ctx.(*guestContext).run
		e := r.Host.Call(i, r.memory.bytes(), stack[:n])
		if r.heap != nil {
			r.heap.called()
		}
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
