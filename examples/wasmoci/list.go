//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"text/tabwriter"

	"github.com/spf13/cobra"
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
			d, err := r.other()
			if err != nil {
				return err
			}
			ask := exec.Command(d.Path, append(r.globals(cmd), "list", "--format", "json")...)
			ask.Stderr = os.Stderr
			out, err := ask.Output()
			if err != nil {
				return delegated(err)
			}
			var all []json.RawMessage
			if err := json.Unmarshal(out, &all); err != nil {
				return fmt.Errorf("the delegate's list: %w", err)
			}
			list := make([]map[string]any, 0, len(all))
			for _, raw := range all {
				var about map[string]any
				if err := json.Unmarshal(raw, &about); err != nil {
					return fmt.Errorf("the delegate's list: %w", err)
				}
				id, _ := about["id"].(string)
				if c, err := store.Get(id); err == nil && c != nil {
					if about, err = restated(raw, store, c); err != nil {
						return err
					}
				}
				list = append(list, about)
			}
			return printList(cmd.OutOrStdout(), list, form, quiet)
		},
	}
	form.addFlag(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print IDs alone")
	return cmd
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
