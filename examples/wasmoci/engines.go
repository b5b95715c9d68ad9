package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

func newEngines(*ociRuntime) *cobra.Command {
	var form format
	cmd := &cobra.Command{
		Use:   "engines",
		Short: "Show what each engine can do",
		Long: `Show what each engine of this program can do, by the format of the module, and why the engines that are known
but not part of this program are not.

What a bundle needs beyond that is refused before its guest runs.`,
		Example: `  wasmoci engines
  wasmoci engines --format json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			drivers := describeDrivers(cmd.Context())
			if form == formatJSON {
				return writeJSON(cmd.OutOrStdout(), drivers)
			}
			return drivers.table(cmd.OutOrStdout())
		},
	}
	form.addFlag(cmd)
	return cmd
}

type driver struct {
	Name         string                    `json:"name"`
	Version      string                    `json:"version,omitempty"` // of the runtime beneath
	Native       bool                      `json:"native"`
	Available    bool                      `json:"available"`
	Reason       string                    `json:"reason,omitempty"` // why it is not available
	Capabilities engine.FormatCapabilities `json:"capabilities"`
}

type drivers []driver

// describeDrivers opens each engine to ask for its version; one that cannot be opened is not available.
func describeDrivers(ctx context.Context) drivers {
	list := drivers{}
	for _, d := range engine.List() {
		e := driver{Name: d.Name, Native: d.Native, Capabilities: d.Capabilities}
		if e.Capabilities == nil {
			e.Capabilities = engine.FormatCapabilities{}
		}
		version, err := engineVersion(ctx, d)
		if e.Version, e.Available = version, err == nil; err != nil {
			e.Reason = err.Error()
		}
		list = append(list, e)
	}
	return list
}

// engineVersion opens an engine to ask for the version of the runtime beneath.
func engineVersion(ctx context.Context, d engine.Driver) (string, error) {
	if d.Open == nil {
		return "", d.Unavailable
	}
	eng, err := d.Open(ctx, engine.Options{})
	if err != nil {
		return "", err
	}
	return eng.Info().Version, eng.Close()
}

// table writes a row for each capability and a column for each engine and format.
func (list drivers) table(w io.Writer) error {
	type column struct {
		title, version string
		has            engine.Capabilities
	}
	var columns []column
	for _, d := range list {
		var formats []wasi.Format
		for f := range d.Capabilities {
			formats = append(formats, f)
		}
		slices.Sort(formats)
		for _, f := range formats {
			if d.Available {
				columns = append(columns, column{d.Name + " " + f.String(), d.Version, d.Capabilities[f]})
			}
		}
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "CAPABILITY")
	for _, c := range columns {
		fmt.Fprintf(tw, "\t%s", c.title)
	}
	fmt.Fprint(tw, "\tMEANING\nversion")
	for _, c := range columns {
		fmt.Fprintf(tw, "\t%s", c.version)
	}
	fmt.Fprintln(tw, "\tof the runtime beneath, as it runs guests in this process")
	for _, c := range engine.AllCapabilities() {
		fmt.Fprint(tw, c)
		for _, col := range columns {
			if col.has.Has(c) {
				fmt.Fprint(tw, "\tyes")
			} else {
				fmt.Fprint(tw, "\tno")
			}
		}
		fmt.Fprintf(tw, "\t%s\n", c.Describe())
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, d := range list {
		if !d.Available {
			if _, err := fmt.Fprintf(w, "\n%s is not available: %s\n", d.Name, d.Reason); err != nil {
				return err
			}
		}
	}
	return nil
}
