//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

func newList(r *ociRuntime) *cobra.Command {
	var (
		form  format
		quiet bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the containers, native ones and WebAssembly",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := r.store()
			if err != nil {
				return err
			}
			ids, err := store.List()
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				return r.handOver(nil)
			}
			list, err := r.list(cmd, store, ids)
			if err != nil {
				return err
			}
			return printList(cmd.OutOrStdout(), list, form, quiet)
		},
	}
	form.addFlag(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print IDs alone")
	return cmd
}

// list returns the containers of every delegate: of the one for new containers, and of those that have made the containers ids. What is
// left of one that its delegate does not have, it says on standard error.
func (r *ociRuntime) list(cmd *cobra.Command, store *state.Store, ids []string) ([]map[string]any, error) {
	d, err := r.other()
	if err != nil {
		return nil, err
	}
	delegates := []string{d.Path}
	known := make(map[string]*state.Container)
	for _, id := range ids {
		c, err := store.Get(id)
		if err != nil { // any may have made it
			fmt.Fprintln(cmd.ErrOrStderr(), "wasmoci: list:", err)
			for _, of := range delegate.All(os.Getenv("PATH")) {
				if !slices.Contains(delegates, of.Path) {
					delegates = append(delegates, of.Path)
				}
			}
		}
		if c == nil {
			continue
		}
		known[id] = c
		if of, err := r.delegateOf(c); err == nil && !slices.Contains(delegates, of.Path) {
			delegates = append(delegates, of.Path)
		}
	}
	list := []map[string]any{}
	seen := make(map[string]bool)
	for _, path := range delegates {
		all, err := delegatesList(path, append(r.globals(cmd), "list", "--format", "json"))
		if err != nil {
			return nil, err
		}
		for _, raw := range all {
			var about map[string]any
			if err := json.Unmarshal(raw, &about); err != nil {
				return nil, fmt.Errorf("the delegate's list: %w", err)
			}
			id, _ := about["id"].(string)
			c := known[id]
			if of, err := r.delegateOf(c); seen[id] || c != nil && err == nil && of.Path != path {
				continue // another delegate's, which shares the directory
			}
			if c != nil {
				if about, err = restated(raw, store, c); err != nil {
					return nil, err
				}
			}
			seen[id] = true
			list = append(list, about)
		}
	}
	for _, id := range ids {
		if c := known[id]; !seen[id] && c != nil { // a delegate may pass over one that it was about to remove
			if about, err := r.askQuietly(store, c); err == nil {
				seen[id] = true
				list = append(list, about)
			}
		}
		if !seen[id] {
			fmt.Fprintf(cmd.ErrOrStderr(), "wasmoci: list: there is no container %q any more, or it is just being made, but something is left of it: delete --force %[1]s removes that\n", id)
		}
	}
	return list, nil
}

// askQuietly is the state of c, if its delegate has one.
func (r *ociRuntime) askQuietly(store *state.Store, c *state.Container) (map[string]any, error) {
	d, err := r.delegateOf(c)
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(d.Path, r.rooted("state", c.ID)...).Output()
	if err != nil {
		return nil, err
	}
	return restated(out, store, c)
}

// delegatesList is what a delegate prints.
func delegatesList(path string, args []string) (all []json.RawMessage, err error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, delegated(err)
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("the delegate's list: %w", err)
	}
	return all, nil
}

func printList(w io.Writer, list []map[string]any, form format, quiet bool) error {
	switch {
	case form == formatJSON:
		return writeJSON(w, list)
	case quiet:
		for _, c := range list {
			fmt.Fprintln(w, c["id"])
		}
		return nil
	}
	tw := tabwriter.NewWriter(w, 12, 1, 3, ' ', 0)
	fmt.Fprintln(tw, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER")
	for _, c := range list {
		fmt.Fprintf(tw, "%v\t%v\t%v\t%v\t%v\t%v\n", c["id"], c["pid"], c["status"], c["bundle"], c["created"], c["owner"])
	}
	return tw.Flush()
}
