//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// annotationEnd tells in state's annotations how a guest has ended.
const annotationEnd = "io.github.wasmoci.end"

func newState(r *ociRuntime) *cobra.Command {
	return &cobra.Command{
		Use:   "state ID",
		Short: "Print the state of a container as JSON",
		Long: `Print the state of a container as JSON, as runtime-spec defines it. Of a WebAssembly container that has ended, the annotation
` + annotationEnd + ` says how: exit, trap, signal, or killed, and then whether the container was out of memory.`,
		Args: oneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, c, err := r.ours(args[0])
			if err != nil {
				return err
			}
			if c == nil {
				return r.handOver(nil)
			}
			out, err := r.ask(c, r.line...)
			if err != nil {
				return err
			}
			about, err := restated(out, store, c)
			if err != nil {
				return err
			}
			return writeJSON(cmd.OutOrStdout(), about)
		},
	}
}

// ask returns what the delegate of c prints.
func (r *ociRuntime) ask(c *state.Container, args ...string) ([]byte, error) {
	d, err := r.delegateOf(c)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(d.Path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return out, delegated(err)
}

// restated is a container's state or entry in a list, as the delegate prints it, with what the caller of create has given in
// place of what was made of it.
func restated(about []byte, store *state.Store, c *state.Container) (map[string]any, error) {
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(about))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("the delegate's answer: %w", err)
	}
	m["bundle"] = c.Bundle
	if m["status"] == "running" && waiting(store, c) {
		m["status"] = string(specs.StateCreated)
	}
	if m["status"] == "created" && cutOff(c) {
		m["status"] = string(specs.StateCreating)
	}
	annotations := make(map[string]string)
	if original, err := oci.LoadBundle(store.Path(c.ID)); err == nil {
		for k, v := range original.Spec.Annotations {
			annotations[k] = v
		}
	}
	if m["status"] == "stopped" && !c.Native {
		annotations[annotationEnd] = end(c)
	}
	if len(annotations) > 0 {
		m["annotations"] = annotations
	} else {
		delete(m, "annotations")
	}
	return m, nil
}
