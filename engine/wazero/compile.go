package wazero

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

// compile makes a module of content, through the cache where there is one.
func (e *wazeroEngine) compile(ctx context.Context, name string, content *engine.Content) (*module, error) {
	begun := time.Now()
	m := &module{engine: e, info: engine.ModuleInfo{
		Engine:       Name,
		Name:         name,
		Format:       wasi.FormatModule,
		Digest:       content.DigestString(),
		Size:         int64(len(content.Bytes)),
		Capabilities: e.caps[wasi.FormatModule],
	}}
	var err error
	if e.cache == nil {
		err = m.build(ctx, engine.PhaseCompile, content.Bytes, nil)
	} else {
		err = m.buildCached(ctx, content)
	}
	if err != nil {
		m.free()
		return nil, err
	}
	m.info.CompileTime = time.Since(begun)
	e.mu.Lock()
	e.modules[m] = struct{}{}
	e.mu.Unlock()
	return m, nil
}

// build decodes, validates and compiles wasm, or loads what wazero finds in c, and offers it the host's functions. Each
// module has a runtime of its own, so that closing it frees everything.
func (m *module) build(ctx context.Context, phase engine.Phase, wasm []byte, c wazero.CompilationCache) (err error) {
	defer m.engine.obs.Track(engine.Event{Phase: phase, Module: m.info.Name, Size: m.info.Size})()
	defer func() {
		if r := recover(); r != nil {
			err = recovered(r)
		}
	}()
	m.cache = c
	m.runtime = wazero.NewRuntimeWithConfig(ctx, m.engine.runtimeConfig(c))
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	checks := m.engine.checks()
	checked, err := instrument(wasm, checks)
	if err != nil {
		return invalid(m.info.Name, err)
	}
	if m.compiled, err = m.runtime.CompileModule(ctx, checked); err != nil {
		if _, better := m.runtime.CompileModule(ctx, wasm); better != nil { // about the module as it was given
			err = better
		}
		return invalid(m.info.Name, err)
	}
	functions := m.compiled.ImportedFunctions() // in the order of the module
	if checks {
		functions = functions[min(1, len(functions)):]
		if err := offerCheck(ctx, m.runtime); err != nil {
			return err
		}
	}
	imported := make(map[string]bool)
	for _, f := range functions {
		if module, _, _ := f.Import(); module != checkModule {
			imported[module] = true
		}
	}
	if err := offer(ctx, m.runtime, imported); err != nil {
		return err
	}
	m.describe(wasm, functions)
	return nil
}

// buildCached is build with compiled code from the cache, or into it. wazero reads and writes its code in a directory of
// its own layout, so it gets one for this module alone, with nothing in it but the verified entry.
func (m *module) buildCached(ctx context.Context, content *engine.Content) error {
	dir, log := m.engine.cache, m.engine.opts.Logger
	key := cache.Key{Module: content.Digest, Engine: Name, Version: version(), Config: m.engine.codeConfig(), CPU: cache.CPU()}
	scratch, remove, err := dir.Scratch()
	if err != nil {
		return err
	}
	defer remove()
	c, err := wazero.NewCompilationCacheWithDir(scratch)
	if err != nil {
		return err
	}
	folder, err := onlyEntry(scratch)
	if err != nil {
		_ = c.Close(ctx)
		return err
	}
	phase, linked := engine.PhaseCompile, ""
	entry, err := dir.Get(key)
	if err == nil {
		linked = filepath.Join(folder, entry.Label)
		if err = dir.Link(entry, linked); err == nil {
			phase = engine.PhaseLoad
		}
		_ = entry.File.Close()
	}
	if err != nil && !errors.Is(err, cache.ErrMiss) {
		log.Warn("compiled code is not taken from the cache", "module", m.info.Name, "error", err)
	}
	before := fileInfo(linked)
	if err := m.build(ctx, phase, content.Bytes, c); err != nil {
		if phase != engine.PhaseLoad {
			return err
		}
		log.Warn("cached code cannot be used, compiling again", "module", m.info.Name, "error", err)
		m.free()
		if err := dir.Remove(key); err != nil {
			return err
		}
		return m.buildCached(ctx, content)
	}
	if m.info.Cached = before != nil && os.SameFile(before, fileInfo(linked)); m.info.Cached {
		return nil
	}
	written, err := onlyEntry(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the interpreter, where wazero has no compiler, leaves nothing
	}
	if err == nil {
		err = put(dir, key, written)
	}
	if err != nil {
		log.Warn("compiled code is not kept in the cache", "module", m.info.Name, "error", err)
	}
	return nil
}

// checks tells whether guests look for the end of their context. Debug information would not be true of code with checks.
func (e *wazeroEngine) checks() bool { return !e.opts.DebugInfo && !e.opts.Uninterruptible }

// codeConfig names what changes the code that wazero makes.
func (e *wazeroEngine) codeConfig() string {
	config := "instrumented 2"
	if e.opts.DebugInfo {
		config += ", debug information"
	}
	if e.opts.Uninterruptible {
		config += ", uninterruptible"
	}
	return config
}

func put(dir *cache.Dir, key cache.Key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return dir.Put(key, filepath.Base(path), f)
}

// onlyEntry returns the path of the single entry of dir.
func onlyEntry(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "", os.ErrNotExist
	}
	return filepath.Join(dir, entries[0].Name()), nil
}

func fileInfo(path string) os.FileInfo {
	st, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return st
}
