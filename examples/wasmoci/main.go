package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
)

func main() {
	err := newCommand().ExecuteContext(context.Background())
	engine.Report(os.Stderr, "wasmoci", err)
	os.Exit(engine.ExitCode(err))
}

func newCommand() *cobra.Command {
	var showVersion bool
	cmd := &cobra.Command{
		Use:           "wasmoci",
		Short:         "Run the WebAssembly guests of OCI bundles",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // so that an unknown command is RunE's error, as any other misuse
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return usage(cmd, fmt.Errorf("unknown command %q", args[0]))
			case showVersion:
				return printVersion(cmd, cmd.OutOrStdout())
			}
			return cmd.Help()
		},
	}
	cmd.Flags().BoolVar(&showVersion, "version", false, "print the versions of wasmoci, of runtime-spec and of the engines")
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.SetFlagErrorFunc(usage)
	cmd.AddCommand(newRun(), newExplain(), newEngines(), newCompile())
	return cmd
}

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
