package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// host is what run and compile share: which engine, and where it keeps compiled code.
type host struct {
	engine   string
	cacheDir string
}

// addFlags declares --engine and --cache-dir.
func (h *host) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.engine, "engine", "", "`NAME` of the engine to run on, see wasmoci engines (default: the one the bundle names, else the first that can)")
	cmd.Flags().StringVar(&h.cacheDir, "cache-dir", defaultCacheDir(), "`DIR` for compiled code; \"\" keeps none")
}

// defaultCacheDir is "" where the user has no cache directory, as services often have none.
func defaultCacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "wasmoci")
}

// open opens the engine that the user named, else the one that the bundle names, else the first that can do what the run
// needs. The caller gives it to release.
func (h *host) open(ctx context.Context, named string, format wasi.Format, need engine.Capabilities, report func(engine.Event)) (engine.Engine, error) {
	name := h.engine
	if name == "" {
		name = named
	}
	if name == "" {
		d, err := engine.Select(format, need)
		if err != nil {
			return nil, err
		}
		name = d.Name
	}
	eng, err := engine.Open(ctx, name, engine.Options{CacheDir: h.cacheDir, Observe: report})
	var opening *engine.Error
	if errors.As(err, &opening) && h.cacheDir != "" {
		return nil, fmt.Errorf(`%w; --cache-dir chooses another directory for compiled code, --cache-dir "" none`, err)
	}
	return eng, err
}

// release closes eng when the command is done with it. After a signal it does not: Close would wait for a compilation that goes
// on, and the process is about to end, which frees everything. What is left in the cache a later start cleans up.
func release(ctx context.Context, eng engine.Engine) {
	if ctx.Err() == nil {
		eng.Close()
	}
}
