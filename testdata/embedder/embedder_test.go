package embedder

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	status, err := Run(t.Context(), "../../examples/bundles/hello", &out)
	if status != 0 || err != nil || !strings.HasPrefix(out.String(), "Hello from WebAssembly!\n") {
		t.Errorf("status %d, error %v, output %q", status, err, out.String())
	}
	if status, err = Run(t.Context(), t.TempDir(), &out); status != 125 || err == nil {
		t.Errorf("without a bundle: status %d, error %v, want 125 and an error", status, err)
	}
}

// TestDependencies: who embeds the default engine compiles pure Go of four modules, and no command-line library.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		"{{if .Module}}{{.Module.Path}} {{.ImportPath}} {{len .CgoFiles}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"example.com/embedder",
		"github.com/wasmoci/wasmoci",
		"github.com/tetratelabs/wazero",
		"github.com/opencontainers/runtime-spec",
		"golang.org/x/sys",
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		var module, pkg, cgo string
		if f := strings.Fields(line); len(f) == 3 {
			module, pkg, cgo = f[0], f[1], f[2]
		}
		seen[module] = true
		if !slices.Contains(allowed, module) {
			t.Errorf("%s of module %s is not what an embedder should carry", pkg, module)
		}
		if cgo != "0" {
			t.Errorf("%s has %s files of cgo", pkg, cgo)
		}
	}
	for _, module := range allowed {
		if !seen[module] {
			t.Errorf("%s is not among the dependencies: is the list read rightly?\n%s", module, out)
		}
	}
}
