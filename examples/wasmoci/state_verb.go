//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine/runner"
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
` + annotationEnd + ` says how: exit, trap, signal, out of memory.`,
		Args: oneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, c, err := r.ours(args[0])
			if err != nil {
				return err
			}
			if c == nil {
				return r.handOver()
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
	cmd := exec.Command(c.Delegate, args...)
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

// maxRecord bounds what is read of a record.
const maxRecord = 64 << 10

// end says how a guest has ended: what its runner has written down, or, as a runner that is killed writes nothing, who killed it.
func end(c *state.Container) string {
	if f, err := os.Open(c.Record); err == nil {
		data, _ := io.ReadAll(io.LimitReader(f, maxRecord))
		f.Close()
		var rec runner.Record
		if line, _, _ := bytes.Cut(data, []byte("\n")); json.Unmarshal(line, &rec) == nil {
			text := fmt.Sprintf("%s, status %d", rec.Kind, rec.Status)
			if rec.Detail != "" {
				text += ": " + rec.Detail
			}
			return text
		}
	}
	if outOfMemory(c.Cgroup) {
		return "memory, killed by the kernel"
	}
	return "killed"
}
