//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
)

func newFeatures(r *ociRuntime) *cobra.Command {
	return &cobra.Command{
		Use:   "features",
		Short: "Print what this runtime can do, as JSON",
		Long: `Print what this runtime can do, as runtime-spec's features document: what the delegate says of itself, with the engines of which there
is a runner in its annotations.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := r.other()
			if err != nil {
				return err
			}
			s, err := r.operator()
			if err != nil {
				return err
			}
			out, err := exec.Command(d.Path, "features").Output()
			if err != nil { // the delegate has no such verb: what is certain
				out = []byte(`{"ociVersionMin": "1.0.0", "ociVersionMax": "1.0.2"}`)
			}
			about := make(map[string]any)
			if err := json.Unmarshal(out, &about); err != nil {
				return fmt.Errorf("the delegate's features: %w", err)
			}
			annotations, _ := about["annotations"].(map[string]any)
			if annotations == nil {
				annotations = make(map[string]any)
			}
			for key := range annotations {
				if strings.HasPrefix(key, "run.oci.crun.wasm") {
					delete(annotations, key) // the delegate gets no guest
				}
			}
			annotations["io.github.wasmoci.version"] = version()
			annotations["io.github.wasmoci.delegate"] = d.Path
			annotations["io.github.wasmoci.engines"] = strings.Join(installed(s), ",")
			about["annotations"] = annotations
			unsafe, _ := about["potentiallyUnsafeConfigAnnotations"].([]any)
			for _, key := range []string{"run.oci.handler", "module.wasm.image/variant"} {
				if !slices.Contains(unsafe, any(key)) && !slices.Contains(unsafe, any("run.oci.")) {
					unsafe = append(unsafe, key)
				}
			}
			about["potentiallyUnsafeConfigAnnotations"] = unsafe
			return writeJSON(cmd.OutOrStdout(), about)
		},
	}
}

// installed returns the engines of which there is a runner, sorted.
func installed(s *operator.Settings) []string {
	paths, _ := filepath.Glob(s.Runner("*"))
	engines := []string{}
	for _, p := range paths {
		engines = append(engines, strings.TrimPrefix(filepath.Base(p), "runner-"))
	}
	return engines
}
