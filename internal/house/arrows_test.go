package house

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// Modules outside the standard library, by what the table calls them.
const (
	wazero      = "github.com/tetratelabs/wazero"
	wasmtime    = "github.com/bytecodealliance/wasmtime-go"
	wasmEdge    = "github.com/second-state/WasmEdge-go"
	runtimeSpec = "github.com/opencontainers/runtime-spec"
	xsys        = "golang.org/x/sys"
	cobra       = "github.com/spf13/cobra"
	pflag       = "github.com/spf13/pflag"
	toml        = "github.com/pelletier/go-toml/v2"
	testscript  = "github.com/rogpeppe/go-internal"
	wasmerGo    = "github.com/wasmerio/wasmer-go"
)

// arrows says what the non-test files of each package may import beyond the standard library. ARCHITECTURE.md draws it.
// A new package needs a line here.
var arrows = map[string][]string{
	".":             {},
	"wasi":          {},
	"wasi/vfs":      {"wasi", xsys},
	"wasi/preview1": {"wasi", "wasi/vfs"},
	"wasi/preview2": {"wasi", "wasi/vfs"},

	"engine":            {"wasi"},
	"engine/all":        {"engine", "engine/internal/declared", "engine/wazero", "engine/wasmtime", "engine/wasmedge", "engine/wasmer"},
	"engine/cache":      {"engine", "internal/userns", xsys},
	"engine/enginetest": {"engine", "wasi"},
	"engine/known":      {"engine", "engine/internal/declared"},
	"engine/runner":     {"engine", "engine/internal/loader", "wasi", "wasi/vfs", xsys},
	"engine/subprocess": {"engine", "engine/cache", "engine/internal/gate", "engine/internal/loader", "wasi", "wasi/preview1", "wasi/vfs", xsys},

	"engine/internal/core":     {"engine", "engine/cache", "engine/internal/gate", "engine/internal/wasm", "wasi", "wasi/preview1", "wasi/preview2", "wasi/vfs"},
	"engine/internal/declared": {"engine", "wasi", "wasi/vfs"},
	"engine/internal/gate":     {},
	"engine/internal/loader":   {},
	"engine/internal/wasm":     {},
	"engine/wazero":            {"engine", "engine/cache", "engine/internal/core", "engine/internal/declared", "engine/internal/wasm", "wasi", "wasi/preview1", wazero, xsys},
	"engine/wasmtime":          {"engine", "engine/cache", "engine/internal/core", "engine/internal/declared", "engine/internal/wasm", "wasi", "wasi/preview1", "wasi/preview2", wasmtime},
	"engine/wasmedge":          {"engine", "engine/cache", "engine/internal/core", "engine/internal/declared", "engine/internal/wasm", "wasi", "wasi/preview1"},
	"engine/wasmer":            {"engine", "engine/cache", "engine/internal/core", "engine/internal/declared", "engine/internal/wasm", "wasi", "wasi/preview1", wasmerGo},

	"oci": {"wasi", "wasi/vfs", runtimeSpec},

	"internal/apisurface": {},
	"internal/house":      {},
	"internal/userns":     {},
	"internal/sbom":       {},

	"examples/bench":           {"engine", "engine/subprocess", "engine/wazero", "oci", "wasi", runtimeSpec, wazero},
	"examples/embed":           {"engine", "engine/wazero", "oci"},
	"examples/engine":          {"engine/all", "engine/subprocess"},
	"examples/runner":          {"engine/all", "engine/runner", "engine/subprocess"},
	"examples/wasmoci/clients": {},
	"examples/wasmoci": {
		"engine", "engine/all", "engine/known", "engine/runner", "engine/subprocess", "oci", "wasi", "wasi/vfs", cobra, pflag, runtimeSpec, xsys,
		"examples/wasmoci/internal/delegate", "examples/wasmoci/internal/operator", "examples/wasmoci/internal/otlp", "examples/wasmoci/internal/prepared",
		"examples/wasmoci/internal/state",
	},
	"examples/wasmoci/internal/delegate": {xsys},
	"examples/wasmoci/internal/operator": {"internal/userns", "oci", toml},
	"examples/wasmoci/internal/otlp":     {xsys},
	"examples/wasmoci/internal/prepared": {"engine", "engine/cache", xsys},
	"examples/wasmoci/internal/state":    {"internal/userns", "oci", xsys},
}

// testsOnly are for test files: of these packages, or of any where the list is empty.
var testsOnly = map[string][]string{
	testscript:          {"examples/embed", "examples/wasmoci"},
	wazero:              {"engine/wazero"},
	wasmerGo:            {"engine/wasmer"},
	wasmtime:            {"engine/wasmtime"},
	wasmEdge:            {"engine/wasmedge"},
	"engine/enginetest": nil,
}

func TestArrows(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range sources(t) {
		seen[s.pkg] = true
		allowed, known := arrows[s.pkg]
		if !known && !s.test {
			t.Errorf("%s: package %s is not in the table of arrows: say there what it may import", s.path, s.pkg)
			continue
		}
		for _, imp := range s.imports() {
			switch {
			case s.test:
				for what, where := range testsOnly {
					if within(imp, what) && len(where) > 0 && !slices.Contains(where, s.pkg) {
						t.Errorf("%s imports %s, which only tests of %s may", s.path, imp, strings.Join(where, " and "))
					}
				}
			case !isStd(imp) && !slices.ContainsFunc(allowed, func(a string) bool { return imp == a || outside(a) && within(imp, a) }):
				t.Errorf("%s imports %s, but package %s may import only the standard library and %v", s.path, imp, s.pkg, allowed)
			}
		}
	}
	for pkg := range arrows {
		if !seen[pkg] {
			t.Errorf("the table of arrows has %s, which does not exist", pkg)
		}
	}
}

// TestImplicitConstraints: a name that ends like this makes the go command leave the file out of every ordinary build.
func TestImplicitConstraints(t *testing.T) {
	for _, s := range sources(t) {
		base := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
		for _, suffix := range []string{"_wasm", "_js", "_wasip1"} {
			if strings.HasSuffix(base, suffix) {
				t.Errorf("%s: the suffix %s is a build constraint: rename the file", s.path, suffix)
			}
		}
	}
}

// isStd tells a path of the standard library: its first element has no dot, and it is none of the module's own.
func isStd(imp string) bool {
	if _, own := arrows[imp]; own {
		return false
	}
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

func outside(imp string) bool { return strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") }

func within(imp, module string) bool { return imp == module || strings.HasPrefix(imp, module+"/") }
