package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
)

func newCompile(r *ociRuntime) *cobra.Command {
	var (
		b bundle
		h = host{runtime: r}
	)
	cmd := &cobra.Command{
		Use:   "compile [--bundle DIR | MODULE]",
		Short: "Compile ahead, into the cache",
		Long: `Compile the module of a bundle, or a module file, into the cache, so that its first run starts as quickly as its
later ones. A module that the cache has already is checked and left as it is.`,
		Example: `  wasmoci compile --bundle examples/bundles/hello
  wasmoci compile --cache-dir /var/cache/wasmoci app.wasm`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(cmd, fmt.Errorf("unexpected argument %q: one module at a time", args[1]))
			}
			if len(args) == 1 && cmd.Flags().Changed("bundle") {
				return usage(cmd, errors.New("give a module or --bundle, not both"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if h.cacheDir == "" {
				return usage(cmd, errors.New("there is no cache directory to compile into: give one with --cache-dir"))
			}
			ctx, _, stop := withSignals(cmd.Context())
			defer stop()
			if len(args) == 1 {
				return compileFile(ctx, cmd.OutOrStdout(), &h, args[0])
			}
			return compileBundle(ctx, cmd.OutOrStdout(), &h, &b)
		},
	}
	b.addFlags(cmd)
	h.addEngine(cmd)
	h.addCache(cmd, true)
	return cmd
}

func compileBundle(ctx context.Context, w io.Writer, h *host, b *bundle) error {
	loaded, plan, err := b.load(oci.Direct)
	if err != nil {
		return err
	}
	src, content, found, err := module(loaded, plan, h.engine)
	if err != nil {
		return err
	}
	return compile(ctx, w, h, plan.Module, found.Engine, src, content)
}

func compileFile(ctx context.Context, w io.Writer, h *host, name string) error {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO is refused, not waited for
	if err != nil {
		return err
	}
	defer file.Close()
	src := engine.FromFile(file)
	content, err := src.Load(engine.Options{}.ModuleLimit())
	if err != nil {
		return err
	}
	return compile(ctx, w, h, name, "", src, content)
}

// compile says what it did in one line: "compiled …" or, where there was nothing to do, "cached …".
func compile(ctx context.Context, w io.Writer, h *host, name, named string, src engine.Source, content *engine.Content) error {
	eng, err := h.open(ctx, named, content.Format, engine.Capabilities{}, progress(os.Stderr, name))
	if err != nil {
		return err
	}
	defer eng.Close()
	mod, err := eng.Compile(ctx, src)
	if err != nil {
		return err
	}
	info, did := mod.Info(), "compiled"
	if info.Cached {
		did = "cached"
	}
	_, err = fmt.Fprintf(w, "%s %q for %s in %v (%s, %s)\n",
		did, name, info.Engine, info.CompileTime.Round(time.Millisecond), size(info.Size), info.Digest)
	return err
}
