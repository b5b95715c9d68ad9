package wazero

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// features are WebAssembly 2.0 and those later proposals that toolchains use and wazero has finished.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// compiler is wazero as a runtime of package core. Each module has a wazero runtime of its own, so that closing it frees
// everything.
type compiler struct {
	debugInfo       bool
	uninterruptible bool
	cache           *cache.Dir // nil without one
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

func (*compiler) Version() string { return version() }
func (*compiler) Close() error    { return nil }

// Config implements core.Runtime.
func (c *compiler) Config() string {
	config := "instrumented 3"
	if c.debugInfo {
		config += ", debug information"
	}
	if c.uninterruptible {
		config += ", uninterruptible"
	}
	return config
}

// Compile implements core.Runtime.
func (c *compiler) Compile(ctx context.Context, src *core.Source) (core.Code, error) {
	made := &code{}
	if c.cache != nil {
		if err := made.useFolder(c.cache); err != nil {
			made = &code{unkept: err}
		}
	}
	done, err := c.build(ctx, src, made, nil)
	var path *fs.PathError
	if made.folder != "" && errors.As(err, &path) { // a full disk is no fault of the module's
		return c.build(ctx, src, &code{unkept: path}, nil)
	}
	return done, err
}

// Save implements core.Runtime: wazero has written its code while it compiled. The label is the name by which wazero looks for it when it
// is given the frame, which is found out by having it compile that: it has next to no code.
func (c *compiler) Save(made core.Code, put func(label string, content io.Reader) error) error {
	m := made.(*code)
	if m.unkept != nil {
		return m.unkept
	}
	defer m.leaveFolder()
	path, err := onlyEntry(m.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the interpreter, where wazero has no compiler, leaves nothing
	}
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	name := filepath.Base(path)
	if m.frame != nil {
		if err := os.Remove(path); err != nil {
			return err
		}
		frame, err := m.runtime.CompileModule(context.Background(), m.frame)
		if err != nil {
			return err
		}
		_ = frame.Close(context.Background())
		if path, err = onlyEntry(m.folder); err == nil {
			name = filepath.Base(path)
		} else if !errors.Is(err, os.ErrNotExist) { // there is none where the frame is the module, which only traps, and has its name
			return err
		}
	}
	frame := m.frame
	m.frame = nil
	return put(filepath.Base(m.folder)+labelSeparator+name, kept(f, frame))
}

// labelSeparator stands between the names of wazero's folder, which has its version, and of the file in it.
const labelSeparator = "-"

// Place implements core.Placer.
func (*compiler) Place(label string) string {
	i := max(strings.LastIndex(label, labelSeparator), 0)
	return filepath.Join(label[:i], strings.TrimPrefix(label[i:], labelSeparator))
}

// Load implements core.Runtime. wazero reads its code by a path, so it gets a folder with nothing in it but the entry; what was exported
// is in one already. What wazero has no use for it would compile again: it is not let.
func (c *compiler) Load(ctx context.Context, src *core.Source, entry *cache.Entry) (core.Code, error) {
	made := &code{}
	frame, err := keptFrame(entry.File)
	if err != nil {
		return nil, err
	}
	if c.cache.Exported() {
		made.cache, err = wazero.NewCompilationCacheWithDir(filepath.Dir(filepath.Dir(c.cache.Path(entry))))
	} else if err = made.useFolder(c.cache); err == nil {
		defer made.leaveFolder()
		err = c.cache.Link(entry, filepath.Join(filepath.Dir(made.folder), c.Place(entry.Label)))
	}
	if err != nil {
		made.free()
		return nil, err
	}
	return c.build(ctx, src, made, frame)
}

// build decodes, validates and compiles src, and offers it the host's functions. With a frame, which is not nil then, it takes
// the code from made's folder, or fails: to interpret a frame, in which functions are empty, would be to run another module.
func (c *compiler) build(ctx context.Context, src *core.Source, made *code, frame []byte) (_ core.Code, err error) {
	done := false
	defer func() {
		if !done {
			made.free()
		}
		switch r := recover().(type) {
		case nil:
		case runtime.Error: // of wazero's, where it relies on what it has not looked at yet
			err = &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: fmt.Errorf("wazero panicked: %w", r)}
		default:
			panic(r)
		}
	}()
	config := wazero.NewRuntimeConfig()
	if frame != nil {
		config = wazero.NewRuntimeConfigCompiler()
	}
	if frame != nil || c.uninterruptible {
		if err := mayExecute(); err != nil {
			return nil, err
		}
	}
	config = config.
		WithCoreFeatures(features).
		WithCloseOnContextDone(c.debugInfo && !c.uninterruptible). // slow, and in loops only: for the collector
		WithDebugInfoEnabled(c.debugInfo)
	if made.cache != nil {
		config = config.WithCompilationCache(made.cache)
	}
	made.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	made.alone = c.uninterruptible
	checks := !c.debugInfo && !c.uninterruptible
	module := frame
	if len(frame) == 0 {
		if err = wasm.Bounded(src.Bytes); err == nil {
			module, err = instrument(src.Bytes, checks)
		}
	}
	if err == nil {
		ctx, cancel := context.WithCancel(experimental.WithCompilationWorkers(ctx, max(2, runtime.GOMAXPROCS(0))))
		defer cancel()
		if frame != nil {
			cancel() // which workers look at before they compile a function
		}
		if made.compiled, err = made.runtime.CompileModule(ctx, module); frame != nil && errors.Is(err, context.Canceled) {
			return nil, errors.New("wazero has no use for it")
		} else if err != nil && checks && frame == nil {
			if _, better := made.runtime.CompileModule(ctx, src.Bytes); better != nil { // about the module as it was given
				err = better
			}
		}
	}
	if err == nil && frame == nil && made.remove != nil && !c.debugInfo {
		made.frame, err = frameOf(module)
	}
	if err != nil {
		return nil, &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: err}
	}
	wanted := make(map[imported]bool)
	for _, f := range made.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		wanted[imported{module, name}] = true
	}
	if err := offer(ctx, made.runtime, wanted); err != nil {
		return nil, err
	}
	done = true
	return made, nil
}

// onlyEntry returns the path of the single entry of dir.
func onlyEntry(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", fmt.Errorf("%d entries in %s: %w", len(entries), dir, os.ErrNotExist)
	}
	return filepath.Join(dir, entries[0].Name()), nil
}
