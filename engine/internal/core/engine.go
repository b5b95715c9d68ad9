package core

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/gate"
	"github.com/wasmoci/wasmoci/wasi"
)

// Open returns the engine name on the runtime that start returns; the engine closes it. start gets the cache, or nil without
// one. caps are exact: of this build and these opts.
func Open(name string, caps engine.FormatCapabilities, opts engine.Options, start func(dir *cache.Dir) (Runtime, error)) (_ engine.Engine, err error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	e := &coreEngine{name: name, opts: opts, caps: caps, obs: engine.NewObserver(opts.Observe), modules: make(map[*module]struct{})}
	if e.cache, err = openCache(opts); err == nil {
		e.rt, err = start(e.cache)
	}
	if err != nil {
		if e.cache != nil {
			_ = e.cache.Close()
		}
		return nil, &engine.Error{Engine: name, Op: "open", Err: err}
	}
	return e, nil
}

// openCache returns nil without an error for no cache.
func openCache(opts engine.Options) (*cache.Dir, error) {
	switch mode := opts.CacheMode; {
	case opts.CacheDir == "" && mode != engine.CacheReadWrite:
		return nil, fmt.Errorf("cache mode %q without a cache directory", mode)
	case opts.CacheDir == "":
		return nil, nil
	case mode == engine.CacheReadWrite:
		return cache.Open(opts.CacheDir)
	case mode == engine.CacheReadOnly || mode == engine.CacheRequired:
		return cache.OpenReadOnly(opts.CacheDir)
	case mode == engine.CacheExported:
		return cache.OpenExported(opts.CacheDir)
	default:
		return nil, fmt.Errorf("cache mode %q is unknown: use %q, %q, %q or %q", mode,
			engine.CacheReadWrite, engine.CacheReadOnly, engine.CacheRequired, engine.CacheExported)
	}
}

type coreEngine struct {
	name  string
	rt    Runtime
	opts  engine.Options
	caps  engine.FormatCapabilities
	obs   *engine.Observer
	cache *cache.Dir // nil without one
	gate  gate.Gate

	mu      sync.Mutex
	modules map[*module]struct{}
}

func (e *coreEngine) Info() engine.Info {
	return engine.Info{Name: e.name, Version: e.rt.Version(), Capabilities: maps.Clone(e.caps)}
}

func (e *coreEngine) Close() error {
	if !e.gate.Close() {
		return nil
	}
	e.mu.Lock()
	left := slices.Collect(maps.Keys(e.modules)) // modules may be closed by their owners meanwhile
	e.mu.Unlock()
	for _, m := range left {
		_ = m.Close()
	}
	err := e.rt.Close()
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close())
	}
	return err
}

func (e *coreEngine) Compile(ctx context.Context, src engine.Source) (engine.Module, error) {
	fail := func(err error) (engine.Module, error) {
		return nil, &engine.Error{Engine: e.name, Op: "compile", Err: err}
	}
	if !e.gate.Enter() {
		return fail(engine.ErrClosed)
	}
	if ctx.Err() != nil {
		e.gate.Leave()
		return fail(engine.Stopped(ctx))
	}
	content, err := e.content(src)
	if err != nil {
		e.gate.Leave()
		return fail(err)
	}
	if ctx.Done() == nil { // nobody stops waiting, and a goroutine would have to grow a stack of its own
		defer e.gate.Leave()
		m, err := e.compile(ctx, src.Name(), content)
		if err != nil {
			return fail(err)
		}
		return m, nil
	}
	type result struct {
		m   *module
		err error
	}
	done := make(chan result)
	go func() {
		defer e.gate.Leave()
		var r result
		r.m, r.err = e.compile(ctx, src.Name(), content)
		select {
		case done <- r:
		case <-ctx.Done(): // nobody waits any more
			if r.m != nil {
				_ = r.m.Close()
			}
		}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return fail(r.err)
		}
		return r.m, nil
	case <-ctx.Done():
		return fail(engine.Stopped(ctx))
	}
}

// content reads src, and refuses a format that the engine does not run.
func (e *coreEngine) content(src engine.Source) (*engine.Content, error) {
	load := src.Load
	if _, enough := e.rt.(Outliner); enough && e.opts.CacheMode == engine.CacheExported {
		load = src.Outline
	}
	content, err := load(e.opts.ModuleLimit())
	if err != nil {
		return nil, err
	}
	if _, can := e.caps[content.Format]; !can {
		return nil, engine.RefuseFormat(e.name, content.Format)
	}
	return content, nil
}

// key is what the cache has the code of a module under, which has this digest.
func (e *coreEngine) key(digest [sha256.Size]byte) cache.Key {
	return cache.Key{Module: digest, Engine: e.name, Version: e.rt.Version(), Config: e.rt.Config(), CPU: cache.CPU()}
}

// compile makes a module of content, through the cache where there is one.
func (e *coreEngine) compile(ctx context.Context, name string, content *engine.Content) (*module, error) {
	begun := time.Now()
	src := &Source{Name: name, Format: content.Format, Bytes: content.Bytes}
	if assembler, ok := e.rt.(Assembler); ok && src.Format == wasi.FormatText {
		if err := e.assemble(assembler, src); err != nil {
			return nil, err
		}
	}
	m := &module{engine: e, info: engine.ModuleInfo{
		Engine:       e.name,
		Name:         name,
		Format:       src.Format,
		Digest:       content.DigestString(),
		Size:         content.Size,
		Capabilities: e.caps[src.Format],
	}}
	fresh := func() error {
		return m.build(engine.PhaseCompile, func() (Code, error) { return e.rt.Compile(context.WithoutCancel(ctx), src) })
	}
	if err := m.make(ctx, src, content.Digest, fresh); err != nil {
		return nil, err
	}
	if err := m.describe(src); err != nil {
		_ = m.code.Close()
		return nil, err
	}
	m.info.CompileTime = time.Since(begun)
	e.mu.Lock()
	e.modules[m] = struct{}{}
	e.mu.Unlock()
	return m, nil
}

// assemble turns src from text into what it is the text of.
func (e *coreEngine) assemble(a Assembler, src *Source) (err error) {
	defer e.recovered(&err)
	binary, err := a.Assemble(src.Bytes)
	if err != nil {
		return &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatText, Err: err}
	}
	src.Format, src.Bytes = wasi.FormatOf(binary), binary
	if _, can := e.caps[src.Format]; !can {
		return engine.RefuseFormat(e.name, src.Format)
	}
	return nil
}

// build lets make compile or load, which phase tells.
func (m *module) build(phase engine.Phase, make func() (Code, error)) (err error) {
	defer m.engine.obs.Track(engine.Event{Phase: phase, Module: m.info.Name, Size: m.info.Size})()
	defer m.engine.recovered(&err)
	m.code, err = make()
	return err
}

// recovered turns a panic in a runtime into an error, so that no module can end the process. It is to be deferred.
func (e *coreEngine) recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case error:
		*err = fmt.Errorf("%s panicked: %w", e.name, r)
	default:
		*err = errors.New(e.name + " panicked: " + fmt.Sprint(r))
	}
}

// make gives m code from the cache, or fresh code, which the cache then keeps.
func (m *module) make(ctx context.Context, src *Source, digest [sha256.Size]byte, fresh func() error) error {
	dir, opts := m.engine.cache, m.engine.opts
	if dir == nil {
		return fresh()
	}
	key := m.engine.key(digest)
	var bad os.FileInfo
	found, unusable := m.load(ctx, src, key, &bad)
	if found {
		return nil
	}
	switch opts.CacheMode {
	case engine.CacheRequired, engine.CacheExported:
		return &engine.NotCachedError{Name: src.Name, Err: unusable}
	case engine.CacheReadOnly:
		return fresh()
	}
	unlock, err := m.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	if found, _ := m.load(ctx, src, key, &bad); found { // somebody else made it meanwhile
		return nil
	}
	if err := fresh(); err != nil {
		return err
	}
	put := func(label string, content io.Reader) error { return dir.Put(key, label, content) }
	if err := m.engine.rt.Save(m.code, put); err != nil {
		opts.Logger.Warn("compiled code is not kept in the cache", "module", src.Name, "error", err)
	}
	return nil
}

// lock waits until nobody else compiles what key names.
func (m *module) lock(ctx context.Context, key cache.Key) (unlock func(), err error) {
	waited := func() {}
	unlock, err = m.engine.cache.Lock(ctx, key, func() {
		waited = m.engine.obs.Track(engine.Event{Phase: engine.PhaseLock, Module: m.info.Name, Size: m.info.Size})
	})
	waited()
	if err != nil && ctx.Err() != nil {
		return nil, engine.Stopped(ctx)
	}
	if err != nil { // a file system without locks: then what several make is made several times
		m.engine.opts.Logger.Warn("others may compile the same module at the same time", "module", m.info.Name, "error", err)
		return func() {}, nil
	}
	return unlock, nil
}

// load gives m code from the cache. Where it has some that cannot be used, the reason is logged and returned, and the entry is
// put into bad: it is left for the next to replace, as somebody may have done meanwhile, and not tried again.
func (m *module) load(ctx context.Context, src *Source, key cache.Key, bad *os.FileInfo) (found bool, unusable error) {
	dir, log := m.engine.cache, m.engine.opts.Logger
	entry, err := dir.Get(key)
	if errors.Is(err, cache.ErrMiss) {
		return false, nil
	}
	if err != nil {
		log.Warn("compiled code is not taken from the cache", "module", src.Name, "error", err)
		return false, err
	}
	defer entry.File.Close()
	st, err := entry.File.Stat()
	if err != nil {
		return false, err
	}
	if *bad != nil && os.SameFile(st, *bad) {
		return false, nil
	}
	err = m.build(engine.PhaseLoad, func() (Code, error) { return m.engine.rt.Load(context.WithoutCancel(ctx), src, entry) })
	if err != nil {
		*bad = st
		log.Warn("cached code cannot be used", "module", src.Name, "error", err)
		return false, err
	}
	m.info.Cached = true
	return true, nil
}

// describe fills in what the module imports and exports, what it starts with, and what it cannot be started without.
func (m *module) describe(src *Source) error {
	if d, ok := m.code.(Describer); ok && m.info.Format != wasi.FormatModule {
		if err := d.Describe(&m.info); err != nil {
			return err
		}
		m.info.World = worldOf(m.info.Exports)
		m.missing = lacking(&m.info)
		return nil
	}
	if err := describe(&m.info, src); err != nil {
		return &engine.InvalidModuleError{Name: m.info.Name, Format: m.info.Format, Err: err}
	}
	m.missing = missingImport(m.info.Imports)
	return nil
}
