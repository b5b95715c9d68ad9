//go:build linux

package subprocess

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// module implements engine.Module.
type module struct {
	engine *subEngine
	info   engine.ModuleInfo
	file   *os.File // what was compiled, sealed
	spare  *child   // in which the module is compiled and has not run; under the engine's mu
	gate   gate
	closed sync.Once
}

// describe completes what the child says of the module with what this process knows better.
func (m *module) describe(said *engine.ModuleInfo, content *engine.Content, begun time.Time) {
	name, size := m.info.Name, m.info.Size
	m.info = *said
	m.info.Engine, m.info.Name, m.info.Size = m.engine.info.Name, name, size
	m.info.Format, m.info.Digest = content.Format, content.DigestString()
	m.info.Capabilities = offered(said.Capabilities)
	m.info.Cached = said.Cached && m.engine.cache == nil // that there is a private cache is nobody's concern
	m.info.CompileTime = time.Since(begun)
}

// Info implements engine.Module.
func (m *module) Info() engine.ModuleInfo { return m.info }

// Start implements engine.Module.
func (m *module) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	fail := func(err error) (engine.Instance, error) { return nil, m.engine.failed("start", err) }
	if !m.engine.gate.enter() {
		return fail(engine.ErrClosed)
	}
	defer m.engine.gate.leave()
	if !m.gate.enter() {
		return fail(engine.ErrClosed)
	}
	inst, err := m.start(ctx, cfg)
	if inst == nil {
		m.gate.leave()
		return nil, err
	}
	return inst, nil
}

// start is Start in a module that is open. The instance leaves its gate.
func (m *module) start(ctx context.Context, cfg *wasi.Config) (*instance, error) {
	fail := func(err error) (*instance, error) { return nil, m.engine.failed("start", err) }
	if cfg == nil {
		cfg = &wasi.Config{}
	}
	cfg = cfg.Clone()
	if err := engine.Check(ctx, m.info, cfg); err != nil {
		return fail(err)
	}
	begun := time.Now()
	c := m.engine.take(&m.spare)
	if c == nil {
		var err error
		if c, err = m.engine.spawn(); err != nil {
			return fail(err)
		}
		if _, err = c.load(ctx, m, true); err != nil {
			m.engine.abandon(c, func() {})
			return nil, err
		}
	}
	g, err := newGrant(cfg)
	if err != nil {
		c.end()
		// What cannot be handed over cannot be opened either: in process it is this that would say so.
		if host, same := preview1.New(ctx, cfg); same != nil {
			err = same
		} else {
			host.Close()
		}
		return fail(err)
	}
	// From here on the guest may run, and the end of ctx is the end of the child.
	inst := &instance{module: m, child: c, ctx: ctx, begun: begun, done: make(chan struct{})}
	unregister := context.AfterFunc(ctx, c.proc.kill)
	stop := vfs.NewStop(ctx)
	var serving sync.WaitGroup
	for _, s := range g.streams {
		s.stop = stop
		serving.Go(s.serve)
	}
	g.streams = nil
	err = c.run(g)
	g.close()
	release := func() {
		unregister()
		stop.Close()
		serving.Wait()
	}
	if err != nil && ctx.Err() == nil {
		c.end()
		release()
		return nil, err
	}
	go inst.watch(release)
	return inst, nil
}

// run has the child start the guest.
func (c *child) run(g *grant) error {
	if err := c.send(&request{Start: &g.req}, g.fds); err != nil {
		return c.engine.failed("start", c.giveUp(err))
	}
	answer, err := c.answer(context.Background(), "start")
	if err != nil {
		return err
	}
	if !answer.Started {
		return c.engine.failed("start", c.violation(&errFrame{"it gives the wrong answer to start"}))
	}
	return nil
}

// Close implements engine.Module.
func (m *module) Close() error {
	m.closed.Do(func() {
		m.gate.close()
		if c := m.engine.take(&m.spare); c != nil {
			c.end()
		}
		m.file.Close()
		m.engine.mu.Lock()
		delete(m.engine.modules, m)
		m.engine.mu.Unlock()
	})
	return nil
}
