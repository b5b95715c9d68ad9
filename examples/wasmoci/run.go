package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
)

var errNoContainer = errors.New("run: this version does not make containers yet; with --no-container the guest runs in this process, " +
	"as this user, without namespaces, cgroup or seccomp, confined by WebAssembly to the bundle's rootfs and mounts")

func newRun() *cobra.Command {
	var (
		b           bundle
		h           host
		noContainer bool
	)
	cmd := &cobra.Command{
		Use:   "run --no-container [--bundle DIR]",
		Short: "Run the guest of a bundle",
		Long: `Run the guest of a bundle in this process, and exit with its exit status.

The guest has the standard streams of this process. TERM, INT, QUIT and HUP end it with status 128+n within a second;
the same signal again, or any of them before the guest runs, ends the process at once. While a module takes longer than a second to compile, a line on
standard error says so each second.`,
		Example: `  wasmoci run --no-container --bundle examples/bundles/hello
  wasmoci run --no-container --bundle DIR --engine wazero --strict
  wasmoci run --no-container --bundle DIR --cache-dir ""`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !noContainer {
				return errNoContainer
			}
			return run(cmd.Context(), &b, &h)
		},
	}
	b.addFlags(cmd)
	h.addEngine(cmd)
	h.addCache(cmd, false)
	cmd.Flags().BoolVar(&noContainer, "no-container", false, "run in this process, without a container around it; required so far")
	return cmd
}

func run(ctx context.Context, b *bundle, h *host) error {
	ctx, guest, stop := withSignals(ctx)
	defer stop()
	loaded, plan, err := b.load(oci.Direct)
	if err != nil {
		return err
	}
	src, content, found, err := module(loaded, plan, h.engine)
	if err != nil {
		return err
	}
	cfg := &plan.Config
	cfg.Stdin, cfg.Stdout, cfg.Stderr = os.Stdin, os.Stdout, os.Stderr
	eng, err := h.open(ctx, found.Engine, content.Format, engine.Needs(ctx, content.Format, cfg), progress(os.Stderr, plan.Module))
	if err != nil {
		return err
	}
	defer eng.Close()
	mod, err := eng.Compile(ctx, src)
	if err != nil {
		return err
	}
	guest()
	return engine.Run(ctx, mod, cfg)
}
