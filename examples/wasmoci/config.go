//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
)

func newConfig(r *ociRuntime) *cobra.Command {
	var form format
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the operator's settings, and where each comes from",
		Long: `Show the operator's settings, and where each comes from: a default, a flag, or ` + operator.File + `. A container never changes any of
them: its annotations choose wasm or native, and one of the engines that have a runner.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := r.operator()
			if err != nil {
				return err
			}
			return printConfig(cmd.OutOrStdout(), s, form, r.other)
		},
	}
	form.addFlag(cmd)
	return cmd
}

func printConfig(w io.Writer, s *operator.Settings, form format, find func() (delegate.Delegate, error)) error {
	all := make(map[string]setting)
	for _, key := range s.Keys {
		all[key] = setting{s.Value(key), s.From[key]}
	}
	if d, err := find(); err == nil && s.Delegate == "" {
		all["delegate"] = setting{d.Path, "found in " + d.From}
	} else if err != nil {
		all["delegate"] = setting{s.Delegate, err.Error()}
	}
	if form == formatJSON {
		return writeJSON(w, all)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SETTING\tVALUE\tFROM")
	for _, key := range s.Keys {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", key, engine.Printable(all[key].Value), engine.Printable(all[key].From))
	}
	return tw.Flush()
}
