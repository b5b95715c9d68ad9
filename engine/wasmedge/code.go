//go:build wasmedge && cgo

package wasmedge

import (
	"context"
	"errors"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// code is a validated module.
type code struct {
	library *library
	module  module
	imports []uint32 // of preview1.Table
	pages   uint64   // of memory that an instance begins with
	alone   bool     // a guest has the process to itself
	fresh   []byte   // what the library was given, for the cache; nil where that has it
}

// Close implements core.Code.
func (c *code) Close() error {
	c.module.close()
	return nil
}

// running is one run of a guest.
type running struct{ *core.Run }

func (r running) call(function int, memory []byte, args []uint64) preview1.Errno {
	r.Resized(uint64(len(memory)))
	return r.Host.Call(function, memory, args[:len(preview1.Table()[function].Params)])
}

// errNoRoom is the host's failure, not the guest's: the engine reserves that much for each memory, whatever its size.
var errNoRoom = errors.New("no 12 GiB of address space for the guest's memory: raise the process's limit of it (RLIMIT_AS), or run fewer guests")

// Run implements core.Code.
func (c *code) Run(ctx context.Context, r *core.Run) error {
	if c.alone {
		release, err := occupy()
		if err != nil {
			return err
		}
		defer release()
	}
	inst, failed := c.library.instance(c.module, c.imports, r.MemoryLimit, running{r})
	if inst == nil {
		// Data did not fit. Into a memory that is not there it never does.
		if traps[failed.code] == engine.TrapMemoryBounds && !c.library.hasRoom() {
			return errNoRoom
		}
		return trapOf(failed.code, failed.message, false)
	}
	defer inst.close()
	if !inst.memoryIsThere(memoryExport, c.pages) {
		return errNoRoom
	}
	cancelled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		inst.cancel()
		close(cancelled)
	})
	defer func() {
		if !stop() {
			<-cancelled
		}
	}()
	r.Resized(inst.memoryLength(memoryExport))
	r.Begin()
	err := calls(inst, r)
	r.Resized(inst.memoryLength(memoryExport))
	return err
}

// calls calls what makes a run, in order.
func calls(inst *instance, r *core.Run) error {
	for _, f := range []struct {
		name   string
		wanted bool
	}{{startExport, inst.has(startExport)}, {engine.InitializeFunction, r.Initialize}, {r.Entrypoint, true}} {
		if !f.wanted {
			continue
		}
		ended, err := inst.invoke(f.name)
		if err != nil {
			return err
		}
		switch ended.code {
		case resultOK:
		case resultTerminated, resultInterrupted:
			return core.ErrStopped
		default:
			return trapOf(ended.code, ended.message, inst.overflowed())
		}
	}
	return nil
}
