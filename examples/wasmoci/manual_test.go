//go:build linux

package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestManual keeps wasmoci.1 true: it is what --help says of every command.
func TestManual(t *testing.T) {
	t.Setenv("HOME", "/home/user")
	t.Setenv("XDG_CACHE_HOME", "")
	root := newCommand(&ociRuntime{}, "")
	var page bytes.Buffer
	manual(&page, root)
	const name = "wasmoci.1"
	if *update {
		if err := os.WriteFile(name, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page.Bytes(), want) {
		t.Errorf("%s is not what the commands say: go test ./examples/wasmoci -run TestManual -update", name)
	}
}

// manual writes the page in troff, for man(7).
func manual(w *bytes.Buffer, root *cobra.Command) {
	fmt.Fprintf(w, ".TH WASMOCI 1\n.SH NAME\nwasmoci \\- %s\n", roff(root.Short))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B wasmoci\n[\\fIflags\\fR] \\fIcommand\\fR\n.SH DESCRIPTION\n%s\n", roff(root.Long))
	fmt.Fprintf(w, ".SH FLAGS BEFORE THE COMMAND\n.nf\n%s.fi\n.SH COMMANDS\n", roff(root.LocalFlags().FlagUsages()))
	for _, c := range root.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		text := c.Long
		if text == "" {
			text = c.Short + "."
		}
		fmt.Fprintf(w, ".SS wasmoci %s\n%s\n", roff(c.Use), roff(text))
		if c.HasLocalFlags() && !c.DisableFlagParsing {
			fmt.Fprintf(w, ".PP\n.nf\n%s.fi\n", roff(c.LocalFlags().FlagUsages()))
		}
	}
	fmt.Fprintf(w, ".SH SEE ALSO\n.BR crun (1),\n.BR runc (8),\n.BR podman (1)\n")
}

// roff escapes text; an empty line becomes a paragraph.
func roff(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line = strings.ReplaceAll(line, `\`, `\e`)
		line = strings.ReplaceAll(line, "-", `\-`)
		switch {
		case strings.TrimSpace(line) == "":
			line = ".PP\n"
		case strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'"):
			line = `\&` + line
		}
		b.WriteString(line)
	}
	return b.String()
}
