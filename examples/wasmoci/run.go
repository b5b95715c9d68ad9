package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
)

func newRun(r *ociRuntime) *cobra.Command {
	var (
		b           bundle
		h           = host{runtime: r}
		c           creation
		noContainer bool
		detach      bool
		keep        bool
	)
	cmd := &cobra.Command{
		Use:   "run [--bundle DIR] ID | run --no-container [--bundle DIR]",
		Short: "Run a container, or the guest of a bundle without one",
		Long: `Make a container of a bundle, start it, wait for its end, and remove it; the exit status is the container's.

With --no-container the guest runs in this process, or in a child of it where its engine is not part of this program but installed as a
runner: as this user, without namespaces, cgroup or seccomp, confined by WebAssembly to the bundle's rootfs and mounts. That needs neither
root nor a delegate. The guest has the standard streams of this process. TERM, INT, QUIT and HUP end it with status 128+n within a second;
the same signal again, or any of them before the guest runs, ends the process at once. A child cannot be suspended (^Z). While a module
takes longer than a second to compile, a line on standard error says so each second.`,
		Example: `  wasmoci run --no-container --bundle examples/bundles/hello
  wasmoci run --bundle DIR web
  wasmoci run --no-container --bundle DIR --engine wazero --strict
  wasmoci run --no-container --bundle DIR --cache-dir ""`,
		Args: func(cmd *cobra.Command, args []string) error {
			if noContainer {
				return noArguments(cmd, args)
			}
			if len(args) != 1 {
				return usage(cmd, fmt.Errorf("%d arguments, not the ID of one container, or --no-container without any", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !noContainer {
				return r.runContainer(cmd, &c, args[0], detach, keep)
			}
			b.dir = c.bundle
			return run(cmd.Context(), &b, &h)
		},
	}
	c.addFlags(cmd.Flags())
	b.addStrict(cmd)
	h.addEngine(cmd)
	h.addCache(cmd, false)
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return when the container has started")
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the container when it has ended")
	cmd.Flags().BoolVar(&noContainer, "no-container", false, "run as this user, without a container around it")
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
	if err := inherit(cfg); err != nil {
		return err
	}
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
