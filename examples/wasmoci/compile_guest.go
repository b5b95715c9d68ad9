//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/oci"
)

// compile returns what compiles the module of g for the runner exe.
func (r *ociRuntime) compile(s *operator.Settings, exe prepared.Runner, engineName string, g *guest) prepared.Make {
	return func(ctx context.Context, module *os.File, dir string) error {
		begun := time.Now()
		defer func() { r.compiled = time.Since(begun) }()
		err := runner.Compile(ctx, module, dir, runner.Compilation{
			Runner: exe.Path, Libraries: exe.Libraries, Engine: engineName, Name: g.path,
			MemoryBytes: s.Compile.Memory, Timeout: time.Duration(s.Compile.Timeout),
			Progress: r.compiling(g.path),
		})
		for limit, setting := range map[error]string{runner.ErrCompileTime: "compile.timeout", runner.ErrCompileMemory: "compile.memory"} {
			if errors.Is(err, limit) {
				return fmt.Errorf("%w: raise %s (%s), or take another engine", err, setting, s.From[setting])
			}
		}
		return err
	}
}

// prepare returns the compiled code of g. A signal ends a compilation, and then this process when that is cleared up.
func (r *ociRuntime) prepare(ctx context.Context, s *operator.Settings, codes *prepared.Store, exe prepared.Runner, engineName string, g *guest) (_ *prepared.Code, err error) {
	end := r.begin("compile")
	defer func() { end(err, text(attributeEngine, engineName), r.code()) }()
	ctx, handled, stop := withSignals(ctx)
	defer stop()
	handled()
	codes.Damaged = func(reason error) {
		r.say("warning", fmt.Sprintf("compiled code of %q is not taken from the cache: %v", g.path, reason))
	}
	return codes.Get(ctx, g.module, exe, r.compile(s, exe, engineName, g))
}

// compiling tells how long a compilation has taken so far where somebody may read it: the log, or a terminal. Standard error itself
// will be the container's.
func (r *ociRuntime) compiling(module string) func(time.Duration) {
	return func(elapsed time.Duration) {
		text := fmt.Sprintf("compiling %q for %v: later starts take it from the cache", module, elapsed.Round(time.Second))
		if r.log != "" {
			_ = r.writeLog("info", text)
		} else if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintln(os.Stderr, "wasmoci: "+text)
		}
	}
}

// needOf is what a runner takes of the container's limits for a module with so much code.
func needOf(engineName string, module *os.File, code int64, first int) oci.Need {
	return oci.Need(runner.Needs(engineName, sizeOf(module), code, first))
}

// held is how many descriptors more the making of a container takes: crun lowers the limit early, and holds each path that it
// masks or makes read-only until the end, and each mount; the runner opens each mount, too, when those are closed.
func held(spec *specs.Spec) int64 {
	held := int64(len(spec.Mounts))
	if spec.Linux == nil {
		return held
	}
	return held + int64(len(spec.Linux.MaskedPaths)+len(spec.Linux.ReadonlyPaths))
}

// heapOf is the bound of the runner's own memory.
func heapOf(module *os.File) int64 { return runner.HeapBytes(sizeOf(module)) }

func sizeOf(f *os.File) int64 {
	st, err := f.Stat()
	if err != nil {
		return 0
	}
	return st.Size()
}
