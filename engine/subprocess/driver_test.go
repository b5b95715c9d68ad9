//go:build linux

package subprocess_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestDriver: a known engine becomes one that can be opened, with what the open engine says of itself.
func TestDriver(t *testing.T) {
	known, _ := engine.Lookup("wazero")
	known.Native, known.Open, known.Unavailable = true, nil, engine.ErrNotBuilt
	known.Capabilities[wasi.FormatModule] = known.Capabilities[wasi.FormatModule].Without(engine.Interrupt).With(engine.Unchecked)
	d := subprocess.Driver(known, subprocess.Config{})
	if d.Name != "wazero" || !d.Native || d.Unavailable != nil || d.Dedicate != nil {
		t.Errorf("the driver is %+v", d)
	}
	eng, err := d.Open(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	declared, exact := d.Capabilities[wasi.FormatModule], eng.Info().Capabilities[wasi.FormatModule]
	if missing := declared.Missing(exact); !missing.Empty() || !declared.Has(engine.Interrupt) || declared.Has(engine.Unchecked) {
		t.Errorf("the driver declares %v, the engine %v", declared, exact)
	}
	if known.Capabilities[wasi.FormatModule].Has(engine.Interrupt) {
		t.Error("what was known has changed")
	}
}

// TestLibraries: an executable with libraries of its own is started by their loader.
func TestLibraries(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg := subprocess.Config{Engine: "wazero", Path: self, Libraries: dir, Env: []string{role + "=loader"}}
	if _, err := subprocess.New(t.Context(), cfg, engine.Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "ld.so") {
		t.Errorf("without a loader: %v", err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "ld.so")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	cfg.Libraries = filepath.Base(dir)
	if err := engine.Run(t.Context(), compile(t, open(t, cfg, engine.Options{}), quick), nil); err != nil {
		t.Error(err)
	}
	cfg.Path = ""
	if _, err := subprocess.New(t.Context(), cfg, engine.Options{}); err == nil || !strings.Contains(err.Error(), "Config.Path") {
		t.Errorf("without an executable: %v", err)
	}
}
