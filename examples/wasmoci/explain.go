package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

func newExplain(r *ociRuntime) *cobra.Command {
	var (
		b     bundle
		h     = host{runtime: r}
		form  format
		where = oci.Direct
	)
	cmd := &cobra.Command{
		Use:   "explain [--bundle DIR]",
		Short: "Show how a bundle would run, and what becomes of every field of its config.json",
		Long: `Show how the guest of a bundle would run, and what becomes of every field of its config.json: granted to the guest,
enforced by the host, limited, ignored, or rejected; and which engine would run it. Nothing is compiled or run.

The exit status is that of a run which fails before it compiles the module, and 0 where nothing is in the way so far.
What only compiling and starting shows is not found out: whether the module is valid, whether it exports the entrypoint and
imports only what the host has, how much memory it starts with, and whether the cache directory can be used.

With --where entered it is the container that is explained, which ` + "`wasmoci create`" + ` would make: native, by which delegate, or WebAssembly, with
which runner; who decided that, the operator's settings among them; and what becomes of each field.`,
		Example: `  wasmoci explain --bundle examples/bundles/hello
  wasmoci explain --bundle DIR --engine wazero
  wasmoci explain --bundle DIR --where entered --format json
  wasmoci explain --bundle DIR --strict`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, plan, err := b.load(where)
			if loaded == nil {
				return err
			}
			e := explanation{Bundle: loaded.Dir, Where: where, Plan: plan}
			switch {
			case where == oci.Entered:
				if found := r.explain(&e, &h, loaded); found != nil || e.Detection.Kind == oci.Native { // which needs no plan of a guest's
					err = found
				}
			case err == nil:
				err = e.look(cmd.Context(), &h, loaded)
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
	h.addEngine(cmd)
	form.addFlag(cmd)
	cmd.Flags().TextVar(&where, "where", where, "`PLACE` of the run: direct, without a container, or entered, in the container that the spec describes")
	return cmd
}

type explanation struct {
	Bundle    string         `json:"bundle"`
	Where     oci.Where      `json:"where"`
	Detection *oci.Detection `json:"detection,omitempty"` // absent where the module was not found
	Policy    *setting       `json:"policy,omitempty"`    // what decides between wasm and native, and who says so
	Engine    string         `json:"engine,omitempty"`    // which would run it
	Chosen    string         `json:"chosen,omitempty"`    // who says so, in a container
	Refused   string         `json:"refused,omitempty"`   // why no engine would
	Runner    string         `json:"runner,omitempty"`    // its executable, in a container
	Listen    []string       `json:"listen,omitempty"`    // the operator's listeners that the container gets
	Delegate  *setting       `json:"delegate,omitempty"`  // who would make the container, and who says so
	*oci.Plan
}

// look finds out what a run would: what the module is, where it can be seen from here, and which engine would run it.
func (e *explanation) look(ctx context.Context, h *host, loaded *oci.Bundle) error {
	_, content, found, err := module(loaded, e.Plan, h.engine)
	if found != (oci.Detection{}) {
		e.Detection = &found
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // as signals end a run's
	defer cancel()
	cfg := e.Config
	cfg.Stdin, cfg.Stdout, cfg.Stderr = os.Stdin, os.Stdout, os.Stderr
	d, err := h.choose(found.Engine, content.Format, engine.Needs(ctx, content.Format, &cfg))
	if err != nil {
		e.Refused = err.Error()
		return err
	}
	e.Engine = d.Name
	return nil
}

func (e *explanation) table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, c := range cells {
			cells[i] = engine.Printable(c)
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	row("bundle", e.Bundle)
	row("where", e.Where.String())
	if d := e.Detection; d != nil {
		row("detected", d.Kind.String()+": "+d.Field+": "+d.Reason)
		if d.Engine != "" {
			row("named", d.Engine)
		}
	}
	if e.Policy != nil {
		row("policy", e.Policy.Value+" ("+e.Policy.From+")")
	}
	switch {
	case e.Chosen != "":
		row("engine", e.Engine+" ("+e.Chosen+")")
	case e.Engine != "":
		row("engine", e.Engine)
	}
	if e.Runner != "" {
		row("runner", e.Runner)
	}
	for _, l := range e.Listen {
		row("listen", l)
	}
	if e.Delegate != nil {
		row("delegate", e.Delegate.Value+" ("+e.Delegate.From+")")
	}
	if e.Refused != "" {
		row("engine", "none: "+strings.Join(strings.Fields(e.Refused), " "))
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

// setting is a value, and who says so.
type setting struct {
	Value string `json:"value"`
	From  string `json:"from"`
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
