package core

import (
	"context"
	"errors"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

type instance struct {
	module *module
	run    Run
	begun  time.Time

	done  chan struct{} // closed when the following are final
	err   error
	ended time.Duration
}

func (i *instance) Wait() error {
	<-i.done
	return i.err
}

func (i *instance) Stats() engine.Stats {
	s := engine.Stats{MemoryBytes: i.run.now.Load(), MemoryPeakBytes: i.run.peak.Load(), HostCalls: i.run.world().Calls()}
	select {
	case <-i.done:
		s.Elapsed, s.MemoryBytes = i.ended, 0
	default:
		s.Elapsed = time.Since(i.begun)
	}
	return s
}

// live is the life of the instance, in a goroutine of its own.
func (i *instance) live(ctx context.Context) {
	err := i.outcome(ctx, i.guest(ctx))
	if cerr := i.run.world().Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		err = &engine.Error{Engine: i.module.engine.name, Op: "run", Err: err}
	}
	i.err, i.ended = err, time.Since(i.begun)
	i.module.event(engine.PhaseEnd, i.ended)
	close(i.done)
}

func (i *instance) guest(ctx context.Context) (err error) {
	defer i.module.engine.recovered(&err)
	return i.module.code.Run(ctx, &i.run)
}

// outcome is how the run ended. What the guest did to itself counts before the end of the context, and the host knows
// better than the runtime, for which leaving a host call is always the same.
func (i *instance) outcome(ctx context.Context, err error) error {
	host := i.run.world()
	if code, ok := host.Exited(); ok {
		if code == 0 {
			return nil
		}
		return &engine.ExitError{Code: code}
	}
	if host.Err() != nil {
		return host.Err()
	}
	if errors.Is(err, ErrStopped) && ctx.Err() != nil {
		return engine.Stopped(ctx)
	}
	return err
}
