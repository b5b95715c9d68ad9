package core

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/gate"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
	"github.com/wasmoci/wasmoci/wasi/preview2"
)

type module struct {
	engine  *coreEngine
	info    engine.ModuleInfo
	missing error // import that the host does not provide, or export that a command has; nil if none
	code    Code
	gate    gate.Gate
	free    sync.Once
	unkept  error // why the cache has not taken its code; nil where it has
}

func (m *module) Info() engine.ModuleInfo { return m.info }

func (m *module) Close() error {
	m.gate.Close()
	var err error
	m.free.Do(func() { // after the last run; a second caller waits until it is done
		err = m.code.Close()
		m.engine.mu.Lock()
		delete(m.engine.modules, m)
		m.engine.mu.Unlock()
	})
	return err
}

func (m *module) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	fail := func(err error) (engine.Instance, error) {
		return nil, &engine.Error{Engine: m.engine.name, Op: "start", Err: err}
	}
	if !m.engine.gate.Enter() {
		return fail(engine.ErrClosed)
	}
	if !m.gate.Enter() {
		m.engine.gate.Leave()
		return fail(engine.ErrClosed)
	}
	leave := func() {
		m.gate.Leave()
		m.engine.gate.Leave()
	}
	if cfg == nil {
		cfg = &wasi.Config{}
	}
	cfg = cfg.Clone()
	err := engine.Check(ctx, m.info, cfg)
	if err == nil {
		err = m.missing
	}
	if err != nil {
		leave()
		return fail(err)
	}
	i := &instance{module: m, begun: time.Now(), done: make(chan struct{})}
	m.event(engine.PhaseInstantiate, 0)
	i.run = Run{
		Config:      cfg,
		Entrypoint:  cfg.Entrypoint,
		MemoryLimit: cfg.Limits.MemoryBytes / wasi.PageSize * wasi.PageSize,
		begin:       func() { m.event(engine.PhaseGuest, 0) },
	}
	switch m.info.Format {
	case wasi.FormatModule:
		if i.run.Entrypoint == "" {
			i.run.Entrypoint = engine.StartFunction
		}
		i.run.Initialize = i.run.Entrypoint != engine.StartFunction && i.run.Entrypoint != engine.InitializeFunction &&
			slices.ContainsFunc(m.info.Exports, func(e engine.Extern) bool { return e.Name == engine.InitializeFunction })
		i.run.Host, err = preview1.New(ctx, cfg)
	case wasi.FormatComponent:
		i.run.Component, err = preview2.New(ctx, cfg)
	}
	if err != nil {
		leave()
		return fail(err)
	}
	go func() {
		defer leave()
		i.live(ctx)
	}()
	return i, nil
}

func (m *module) event(p engine.Phase, elapsed time.Duration) {
	m.engine.obs.Send(engine.Event{Phase: p, Module: m.info.Name, Size: m.info.Size, Elapsed: elapsed})
}
