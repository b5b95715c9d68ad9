package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

func newExplain() *cobra.Command {
	var (
		b     bundle
		form  format
		where = oci.Direct
	)
	cmd := &cobra.Command{
		Use:   "explain [--bundle DIR]",
		Short: "Show how a bundle would run, and what becomes of every field of its config.json",
		Long: `Show how the guest of a bundle would run, and what becomes of every field of its config.json: granted to the guest,
enforced by the host, limited, ignored, or rejected. Nothing is run.

The exit status is that of an attempt to run it: 0 where nothing is in the way.`,
		Example: `  wasmoci explain --bundle examples/bundles/hello
  wasmoci explain --bundle DIR --where entered --format json
  wasmoci explain --bundle DIR --strict`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, plan, err := b.load(where)
			if loaded == nil {
				return err
			}
			e := explanation{Bundle: loaded.Dir, Where: where, Plan: plan}
			if err == nil {
				e.Detection, err = detect(loaded, plan, where)
			}
			out := cmd.OutOrStdout()
			var written error
			if form == formatJSON {
				written = writeJSON(out, e)
			} else {
				written = e.table(out)
			}
			return cmp.Or(written, err)
		},
	}
	b.addFlags(cmd)
	form.addFlag(cmd)
	cmd.Flags().TextVar(&where, "where", where, "`PLACE` of the run: direct, without a container, or entered, in the container that the spec describes")
	return cmd
}

// detect looks at the module where it can be seen from here.
func detect(loaded *oci.Bundle, plan *oci.Plan, where oci.Where) (*oci.Detection, error) {
	if where == oci.Direct {
		_, _, found, err := module(loaded, plan, "")
		if found == (oci.Detection{}) {
			return nil, err
		}
		return &found, err
	}
	found := oci.Detect(loaded.Spec, oci.DetectOptions{})
	return &found, found.Err()
}

type explanation struct {
	Bundle    string         `json:"bundle"`
	Where     oci.Where      `json:"where"`
	Detection *oci.Detection `json:"detection,omitempty"` // absent where the module was not found
	*oci.Plan
}

func (e *explanation) table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, c := range cells {
			cells[i] = printable(c)
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	row("bundle", e.Bundle)
	row("where", e.Where.String())
	if d := e.Detection; d != nil {
		row("detected", d.Kind.String()+": "+d.Field+": "+d.Reason)
		if d.Engine != "" {
			row("engine", d.Engine)
		}
	}
	if e.Module != "" {
		row("module", e.Module)
		row("root", e.Root)
		row("entrypoint", cmp.Or(e.Config.Entrypoint, "the module's own"))
		row("arguments", quoted(e.Config.Args))
		row("environment", quoted(e.Config.Env))
		row("directory", cmp.Or(e.Config.Dir, "/"))
		for _, m := range e.Config.Mounts {
			row("mount", m.Guest+" = "+mounted(m))
		}
		if n := e.Config.Limits.MemoryBytes; n != 0 {
			row("memory", size(int64(n)))
		}
	}
	row()
	row("FIELD", "VERDICT", "REASON")
	for _, a := range e.Account {
		row(a.Field, a.Verdict.String(), a.Reason)
	}
	return tw.Flush()
}

func quoted(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(q, " ")
}

func mounted(m wasi.Mount) string {
	what := m.Host
	switch {
	case m.Hidden:
		return "nothing"
	case m.Tmpfs != nil:
		what = "a file system in memory"
	}
	if m.ReadOnly {
		what += ", read-only"
	}
	return what
}
