//go:build real

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestStd runs the tests of Go's own standard library as guests: what its authors expect of an operating system, a host of
// guests has to be, on every engine of the build that a signal can end. What they skip on wasip1 they skip here.
func TestStd(t *testing.T) {
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range engine.List() {
		if d.Can(wasi.FormatModule, engine.NewCapabilities(engine.Interrupt)) != nil {
			continue
		}
		for _, pkg := range []string{"io/fs", "path/filepath", "time", "encoding/json", "os", "net", "net/http"} {
			t.Run(d.Name+"/"+pkg, func(t *testing.T) { testStd(t, d.Name, strings.TrimSpace(string(goroot)), pkg) })
		}
	}
}

// verdict is a line of a test's output that says how a test, not a subtest, has ended.
var verdict = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\S+)`)

func testStd(t *testing.T, name, goroot, pkg string) {
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", filepath.Join(dir, "rootfs", "pkg.test"), pkg)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	for _, sub := range []string{"rootfs/etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(t, build)
	for _, name := range []string{"group", "hosts", "passwd", "protocols", "services", "resolv.conf"} {
		switch content, err := os.ReadFile(filepath.Join("/etc", name)); {
		case err == nil:
			write(t, filepath.Join(dir, "rootfs/etc", name), content)
		case !errors.Is(err, fs.ErrNotExist):
			t.Fatal(err)
		}
	}
	config, err := json.Marshal(&specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{
			Args: []string{"/pkg.test", "-test.short", "-test.v"},
			Cwd:  filepath.Join(goroot, "src", pkg),
			Env:  []string{"TMPDIR=/tmp", "GOROOT=" + goroot},
		},
		Root: &specs.Root{Path: "rootfs", Readonly: true},
		Mounts: []specs.Mount{
			{Destination: goroot, Type: "bind", Source: goroot, Options: []string{"rbind", "ro"}},
			{Destination: "/dev", Type: "bind", Source: "/dev", Options: []string{"rbind", "ro"}}, // for /dev/null
			{Destination: "/tmp", Type: "bind", Source: "tmp", Options: []string{"rbind", "rw"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "config.json"), config)
	stdout, stderr, status := wasmoci(t, "run", "--no-container", "--engine", name, "--bundle", dir)
	ended := map[string][]string{}
	for _, m := range verdict.FindAllStringSubmatch(stdout, -1) {
		ended[m[1]] = append(ended[m[1]], m[2])
	}
	t.Logf("%d passed, %d failed, %d skipped by Go", len(ended["PASS"]), len(ended["FAIL"]), len(ended["SKIP"]))
	if status != 0 || len(ended["FAIL"]) > 0 || len(ended["PASS"]) == 0 {
		lines := strings.SplitAfter(stdout, "\n")
		t.Errorf("exit status %d, failed: %v\nthe end of it:\n%s\nstderr:\n%s",
			status, ended["FAIL"], strings.Join(lines[max(0, len(lines)-60):], ""), stderr)
	}
}
