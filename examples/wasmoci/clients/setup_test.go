//go:build clients && linux

package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// setup is one way to make a container of the guest.
type setup struct {
	kind     string
	delegate string // absolute
	runtime  string // what podman calls
	image    string
	user     *account // who calls it; nil is root
}

const ours = "/usr/local/bin/wasmoci"

// delegates are found by name, so that one that is not installed is a failure.
var delegates = []string{"crun", "runc"}

// either is for what has nothing to do with the delegate.
var either = delegates[:1]

// Kinds of setups.
const (
	bare     = "bare"     // a native program on the delegate itself
	native   = "native"   // the same through wasmoci
	wasm     = "wasm"     // the guest of the same source, on the engine that it gets where none is named
	wasmtime = "wasmtime" // the guest on the other engine that has a runner
)

// each runs a test with each of these delegates, one after the other, as there is one operator's file; with setups of these kinds, which run
// beside each other, so that each has containers of its own: podman looks every quarter of a second whether one has ended.
func each(t *testing.T, delegates []string, test func(t *testing.T, s *setup), kinds ...string) {
	t.Helper()
	images(t)
	for _, name := range delegates {
		delegate, err := exec.LookPath(name)
		if err != nil {
			t.Errorf("%v: run make deps", err)
			continue
		}
		t.Run(name, func(t *testing.T) {
			configure(t, operator(delegate))
			for _, kind := range kinds {
				if kind == bare && name != either[0] {
					continue // that a case is right needs one proof
				}
				t.Run(kind, func(t *testing.T) {
					t.Parallel()
					test(t, newSetup(t, kind, delegate))
				})
			}
		})
	}
}

func newSetup(t *testing.T, kind, delegate string) *setup {
	t.Helper()
	s := &setup{kind: kind, delegate: delegate, runtime: ours, image: "localhost/native"}
	switch kind {
	case bare:
		s.runtime = delegate
		return s
	case wasm, wasmtime:
		s.image = "localhost/" + kind
	}
	if why, err := os.ReadFile(filepath.Join(os.Getenv(space), broken)); err == nil {
		t.Fatalf("%s", why)
	}
	return s
}

// guest says whether the setup's container is one of WebAssembly.
func (s *setup) guest() bool { return s.kind == wasm || s.kind == wasmtime }

// name is that of something that only this setup has.
func (s *setup) name(what string) string { return s.kind + "-" + what }

// operator is a configuration by which wasmoci uses the delegate.
func operator(delegate string) string { return fmt.Sprintf("delegate = %q\n", delegate) + ports }

// configure writes the operator's configuration.
func configure(t *testing.T, content string) {
	t.Helper()
	if err := os.WriteFile("/etc/wasmoci/config.toml", []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	status         int
	took           time.Duration
}

// secret is in the environment of every command of these tests, and must be in none of a container's.
const secret = "WASMOCI_TEST_SECRET=must-not-leak"

// patience is how long anything may take, on a machine that has other work.
const patience = time.Minute

// run runs a command with an input.
func run(t *testing.T, stdin string, name string, args ...string) result {
	t.Helper()
	// Not t.Context: commands of a test's cleanup must run as well.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environment()
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	cmd.WaitDelay = time.Second
	begun := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%v: run make deps", err)
	}
	r := result{out.String(), errs.String(), cmd.ProcessState.ExitCode(), time.Since(begun)}
	if ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s took more than %v or left its output open\nstdout %s\nstderr %s", cmd, patience, r.stdout, r.stderr)
	}
	return r
}

func environment() []string {
	return []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + filepath.Join(os.Getenv(space), "memory", "home"), "PODMAN_IGNORE_CGROUPSV1_WARNING=1", secret}
}

// podman runs podman with the setup's runtime.
func (s *setup) podman(t *testing.T, args ...string) result {
	t.Helper()
	return s.podmanInput(t, "", args...)
}

func (s *setup) podmanInput(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	args = append([]string{"--runtime", s.runtime}, args...)
	if s.user != nil {
		return s.user.run(t, stdin, "podman", args...)
	}
	return run(t, stdin, "podman", args...)
}

// must runs podman, which has to succeed, and returns what it printed.
func (s *setup) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.podman(t, args...)
	if r.status != 0 {
		t.Fatalf("podman %s: status %d, stderr %s", strings.Join(args, " "), r.status, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// want compares how a command ended.
func (r result) want(t *testing.T, status int, stdout string) {
	t.Helper()
	if r.status != status || r.stdout != stdout {
		t.Errorf("status %d, want %d\nstdout %q\nwant   %q\nstderr %s", r.status, status, r.stdout, stdout, r.stderr)
	}
}

// background starts the guest in a container of its own, waits until its log has a line, of either stream, and returns the container's name. The container
// is removed in the end.
func (s *setup) background(t *testing.T, flags []string, args ...string) string {
	t.Helper()
	name := s.name("guest")
	s.must(t, append(append([]string{"run", "--detach", "--name", name}, flags...), append([]string{s.image}, args...)...)...)
	t.Cleanup(func() { s.remove(t, name) })
	s.eventually(t, "line in the log", func() bool {
		r := s.podman(t, "logs", name)
		return r.stdout+r.stderr != ""
	})
	return name
}

func (s *setup) remove(t *testing.T, name string) {
	t.Helper()
	s.must(t, "rm", "--force", "--time", "0", name)
}

// wait returns a container's exit status when it has ended.
func (s *setup) wait(t *testing.T, name string) string {
	t.Helper()
	return s.must(t, "wait", "--interval", "20ms", name)
}

// eventually waits for what must happen.
func (s *setup) eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for begun := time.Now(); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("no %s in %v", what, patience)
		}
	}
}

// inspect returns a field of a container, as a template names it.
func (s *setup) inspect(t *testing.T, name, field string) string {
	t.Helper()
	return s.must(t, "inspect", "--format", "{{"+field+"}}", name)
}
