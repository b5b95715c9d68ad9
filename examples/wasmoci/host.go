package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// host is which engine is used, and where it keeps compiled code.
type host struct {
	runtime  *ociRuntime
	engine   string
	cacheDir string
	insist   func() bool // whether a cache directory that cannot be used is an error
}

// addEngine declares --engine.
func (h *host) addEngine(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.engine, "engine", "", "`NAME` of the engine to run on, see wasmoci engines (default: the one the bundle names, else the first that can)")
}

// addCache declares --cache-dir. A directory that the user named, or that is required, must be usable; without the default
// one a guest runs all the same.
func (h *host) addCache(cmd *cobra.Command, required bool) {
	cmd.Flags().StringVar(&h.cacheDir, "cache-dir", defaultCacheDir(), "`DIR` for compiled code; \"\" keeps none")
	h.insist = func() bool { return required || cmd.Flags().Changed("cache-dir") }
}

// defaultCacheDir is "" where the user has no cache directory, as services often have none.
func defaultCacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "wasmoci")
}

// unknownEngineError is the name of an engine that nobody knows.
type unknownEngineError string

func (e unknownEngineError) Error() string {
	return fmt.Sprintf("unknown engine %q: see wasmoci engines", string(e))
}

// ExitStatus returns 126, as that of *engine.UnknownEngineError.
func (e unknownEngineError) ExitStatus() int { return 126 }

// choose returns the engine that the user named, else the one that the bundle names, else the first that can do what the
// run needs, of those that are part of the program or installed. One that was named and cannot is an error: no other takes its place.
func (h *host) choose(named string, format wasi.Format, need engine.Capabilities) (engine.Driver, error) {
	if err := h.runtime.openRunners(); err != nil {
		return engine.Driver{}, err
	}
	name := cmp.Or(h.engine, named)
	if name == "" {
		d, err := engine.Select(format, need)
		if errors.Is(err, engine.ErrNotBuilt) {
			err = fmt.Errorf("%w\n\twhat those need that are not built: wasmoci engines", err)
		}
		return d, err
	}
	d, ok := engine.Lookup(name)
	switch {
	case !ok:
		return d, unknownEngineError(name)
	case d.Open == nil:
		return d, h.runtime.unavailable(d)
	}
	return d, d.Can(format, need)
}

// open opens the engine that choose returns. The caller closes it.
func (h *host) open(ctx context.Context, named string, format wasi.Format, need engine.Capabilities, report func(engine.Event)) (engine.Engine, error) {
	d, err := h.choose(named, format, need)
	if err != nil {
		return nil, err
	}
	opts := engine.Options{CacheDir: h.cacheDir, Observe: report, Logger: slog.New(warnings{w: os.Stderr})}
	eng, err := d.Open(ctx, opts)
	var (
		opening *engine.Error
		bad     *badRunnerError
	)
	if !errors.As(err, &opening) || errors.As(err, &bad) || h.cacheDir == "" {
		return eng, err
	}
	const advice = `--cache-dir chooses another directory for compiled code, --cache-dir "" none`
	if h.insist() {
		return nil, fmt.Errorf("%w; %s", err, advice)
	}
	opts.CacheDir = ""
	eng, again := d.Open(ctx, opts)
	if again == nil {
		opts.Logger.Warn(fmt.Sprintf("compiled code is not kept: %v; %s", err, advice))
	}
	return eng, again
}
