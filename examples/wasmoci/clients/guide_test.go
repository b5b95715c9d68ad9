//go:build clients && linux

package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuide runs the guide's commands as they stand, in the project's directory, and compares what they print.
func TestGuide(t *testing.T) {
	if why, err := os.ReadFile(filepath.Join(os.Getenv(space), broken)); err == nil {
		t.Fatalf("%s", why)
	}
	const guide = "../../../docs/podman.md"
	b, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	steps := blocks(string(b))
	if len(steps) < 8 {
		t.Fatalf("%s: %d blocks of commands", guide, len(steps))
	}
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("set -eu\n")
	for i, s := range steps { // one shell, as an operator has it
		fmt.Fprintf(&script, "{\n%s} >%s/%d 2>&1\n", s.commands, dir, i)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	shell.Dir = "../../.."
	caches, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE").Output() // where nothing can be downloaded
	modules, builds, ok := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	if err != nil || !ok {
		t.Fatalf("go env: %q, %v", caches, err)
	}
	shell.Env = append(os.Environ(), "HOME="+filepath.Join(os.Getenv(space), "memory", "home"), "PATH=/usr/local/bin:"+os.Getenv("PATH"),
		"GOMODCACHE="+modules, "GOCACHE="+builds)
	failed := shell.Run()
	for i, s := range steps {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			break // not reached
		}
		if s.checked && string(got) != s.output {
			t.Errorf("%s\nprints\n%s\nand not\n%s", s.commands, got, s.output)
		} else if failed != nil && !s.checked {
			t.Logf("%s\nprints\n%s", s.commands, got)
		}
	}
	if failed != nil {
		t.Errorf("%s: %v", guide, failed)
	}
	run(t, "", "sh", "-c", "podman pod rm --all --force; podman rm --all --force --time 0; rm -f /etc/containers/containers.conf.d/wasmoci.conf")
	nothingLeft(t)
}

// step is a block of commands in a document, and what they print where the block after it says so.
type step struct {
	commands, output string
	checked          bool
}

func blocks(document string) (steps []step) {
	fence, text := "", strings.Builder{}
	for line := range strings.Lines(document) {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSpace(line)
			text.Reset()
		case fence == "":
		case strings.TrimSpace(line) != "```":
			text.WriteString(line)
		case fence == "```sh":
			steps, fence = append(steps, step{commands: text.String()}), ""
		default:
			if fence == "```text" && len(steps) > 0 {
				last := &steps[len(steps)-1]
				last.output, last.checked = text.String(), true
			}
			fence = ""
		}
	}
	return steps
}
