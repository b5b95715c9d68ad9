//go:build linux

package subprocess

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/gate"
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
	place  *place // nil until something is put there
	gate   gate.Gate
	closed sync.Once

	patience time.Duration // for a hello

	mu      sync.Mutex
	spare   *child // in which the engine is open and nothing has been done
	modules map[*module]struct{}
}

func newEngine(ctx context.Context, cfg Config, opts engine.Options) (engine.Engine, error) {
	return newPatientEngine(ctx, cfg, opts, patience)
}

func newPatientEngine(ctx context.Context, cfg Config, opts engine.Options, patience time.Duration) (_ engine.Engine, err error) {
	e := &subEngine{cfg: cfg, opts: opts, obs: engine.NewObserver(opts.Observe), patience: patience, modules: make(map[*module]struct{})}
	e.cfg.Env = slices.Clone(cfg.Env)
	e.info.Name = cfg.Engine
	if err := cfg.validate(); err != nil {
		return nil, e.failed("open", err)
	}
	if isChild() { // whose main has missed it: its child, which may be the same executable, would do as it does, and so on without end
		return nil, e.failed("open", errors.New("subprocess: this process is an engine's already: its main has to call subprocess.Init or subprocess.Serve first"))
	}
	if opts.Uninterruptible { // what it asks for is to refuse contexts that end, and there is no need to
		return nil, e.failed("open", &engine.UnsupportedError{
			Engine: cfg.Engine, Format: wasi.FormatModule, Missing: engine.NewCapabilities(engine.Unchecked),
		})
	}
	if ctx.Err() != nil {
		return nil, e.failed("open", engine.Stopped(ctx))
	}
	for _, path := range []*string{&e.cfg.Path, &e.cfg.Libraries, &e.cfg.Cgroup, &e.opts.CacheDir} { // the child is in another directory
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return nil, e.failed("open", err)
			}
		}
	}
	e.forker = newForker()
	defer func() {
		if err != nil {
			e.gate.Close()
			e.free()
		}
	}()
	dir := e.opts.CacheDir
	if dir == "" && opts.CacheMode == engine.CacheReadWrite && !cfg.Once {
		if dir, err = e.private("cache"); err != nil {
			return nil, e.failed("open", err)
		}
	}
	e.open = openRequest{
		Engine: cfg.Engine, Unchecked: cfg.Unchecked, CacheDir: text(dir), CacheMode: text(opts.CacheMode),
		MaxModuleBytes: opts.MaxModuleBytes, DebugInfo: opts.DebugInfo, Log: lowestLevel(opts.Logger), Observe: opts.Observe != nil,
	}
	c, err := e.spawn(&e.open)
	if err != nil {
		return nil, e.failed("open", err)
	}
	var info engine.Info
	if err := c.awaitOpened(ctx, &info); err != nil {
		e.abandon(c, func() {})
		return nil, err
	}
	e.info = info
	e.open.Known = true
	for format, caps := range e.info.Capabilities {
		e.info.Capabilities[format] = offered(caps)
	}
	e.spare = c
	return e, nil
}

// failed wraps an error of this package's own; those of the child are wrapped there.
func (e *subEngine) failed(op string, err error) error {
	return &engine.Error{Engine: e.info.Name, Op: op, Err: err}
}

// awaitOpened waits for the answer to the first request, and describes the engine if info is not nil.
func (c *child) awaitOpened(ctx context.Context, info *engine.Info) error {
	var body any
	if info != nil {
		body = info
	}
	err := c.answer(ctx, "open", kindOpened, body)
	c.opened = err == nil
	return err
}

// sendLoad has the child compile m, or load it from the cache.
func (c *child) sendLoad(m *module, known bool) error {
	c.module.Store(&engine.ModuleInfo{Name: m.info.Name, Size: m.info.Size})
	fd, err := duplicate(m.file)
	if err != nil {
		return err
	}
	defer closeAll([]int{fd})
	return c.send(kindCompile, &compileRequest{Name: text(m.info.Name), Digest: m.digest[:], Known: known}, []int{fd})
}

// awaitLoaded waits until that is done, and describes the module if info is not nil.
func (c *child) awaitLoaded(ctx context.Context, info *engine.ModuleInfo) error {
	if !c.opened {
		if err := c.awaitOpened(ctx, nil); err != nil {
			return err
		}
	}
	var body any
	if info != nil {
		body = info
	}
	err := c.answer(ctx, "compile", kindCompiled, body)
	c.loaded = err == nil
	return err
}

// abandon ends a child whose work nobody waits for any more, and then calls done, in the background where that may take
// time.
func (e *subEngine) abandon(c *child, done func()) {
	select {
	case <-c.done:
		done()
	default:
		if !e.gate.Enter() { // e is being closed, or New has failed
			c.quit()
			done()
			return
		}
		go func() {
			defer e.gate.Leave()
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
	if !e.gate.Enter() {
		return fail(engine.ErrClosed)
	}
	defer e.gate.Leave()
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
	m := &module{engine: e, exporting: make(chan struct{}, 1), digest: content.Digest, info: engine.ModuleInfo{Name: src.Name(), Size: int64(len(content.Bytes))}}
	if m.file, err = seal(content.Bytes); err != nil {
		return fail(err)
	}
	c := e.take(&e.spare)
	if c == nil {
		if c, err = e.spawn(&e.open); err != nil {
			m.file.Close()
			return fail(err)
		}
	}
	begun := time.Now()
	if err := c.sendLoad(m, false); err != nil {
		m.file.Close()
		return fail(c.giveUp(err))
	}
	var info engine.ModuleInfo
	if err := c.awaitLoaded(ctx, &info); err != nil {
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
		e.gate.Close()
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
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.place != nil {
		e.place.close()
	}
}
