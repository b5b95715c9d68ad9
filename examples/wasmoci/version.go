package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
)

// stamp is the version that a release is built with: go build -ldflags "-X main.stamp=v0.1.0". Without it the version is
// what the go command recorded of the module or of the source's commit.
var stamp string

// printVersion writes "wasmoci version …" and then, as runc does, a line each for what is inside.
func (r *ociRuntime) printVersion(cmd *cobra.Command, w io.Writer) error {
	fmt.Fprintf(w, "wasmoci version %s\n", version())
	fmt.Fprintf(w, "spec: %s\n", specs.Version)
	fmt.Fprintf(w, "go: %s\n", runtime.Version())
	drivers, err := r.describeDrivers(cmd.Context())
	for _, d := range drivers {
		switch at, _ := engine.Lookup(d.Name); {
		case d.Available:
			fmt.Fprintf(w, "%s: %s\n", d.Name, d.Version)
		case at.Open != nil: // clients ask for the version whatever has become of a runner
			fmt.Fprintf(w, "%s: it fails, see wasmoci engines\n", d.Name)
		}
	}
	return err
}

func version() string {
	if stamp != "" {
		return stamp
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
