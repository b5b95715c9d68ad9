//go:build !wasmtime && !wasmedge && !wasmer

// The README has what the program of Go alone has.

package house

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/wasi"
)

var update = flag.Bool("update", false, "write what is generated into README.md")

// TestMatrix: the README's table of engines is what the drivers declare on Linux.
func TestMatrix(t *testing.T) {
	const begin, end = "<!-- engines: make matrix writes this -->\n", "<!-- /engines -->\n"
	text := read(t, "README.md")
	before, rest, ok := strings.Cut(text, begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md lacks the markers %q and %q", begin, end)
	}
	now := matrix()
	if old == now {
		return
	}
	if !*update {
		t.Fatalf("README.md has another table of engines than the drivers declare: run make matrix\ngot\n%s\nwant\n%s", old, now)
	}
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(before+begin+now+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// matrix has a row for each capability and a column for each engine and format, and a line for each engine that is not there.
func matrix() string {
	var b strings.Builder
	var names []string
	var sets []engine.Capabilities
	for _, d := range engine.List() {
		for _, f := range []wasi.Format{wasi.FormatModule, wasi.FormatComponent, wasi.FormatText} {
			if caps, ok := d.Capabilities[f]; ok {
				names, sets = append(names, fmt.Sprintf("%s, %s", d.Name, f)), append(sets, caps)
			}
		}
	}
	fmt.Fprintf(&b, "\n| capability | %s | |\n|---|%s---|\n", strings.Join(names, " | "), strings.Repeat(":---:|", len(names)))
	for _, c := range engine.AllCapabilities() {
		fmt.Fprintf(&b, "| `%s` |", c)
		for _, set := range sets {
			if set.Has(c) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		fmt.Fprintf(&b, " %s |\n", c.Describe())
	}
	b.WriteString("\n")
	for _, d := range engine.List() {
		if d.Unavailable != nil {
			fmt.Fprintf(&b, "- %s\n", strings.TrimPrefix(d.Unavailable.Error(), "engine: "))
		}
	}
	b.WriteString("\n")
	return b.String()
}
