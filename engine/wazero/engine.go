package wazero

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// features are WebAssembly 2.0 and those later proposals that toolchains use and wazero has finished.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

func moduleCapabilities() engine.Capabilities {
	caps := engine.NewCapabilities(engine.Entrypoint, engine.Interrupt, engine.MemoryLimit, engine.WorkDir, engine.Streams)
	if vfs.Supported {
		caps = caps.With(engine.Mounts, engine.MountReadOnly, engine.MountOpen, engine.MountFile, engine.MountNested, engine.MountHidden, engine.MountTmpfs, engine.Listeners)
	}
	return caps
}

type wazeroEngine struct {
	opts  engine.Options
	caps  engine.FormatCapabilities
	obs   *engine.Observer
	cache *cache.Dir // nil without Options.CacheDir
	gate  gate

	mu      sync.Mutex
	modules map[*module]struct{}
}

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	fail := func(err error) (engine.Engine, error) { return nil, &engine.Error{Engine: Name, Op: "open", Err: err} }
	can, err := uninterruptible(opts.Uninterruptible, capabilities[wasi.FormatModule])
	if err != nil {
		return fail(err)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.DebugInfo { // the checks would move the code away from what the debug information says of it
		can = can.Without(engine.Interrupt)
	}
	caps := engine.FormatCapabilities{wasi.FormatModule: can}
	e := &wazeroEngine{opts: opts, caps: caps, obs: engine.NewObserver(opts.Observe), modules: make(map[*module]struct{})}
	if opts.CacheDir != "" {
		dir, err := cache.Open(opts.CacheDir)
		if err != nil {
			return fail(err)
		}
		e.cache = dir
	}
	return e, nil
}

func (e *wazeroEngine) Info() engine.Info {
	return engine.Info{Name: Name, Version: version(), Capabilities: maps.Clone(e.caps)}
}

// version is wazero's, as the program was built; "unknown" where it does not say, as tests do not. Cached code of another
// version is then refused by wazero itself, which keeps its own in it.
var version = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/tetratelabs/wazero" {
				if dep.Replace != nil {
					dep = dep.Replace
				}
				if v := strings.TrimPrefix(dep.Version, "v"); v != "" {
					return v
				}
			}
		}
	}
	return "unknown"
})

func (e *wazeroEngine) Close() error {
	if !e.gate.close() {
		return nil
	}
	e.mu.Lock()
	left := slices.Collect(maps.Keys(e.modules)) // modules may be closed by their owners meanwhile
	e.mu.Unlock()
	for _, m := range left {
		_ = m.Close()
		m.free()
	}
	if e.cache != nil {
		return e.cache.Close()
	}
	return nil
}

func (e *wazeroEngine) Compile(ctx context.Context, src engine.Source) (engine.Module, error) {
	fail := func(err error) (engine.Module, error) {
		return nil, &engine.Error{Engine: Name, Op: "compile", Err: err}
	}
	if !e.gate.enter() {
		return fail(engine.ErrClosed)
	}
	if ctx.Err() != nil {
		e.gate.leave()
		return fail(engine.Stopped(ctx))
	}
	content, err := src.Load(e.opts.ModuleLimit())
	if err == nil && content.Format != wasi.FormatModule {
		err = engine.RefuseFormat(Name, content.Format)
	}
	if err != nil {
		e.gate.leave()
		return fail(err)
	}
	type result struct {
		m   *module
		err error
	}
	done := make(chan result)
	go func() {
		defer e.gate.leave()
		var r result
		r.m, r.err = e.compile(context.WithoutCancel(ctx), src.Name(), content)
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

func (e *wazeroEngine) runtimeConfig(c wazero.CompilationCache) wazero.RuntimeConfig {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(features).
		WithCloseOnContextDone(e.opts.DebugInfo && !e.opts.Uninterruptible). // slow, and only in loops: for the collector
		WithDebugInfoEnabled(e.opts.DebugInfo)
	if c != nil {
		config = config.WithCompilationCache(c)
	}
	return config
}

// invalid turns an error of wazero's decoder and validator into the typed one.
func invalid(name string, err error) error {
	return &engine.InvalidModuleError{Name: name, Format: wasi.FormatModule, Err: err}
}

// recovered turns a panic in wazero into an error, so that no module can end the process.
func recovered(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("wazero panicked: %w", err)
	}
	return errors.New("wazero panicked: " + fmt.Sprint(r))
}
