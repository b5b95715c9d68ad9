package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
)

// program is the name before each line of a message.
const program = "wasmoci"

func main() {
	r := &ociRuntime{}
	verb, done, err := r.straight()
	if !done {
		err = newCommand(r, verb).ExecuteContext(context.Background())
	}
	if lerr := r.report(err); lerr != nil {
		engine.Report(os.Stderr, program, lerr)
	}
	if _, said := err.(failed); !said {
		engine.Report(os.Stderr, program, err)
	}
	os.Exit(engine.ExitCode(err))
}

// newCommand returns the command line of r: all of it, or if verb is the name of a command, that one only. To make them all takes longer
// than most of what they do.
func newCommand(r *ociRuntime, verb string) *cobra.Command {
	var showVersion bool
	cmd := &cobra.Command{
		Use:   "wasmoci",
		Short: "An OCI runtime for WebAssembly and, by a delegate, for Linux containers",
		Long: `An OCI runtime: WebAssembly containers run on one of its engines, in a container that another OCI runtime, the delegate (crun or
runc), makes for them; all others are the delegate's, which gets every command as it is. Put it where a client expects crun or runc.

The guest's exit status is the container's: 128+n when signal n ended it, 134 for a trap, 127 where the module was not found, 126 where
it was found and cannot be run, 125 for a failure of wasmoci itself.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // so that an unknown command is RunE's error, as any other misuse
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return usage(cmd, fmt.Errorf("unknown command %q", args[0]))
			case showVersion:
				return r.printVersion(cmd, cmd.OutOrStdout())
			}
			return cmd.Help()
		},
	}
	cmd.Flags().BoolVar(&showVersion, "version", false, "print the versions of wasmoci, of runtime-spec and of the engines")
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.SetFlagErrorFunc(usage)
	r.setFlags(cmd)
	all := slices.Concat(containerVerbs, verbs)
	if i := slices.IndexFunc(all, func(c command) bool { return c.name == verb }); i >= 0 {
		all = all[i : i+1]
		cmd.CompletionOptions.DisableDefaultCmd = true
	}
	for _, c := range all {
		cmd.AddCommand(c.make(r))
	}
	return cmd
}

// command is one of the command line, by name.
type command struct {
	name string
	make func(r *ociRuntime) *cobra.Command
}

// verbs are the commands that there are on all systems.
var verbs = []command{{"run", newRun}, {"explain", newExplain}, {"engines", newEngines}, {"compile", newCompile}}

// noArguments is the Args of commands that take flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, fmt.Errorf("unexpected argument %q", args[0]))
	}
	return nil
}

// usage says where to read about a command that was called wrongly.
func usage(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
}
