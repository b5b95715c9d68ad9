//go:build linux

package subprocess

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// subEngine implements engine.Engine.
type subEngine struct {
	cfg    Config
	opts   engine.Options
	open   openRequest // the first request to every child
	info   engine.Info
	obs    *engine.Observer
	forker *forker
	cache  *privateCache // nil where Options.CacheDir is set
	gate   gate
	closed sync.Once

	mu      sync.Mutex
	spare   *child // in which the engine is open and nothing has been done
	modules map[*module]struct{}
}

func newEngine(ctx context.Context, cfg Config, opts engine.Options) (_ engine.Engine, err error) {
	e := &subEngine{cfg: cfg, opts: opts, obs: engine.NewObserver(opts.Observe), modules: make(map[*module]struct{})}
	e.cfg.Env = slices.Clone(cfg.Env)
	e.info.Name = cfg.Engine
	if err := cfg.validate(); err != nil {
		return nil, e.failed("open", err)
	}
	if opts.Uninterruptible { // what it asks for is to refuse contexts that end, and there is no need to
		return nil, e.failed("open", &engine.UnsupportedError{
			Engine: cfg.Engine, Format: wasi.FormatModule, Missing: engine.NewCapabilities(engine.Unchecked),
		})
	}
	if ctx.Err() != nil {
		return nil, e.failed("open", engine.Stopped(ctx))
	}
	for _, path := range []*string{&e.cfg.Path, &e.cfg.Cgroup, &e.opts.CacheDir} { // the child is in another directory
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return nil, e.failed("open", err)
			}
		}
	}
	e.forker = newForker()
	defer func() {
		if err != nil {
			e.gate.close()
			e.free()
		}
	}()
	dir := e.opts.CacheDir
	if dir == "" {
		if e.cache, err = newPrivateCache(); err != nil {
			return nil, e.failed("open", err)
		}
		dir = e.cache.path
	}
	e.open = openRequest{
		Engine: cfg.Engine, Unchecked: cfg.Unchecked, CacheDir: text(dir), MaxModuleBytes: opts.MaxModuleBytes,
		DebugInfo: opts.DebugInfo, Log: lowestLevel(opts.Logger), Observe: opts.Observe != nil,
	}
	c, err := e.spawn()
	if err != nil {
		return nil, e.failed("open", err)
	}
	info, err := c.awaitOpened(ctx)
	if err != nil {
		e.abandon(c, func() {})
		return nil, err
	}
	e.info = *info
	for format, caps := range e.info.Capabilities {
		e.info.Capabilities[format] = offered(caps)
	}
	e.spare = c
	return e, nil
}

// offered is what the parent makes of what the engine in the child can do.
func offered(inner engine.Capabilities) engine.Capabilities {
	return inner.With(engine.Interrupt).Without(engine.Unchecked)
}

// failed wraps an error of this package's own; those of the child are wrapped there.
func (e *subEngine) failed(op string, err error) error {
	return &engine.Error{Engine: e.info.Name, Op: op, Err: err}
}

// awaitOpened waits for the answer to the first request.
func (c *child) awaitOpened(ctx context.Context) (*engine.Info, error) {
	m, err := c.answer(ctx, "open")
	if err != nil {
		return nil, err
	}
	if m.Opened == nil || m.Opened.Name == "" {
		return nil, c.engine.failed("open", c.violation(&errFrame{"it gives the wrong answer to open"}))
	}
	c.opened = true
	return m.Opened, nil
}

// load has the child compile m, or load it from the cache, and describes it unless it is known.
func (c *child) load(ctx context.Context, m *module, known bool) (*engine.ModuleInfo, error) {
	c.module.Store(&engine.ModuleInfo{Name: m.info.Name, Size: m.info.Size})
	fd, err := duplicate(m.file)
	if err != nil {
		return nil, c.engine.failed("compile", err)
	}
	err = c.send(&request{Compile: &compileRequest{Name: text(m.info.Name), Known: known}}, []int{fd})
	closeAll([]int{fd})
	if err != nil {
		return nil, c.engine.failed("compile", c.giveUp(err))
	}
	if !c.opened {
		if _, err := c.awaitOpened(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := c.answer(ctx, "compile")
	if err != nil {
		return nil, err
	}
	if answer.Compiled == nil || answer.Compiled.Info == nil && !known {
		return nil, c.engine.failed("compile", c.violation(&errFrame{"it gives the wrong answer to compile"}))
	}
	return answer.Compiled.Info, nil
}

// abandon ends a child whose work nobody waits for any more, and then calls done, in the background where that may take
// time.
func (e *subEngine) abandon(c *child, done func()) {
	select {
	case <-c.done:
		done()
	default:
		if !e.gate.enter() { // New has failed
			c.quit()
			done()
			return
		}
		go func() {
			defer e.gate.leave()
			c.quit()
			done()
		}()
	}
}

// take returns the spare child that place has, if it is still alive.
func (e *subEngine) take(place **child) *child {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := *place
	*place = nil
	if c != nil {
		select {
		case <-c.done:
			return nil
		default:
		}
	}
	return c
}

// Info implements engine.Engine.
func (e *subEngine) Info() engine.Info {
	info := e.info
	info.Capabilities = maps.Clone(info.Capabilities)
	return info
}

// Compile implements engine.Engine.
func (e *subEngine) Compile(ctx context.Context, src engine.Source) (engine.Module, error) {
	fail := func(err error) (engine.Module, error) { return nil, e.failed("compile", err) }
	if !e.gate.enter() {
		return fail(engine.ErrClosed)
	}
	defer e.gate.leave()
	if ctx.Err() != nil {
		return fail(engine.Stopped(ctx))
	}
	content, err := src.Load(e.opts.ModuleLimit())
	if err != nil {
		return fail(err)
	}
	if _, ok := e.info.Capabilities[content.Format]; !ok {
		return fail(engine.RefuseFormat(e.info.Name, content.Format))
	}
	m := &module{engine: e, info: engine.ModuleInfo{Name: src.Name(), Size: int64(len(content.Bytes))}}
	if m.file, err = seal(content.Bytes); err != nil {
		return fail(err)
	}
	c := e.take(&e.spare)
	if c == nil {
		if c, err = e.spawn(); err != nil {
			m.file.Close()
			return fail(err)
		}
	}
	begun := time.Now()
	info, err := c.load(ctx, m, false)
	if err != nil {
		m.file.Close()
		e.abandon(c, func() {})
		return nil, err
	}
	m.describe(info, content, begun)
	m.spare = c
	e.mu.Lock()
	e.modules[m] = struct{}{}
	e.mu.Unlock()
	return m, nil
}

// Close implements engine.Engine.
func (e *subEngine) Close() error {
	e.closed.Do(func() {
		e.gate.close()
		e.mu.Lock()
		left := slices.Collect(maps.Keys(e.modules))
		e.mu.Unlock()
		for _, m := range left {
			_ = m.Close()
		}
		e.free()
	})
	return nil
}

// free gives back what the engine has of its own.
func (e *subEngine) free() {
	if c := e.take(&e.spare); c != nil {
		c.end()
	}
	e.forker.close()
	if e.cache != nil {
		e.cache.close()
	}
}
