//go:build linux

package subprocess

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/gate"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// module implements engine.Module.
type module struct {
	engine *subEngine
	info   engine.ModuleInfo
	file   *os.File // what was compiled, sealed
	digest [sha256.Size]byte
	spare  *child // in which the module is compiled and has not run; under the engine's mu
	gate   gate.Gate
	closed sync.Once

	exporting chan struct{} // has room for one: whoever has put something there may use the following
	open      *openRequest  // for children that only run the module; nil where that is not known yet
	exported  string        // directory; "" where there is none
}

// describe completes what the child says of the module with what this process knows better.
func (m *module) describe(said engine.ModuleInfo, content *engine.Content, begun time.Time) {
	name, size := m.info.Name, m.info.Size
	m.info = said
	m.info.Engine, m.info.Name, m.info.Size = m.engine.info.Name, name, size
	m.info.Format, m.info.Digest = content.Format, content.DigestString()
	m.info.Capabilities = offered(said.Capabilities)
	m.info.Cached = said.Cached && m.engine.opts.CacheDir != "" // that there is a private cache is nobody's concern
	m.info.CompileTime = time.Since(begun)
}

// Info implements engine.Module.
func (m *module) Info() engine.ModuleInfo { return m.info }

// Start implements engine.Module.
func (m *module) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	fail := func(err error) (engine.Instance, error) { return nil, m.engine.failed("start", err) }
	if !m.engine.gate.Enter() {
		return fail(engine.ErrClosed)
	}
	defer m.engine.gate.Leave()
	if !m.gate.Enter() {
		return fail(engine.ErrClosed)
	}
	inst, err := m.start(ctx, cfg)
	if inst == nil {
		m.gate.Leave()
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
	g, err := newGrant(cfg)
	if err != nil {
		// What cannot be handed over cannot be opened either: in process it is this that would say so.
		if host, same := preview1.New(ctx, cfg); same != nil {
			err = same
		} else {
			host.Close()
		}
		return fail(err)
	}
	c := m.engine.take(&m.spare)
	if c == nil {
		var open *openRequest
		if open, err = m.export(ctx); err == nil {
			c, err = m.engine.spawn(open)
		}
		if err != nil {
			g.close()
			return fail(err)
		}
	}
	release := g.serve(ctx)
	hurry := context.AfterFunc(ctx, func() { _ = c.conn.SetWriteDeadline(time.Unix(1, 0)) }) // where the child reads nothing
	err = c.sendRun(m, g)
	hurry()
	g.close()
	if err != nil && ctx.Err() != nil {
		m.engine.abandon(c, release)
		return fail(engine.Stopped(ctx))
	}
	if err != nil {
		err = m.engine.failed("start", c.giveUp(err))
		release()
		return nil, err
	}
	if !c.loaded {
		if err := c.awaitLoaded(ctx, nil); err != nil {
			m.engine.abandon(c, release)
			return nil, err
		}
	}
	// From here on the guest may run, and the end of ctx is the end of the child.
	inst := &instance{module: m, child: c, ctx: ctx, begun: begun, done: make(chan struct{})}
	unregister := context.AfterFunc(ctx, c.proc.kill)
	err = c.answer(context.Background(), "start", kindStarted, nil)
	var crash *CrashError
	if err != nil && ctx.Err() == nil && !errors.As(err, &crash) { // a crash may be the guest's doing: that is Wait's
		unregister()
		c.end()
		release()
		return nil, err
	}
	go inst.watch(func() {
		unregister()
		release()
	})
	return inst, nil
}

// sendRun has the child run the guest, all at once: it need not wait for this process before that is over.
func (c *child) sendRun(m *module, g *grant) error {
	if !c.loaded {
		if err := c.sendLoad(m, true); err != nil {
			return err
		}
	}
	return c.send(kindStart, &g.req, g.fds)
}

// Close implements engine.Module.
func (m *module) Close() error {
	m.closed.Do(func() {
		m.gate.Close()
		if c := m.engine.take(&m.spare); c != nil {
			c.end()
		}
		m.file.Close()
		m.leave()
		m.engine.mu.Lock()
		delete(m.engine.modules, m)
		m.engine.mu.Unlock()
	})
	return nil
}
