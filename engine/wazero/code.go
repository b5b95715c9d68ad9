package wazero

import (
	"context"
	"errors"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
)

// code is a compiled module.
type code struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache // nil without a folder
	folder   string                  // where wazero keeps code
	remove   func()                  // removes it; nil where nothing is to be removed
	frame    []byte                  // for the cache; nil where that has it, or does not want it
	alone    bool                    // guests have no checks, and the process to themselves
	unkept   error                   // why it has no folder although there is a cache
}

// useFolder makes a directory in dir for wazero to read code from, or write it to.
func (c *code) useFolder(dir *cache.Dir) error {
	scratch, remove, err := dir.Scratch()
	if err != nil {
		return err
	}
	c.remove = remove
	if c.cache, err = wazero.NewCompilationCacheWithDir(scratch); err == nil {
		c.folder, err = onlyEntry(scratch)
	}
	if err != nil {
		c.free()
	}
	return err
}

// leaveFolder removes the directory: what is compiled is in memory.
func (c *code) leaveFolder() {
	if c.remove != nil {
		c.remove()
		c.remove = nil
	}
}

func (c *code) free() {
	if c.runtime != nil {
		_ = c.runtime.Close(context.Background())
	}
	if c.cache != nil {
		_ = c.cache.Close(context.Background())
	}
	c.leaveFolder()
}

// Close implements core.Code.
func (c *code) Close() error {
	c.free()
	return nil
}

// run is one run of a guest, found by host functions through the context.
type run struct {
	*core.Run
	memory memory
	heap   *heap // nil where the guest has checks
}

// randomless has a source of random numbers that nobody uses, because wazero would seed one of its own each time.
var randomless = wazero.NewModuleConfig().WithStartFunctions().WithRandSource(strings.NewReader(""))

// anonymous is the configuration of every instance: without a name, so that there can be many; nothing is called by itself.
var anonymous = randomless.WithName("")

// Run implements core.Code.
func (c *code) Run(ctx context.Context, r *core.Run) error {
	guest := &run{Run: r, memory: memory{limit: r.MemoryLimit, resized: r.Resized}}
	defer guest.memory.Free() // wazero does not where the context ended the guest inside a host call
	if c.alone {
		var err error
		if guest.heap, err = occupy(); err != nil {
			return err
		}
		defer guest.heap.release()
	}
	err := c.call(ctx, guest)
	var exit *sys.ExitError
	if errors.As(err, &exit) {
		return core.ErrStopped
	}
	if err != nil {
		return trapOf(err)
	}
	return nil
}

// call instantiates the module, which runs its start function, and calls the entrypoint.
func (c *code) call(ctx context.Context, r *run) error {
	ctx = &guestContext{experimental.WithMemoryAllocator(ctx, &r.memory), r}
	mod, err := c.runtime.InstantiateModule(ctx, c.compiled, anonymous)
	if err != nil {
		return err
	}
	defer mod.Close(ctx)
	r.Begin()
	if r.Initialize {
		if _, err := mod.ExportedFunction(engine.InitializeFunction).Call(ctx); err != nil {
			return err
		}
	}
	_, err = mod.ExportedFunction(r.Entrypoint).Call(ctx)
	return err
}
