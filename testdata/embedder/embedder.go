// Package embedder stands for a container runtime outside this module that depends on wasmoci: it imports the packages that
// such a runtime needs, and what comes along with them is what that runtime would carry.
package embedder

import (
	"context"
	"io"
	"os"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// Run runs the guest of a bundle with its output going to stdout, and returns the exit status.
func Run(ctx context.Context, dir string, stdout io.Writer) (status int, err error) {
	bundle, err := oci.LoadBundle(dir)
	if err != nil {
		return engine.ExitCode(err), err
	}
	plan, err := bundle.Plan(oci.Options{Where: oci.Direct, UID: os.Getuid(), GID: os.Getgid()})
	if err != nil {
		return engine.ExitCode(err), err
	}
	file, err := plan.Open()
	if err != nil {
		return engine.ExitCode(err), err
	}
	defer file.Close()
	if _, err := bundle.Detect(file, oci.DetectOptions{Engine: wazero.Name}); err != nil {
		return engine.ExitCode(err), err
	}
	err = run(ctx, engine.FromFile(file), &plan.Config, stdout)
	return engine.ExitCode(err), err
}

func run(ctx context.Context, src engine.Source, cfg *wasi.Config, stdout io.Writer) error {
	eng, err := wazero.New(ctx, engine.Options{})
	if err != nil {
		return err
	}
	defer eng.Close()
	module, err := eng.Compile(ctx, src)
	if err != nil {
		return err
	}
	cfg.Stdout = stdout
	return engine.Run(ctx, module, cfg)
}
