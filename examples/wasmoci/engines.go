package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

func newEngines(r *ociRuntime) *cobra.Command {
	var form format
	cmd := &cobra.Command{
		Use:   "engines",
		Short: "Show what each engine can do",
		Long: `Show what each engine can do where there is no container, by the format of the module: those that are part of this program, those whose
runner is installed, and of the others why they are not available.

What a bundle needs beyond that is refused before its guest runs.`,
		Example: `  wasmoci engines
  wasmoci engines --format json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			drivers, err := r.describeDrivers(cmd.Context())
			if err != nil {
				return err
			}
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

// describeDrivers opens each engine to ask for its version, all at once since some are processes; one that cannot be opened is not available.
func (r *ociRuntime) describeDrivers(ctx context.Context) (drivers, error) {
	if err := r.openRunners(); err != nil {
		return nil, err
	}
	known := engine.List()
	list := make(drivers, len(known))
	var all sync.WaitGroup
	for i, d := range known {
		all.Go(func() {
			e := driver{Name: d.Name, Native: d.Native, Capabilities: d.Capabilities}
			if e.Capabilities == nil {
				e.Capabilities = engine.FormatCapabilities{}
			}
			version, err := r.engineVersion(ctx, d)
			if e.Version, e.Available = version, err == nil; err != nil {
				e.Reason = err.Error()
			}
			list[i] = e
		})
	}
	all.Wait()
	return list, nil
}

// engineVersion opens an engine to ask for the version of the runtime beneath.
func (r *ociRuntime) engineVersion(ctx context.Context, d engine.Driver) (string, error) {
	if d.Open == nil {
		return "", r.unavailable(d)
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
	fmt.Fprintln(tw, "\tof the runtime beneath, as it runs guests without a container")
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
