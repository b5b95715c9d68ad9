//go:build clients && dist && linux

package clients

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// release is a directory that make dist has made.
var release = flag.String("release", "", "install the release in this `directory`, an absolute path")

// TestInstall runs the commands of the page about installing as they stand, in a release's directory, compares what they print, and says how
// long the way from the archives to a pod took.
func TestInstall(t *testing.T) {
	const page = "../../../docs/install.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	steps := blocks(string(b))
	if len(steps) != 5 {
		t.Fatalf("%s: %d blocks of commands", page, len(steps))
	}
	// What the other tests have in /usr/local is not there: a newcomer has nothing.
	for _, name := range []string{"/usr/local/bin/wasmoci", "/usr/local/bin/crun-wasm", "/usr/local/libexec/wasmoci", "/etc/wasmoci"} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("set -eu\n")
	for i, s := range steps {
		fmt.Fprintf(&script, "{\n%s} >%s/%d 2>&1\ndate +%%s%%N >%s/%d.end\n", s.commands, dir, i, dir, i)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	shell.Dir = *release
	shell.Env = environment()
	begun := time.Now()
	failed := shell.Run()
	for i, s := range steps {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			break // not reached
		}
		if want := s.output; string(got) != want {
			t.Errorf("%s\nprints\n%s\nand not\n%s", s.commands, got, want)
		}
		end, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.end", i)))
		if n, err := strconv.ParseInt(strings.TrimSpace(string(end)), 10, 64); err == nil {
			t.Logf("step %d was done after %v", i, time.Unix(0, n).Sub(begun).Round(10*time.Millisecond))
		}
	}
	if failed != nil {
		t.Errorf("%s: %v", page, failed)
	}
	for _, name := range []string{"/usr/bin/wasmoci", "/usr/libexec/wasmoci", "/etc/wasmoci"} {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("%s is left after purge", name)
		}
	}
	nothingLeft(t)
}
