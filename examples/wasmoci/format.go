package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// format is how a command prints what it found: the flag --format.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
)

func (f *format) addFlag(cmd *cobra.Command) {
	*f = formatTable
	cmd.Flags().Var(f, "format", "table, or json for programs")
}

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *format) Type() string { return "FORMAT" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if v := format(s); v == formatTable || v == formatJSON {
		*f = v
		return nil
	}
	return fmt.Errorf("%q is neither %s nor %s", s, formatTable, formatJSON)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
