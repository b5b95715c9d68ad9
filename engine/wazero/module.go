package wazero

import (
	"context"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

type module struct {
	engine   *wazeroEngine
	info     engine.ModuleInfo
	missing  error // import that the host does not provide, or nil
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache
	gate     gate
	freeing  sync.Mutex
}

func (m *module) Info() engine.ModuleInfo { return m.info }

// describe fills in what the module imports and exports; functions are those that it imports.
func (m *module) describe(wasm []byte, functions []api.FunctionDefinition) {
	m.info.Imports, m.info.Exports, m.info.MemoryBytes = sections(wasm)
	for i := range m.info.Imports {
		if e := &m.info.Imports[i]; e.Kind == "func" {
			e.Type = signature(functions[0].ParamTypes(), functions[0].ResultTypes())
			functions = functions[1:]
		}
	}
	exported := m.compiled.ExportedFunctions()
	m.info.World = engine.WorldOther
	for i := range m.info.Exports {
		e := &m.info.Exports[i]
		if e.Kind != "func" {
			continue
		}
		e.Type = signature(exported[e.Name].ParamTypes(), exported[e.Name].ResultTypes())
		switch {
		case e.Name == engine.StartFunction:
			m.info.World = engine.WorldCommand
		case m.info.World == engine.WorldOther:
			m.info.World = engine.WorldReactor
		}
	}
	m.missing = missingImport(m.info.Imports)
}

func (m *module) Close() error {
	if !m.gate.close() {
		return nil
	}
	m.engine.mu.Lock()
	delete(m.engine.modules, m)
	m.engine.mu.Unlock()
	m.free()
	return nil
}

// free gives back what wazero holds. It may be called in any state, and often; what another call does it waits for.
func (m *module) free() {
	m.freeing.Lock()
	defer m.freeing.Unlock()
	if m.runtime != nil {
		_ = m.runtime.Close(context.Background())
		m.runtime = nil
	}
	if m.cache != nil {
		_ = m.cache.Close(context.Background())
		m.cache = nil
	}
}

func (m *module) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	fail := func(err error) (engine.Instance, error) {
		return nil, &engine.Error{Engine: Name, Op: "start", Err: err}
	}
	if !m.engine.gate.enter() {
		return fail(engine.ErrClosed)
	}
	if !m.gate.enter() {
		m.engine.gate.leave()
		return fail(engine.ErrClosed)
	}
	leave := func() {
		m.gate.leave()
		m.engine.gate.leave()
	}
	if cfg == nil {
		cfg = &wasi.Config{}
	}
	cfg = cfg.Clone()
	err := engine.Check(ctx, m.info, cfg)
	if err == nil {
		err = m.missing
	}
	inst := &instance{module: m, entrypoint: cfg.Entrypoint, begun: time.Now(), done: make(chan struct{})}
	if err == nil && m.engine.opts.Uninterruptible {
		inst.heap, err = occupy()
	}
	if err != nil {
		leave()
		return fail(err)
	}
	m.event(engine.PhaseInstantiate, 0)
	if inst.host, err = preview1.New(ctx, cfg); err != nil {
		inst.heap.release()
		leave()
		return fail(err)
	}
	inst.memory.limit = cfg.Limits.MemoryBytes / wasi.PageSize * wasi.PageSize
	go func() {
		defer leave()
		inst.run(ctx)
	}()
	return inst, nil
}

func (m *module) event(p engine.Phase, elapsed time.Duration) {
	m.engine.obs.Send(engine.Event{Phase: p, Module: m.info.Name, Size: m.info.Size, Elapsed: elapsed})
}
