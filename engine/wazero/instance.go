package wazero

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

type instance struct {
	module     *module
	entrypoint string
	host       *preview1.Host
	memory     memory
	begun      time.Time

	done  chan struct{} // closed when the following are final
	err   error
	ended time.Duration
}

func (i *instance) Wait() error {
	<-i.done
	return i.err
}

func (i *instance) Stats() engine.Stats {
	s := engine.Stats{MemoryBytes: i.memory.size.Load(), MemoryPeakBytes: i.memory.peak.Load(), HostCalls: i.host.Calls()}
	select {
	case <-i.done:
		s.Elapsed, s.MemoryBytes = i.ended, 0
	default:
		s.Elapsed = time.Since(i.begun)
	}
	return s
}

// run is the life of the instance, in a goroutine of its own.
func (i *instance) run(ctx context.Context) {
	err := i.outcome(ctx, i.guest(ctx))
	i.memory.Free() // wazero does not where the context ended the guest inside a host call
	if cerr := i.host.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		err = &engine.Error{Engine: Name, Op: "run", Err: err}
	}
	i.err, i.ended = err, time.Since(i.begun)
	i.module.event(engine.PhaseEnd, i.ended)
	close(i.done)
}

// anonymous is the configuration of every instance: without a name, so that there can be many; nothing is called by itself;
// and a source of random numbers that nobody uses, because wazero would seed one of its own each time.
var anonymous = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(strings.NewReader(""))

// guest instantiates the module, which runs its start function, and calls the entrypoint.
func (i *instance) guest(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = recovered(r)
		}
	}()
	ctx = &guestContext{experimental.WithMemoryAllocator(ctx, &i.memory), i}
	mod, err := i.module.runtime.InstantiateModule(ctx, i.module.compiled, anonymous)
	if err != nil {
		return err
	}
	defer mod.Close(ctx)
	i.module.event(engine.PhaseGuest, 0)
	name := i.entrypoint
	if name == "" {
		name = engine.StartFunction
	}
	if name != engine.StartFunction && name != engine.InitializeFunction {
		if initialize := mod.ExportedFunction(engine.InitializeFunction); initialize != nil {
			if _, err := initialize.Call(ctx); err != nil {
				return err
			}
		}
	}
	_, err = mod.ExportedFunction(name).Call(ctx)
	return err
}

// outcome is how the run ended. What the guest did to itself counts before the end of the context, and the host knows
// better than wazero, for which leaving a host call is always an exit.
func (i *instance) outcome(ctx context.Context, err error) error {
	if code, ok := i.host.Exited(); ok {
		if code == 0 {
			return nil
		}
		return &engine.ExitError{Code: code}
	}
	var exit *sys.ExitError
	switch {
	case i.host.Err() != nil:
		return i.host.Err()
	case err == nil:
		return nil
	case errors.As(err, &exit) && ctx.Err() != nil:
		return engine.Stopped(ctx)
	}
	return trapOf(err)
}
