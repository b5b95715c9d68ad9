//go:build root && linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRootValidation runs the programs of the OCI runtime validation suite, which testdata/validation builds, with each delegate, and then with
// wasmoci in front of it: what a program says of the delegate alone, assertion by assertion, it says of the two.
func TestRootValidation(t *testing.T) {
	if !isolated(t) {
		return
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil { // delegates' own state
		t.Fatal(err)
	}
	s := buildSuite(t)
	for _, name := range []string{"crun", "runc"} {
		delegate, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%v: make deps installs it", err)
		}
		t.Run(name, func(t *testing.T) { s.validate(t, delegate) })
	}
}

// suite is a directory with the validation programs, and one from which they run, which has what containers are made of.
type suite struct {
	programs []string // paths
	from     string
}

func buildSuite(t *testing.T) *suite {
	t.Helper()
	dir := t.TempDir()
	s := &suite{from: filepath.Join(dir, "from")}
	bin := filepath.Join(dir, "bin")
	if err := errors.Join(os.Mkdir(s.from, 0o755), os.Mkdir(bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	const module = "github.com/opencontainers/runtime-tools"
	inModule := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = "testdata/validation", append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			if e := (*exec.ExitError)(nil); errors.As(err, &e) {
				out = e.Stderr
			}
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	inModule("build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "tool")
	if err := os.Rename(filepath.Join(bin, "runtimetest"), filepath.Join(s.from, "runtimetest")); err != nil {
		t.Fatal(err)
	}
	roots, err := filepath.Glob(filepath.Join(inModule("list", "-m", "-f", "{{.Dir}}", module), "rootfs-*.tar.gz"))
	if err != nil || len(roots) == 0 {
		t.Fatalf("%s has no root file systems: %v", module, err)
	}
	for _, root := range roots {
		if err := os.Symlink(root, filepath.Join(s.from, filepath.Base(root))); err != nil {
			t.Fatal(err)
		}
	}
	if s.programs, err = filepath.Glob(filepath.Join(bin, "*")); err != nil || len(s.programs) < 50 {
		t.Fatalf("%d programs, %v", len(s.programs), err)
	}
	return s
}

// validate compares what the programs say of the delegate, and of wasmoci over it.
func (s *suite) validate(t *testing.T, delegate string) {
	dir := t.TempDir()
	config, ours := filepath.Join(dir, "operator.toml"), filepath.Join(dir, "wasmoci")
	state := filepath.Join(dir, "state")
	settings := fmt.Sprintf("delegate = %q\nrunners = %q\nstate = %q\ncache = %q\n", delegate, dir, state, filepath.Join(dir, "cache"))
	command := fmt.Sprintf("#!/bin/sh\nexec wasmoci --config=%s \"$@\"\n", config)
	if err := errors.Join(os.WriteFile(config, []byte(settings), 0o644), os.WriteFile(ours, []byte(command), 0o755)); err != nil {
		t.Fatal(err)
	}
	var alone, over tally
	compare := func(t *testing.T, program string) {
		for again := attempts - 1; ; again-- {
			first, second := s.run(t, program, delegate), s.run(t, program, ours)
			difference := first.differs(second)
			if difference == "" || again == 0 {
				alone.add(first)
				over.add(second)
				if difference != "" {
					t.Errorf("%s\n%s alone:\n%s\nthrough wasmoci:\n%s", difference, delegate, first.log, second.log)
				}
				return
			}
			t.Logf("once more: %s", difference)
		}
	}
	t.Run("programs", func(t *testing.T) {
		t.Run("linux_cgroups", func(t *testing.T) { // one at a time: their cgroup has the same name
			t.Parallel()
			for _, p := range s.programs {
				if name := filepath.Base(p); sharesCgroup(name) {
					t.Run(name, func(t *testing.T) { compare(t, p) })
				}
			}
		})
		for _, p := range s.programs {
			if name := filepath.Base(p); !sharesCgroup(name) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					compare(t, p)
				})
			}
		}
	})
	t.Logf("%s: %v", filepath.Base(delegate), &alone)
	t.Logf("wasmoci over %s: %v", filepath.Base(delegate), &over)
	if alone.programs == len(s.programs) && alone.passed < 20 { // they are not even that many where the suite does not work
		t.Errorf("%d programs pass with %s alone: the suite does not work here", alone.passed, delegate)
	}
	if left, err := os.ReadDir(state); err == nil && len(left) > 0 {
		t.Errorf("of native containers wasmoci keeps %v", left)
	}
	// What programs that fail leave is in the delegate's state, which has the names of cgroups.
	left, err := os.ReadDir(filepath.Join("/run", filepath.Base(delegate)))
	if err != nil {
		t.Error(err)
	}
	for _, c := range left {
		_ = exec.Command(delegate, "delete", "--force", c.Name()).Run()
	}
}

// attempts is how often a pair of runs has to differ: some programs race with what they look at, as when they send a signal to a shell that may
// not have come to its trap, and then contradict themselves with the delegate alone.
const attempts = 3

// sharesCgroup tells the programs whose containers are in cgroups with names that are always the same.
func sharesCgroup(program string) bool {
	return strings.HasPrefix(program, "linux_cgroups_") || strings.HasSuffix(program, "_resources")
}

// removeSuiteCgroups removes the cgroups of these programs, and ends what is in there, which is what they may leave.
func removeSuiteCgroups(t *testing.T) {
	t.Helper()
	for _, name := range []string{"cgrouptest", "testdir"} {
		tops, err := filepath.Glob(filepath.Join("/sys/fs/cgroup", "*", name))
		if err != nil {
			t.Error(err)
		}
		for _, top := range tops {
			if strings.Contains(top, "/unified/") { // what isolated has put there goes by itself
				continue
			}
			var dirs []string
			_ = filepath.WalkDir(top, func(dir string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, dir)
				}
				return nil
			})
			for _, dir := range slices.Backward(dirs) {
				var err error
				for begun := time.Now(); time.Since(begun) < late; time.Sleep(10 * time.Millisecond) {
					for line := range strings.Lines(readString(filepath.Join(dir, "cgroup.procs"))) {
						if pid, _ := strconv.Atoi(strings.TrimSpace(line)); pid > 1 {
							_ = unix.Kill(pid, unix.SIGKILL)
						}
					}
					if err = os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
						err = nil
						break
					}
				}
				if err != nil {
					t.Errorf("a cgroup of the suite's is left: %v", err)
				}
			}
		}
	}
}

// verdict is what a program says of a runtime.
type verdict struct {
	status     int
	assertions []string // "ok what" or "not ok what", without numbers, sorted
	log        string   // for people
}

// run has a program look at the runtime. It writes to files, which containers may hold open.
func (s *suite) run(t *testing.T, program, runtime string) *verdict {
	t.Helper()
	dir := t.TempDir()
	if sharesCgroup(filepath.Base(program)) {
		defer removeSuiteCgroups(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir, cmd.Env = s.from, append(os.Environ(), "RUNTIME="+runtime, "TMPDIR="+dir)
	// Some containers have no mount namespace of their own: what they mount must not outlive the program, nor meet RemoveAll.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWIPC}
	var out [2]*os.File
	for i, name := range []string{"stdout", "stderr"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		out[i] = f
	}
	cmd.Stdout, cmd.Stderr = out[0], out[1]
	err := cmd.Run()
	if e := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &e) || ctx.Err() != nil) {
		t.Fatalf("with %s: %v", runtime, err)
	}
	stdout, stderr := readString(out[0].Name()), readString(out[1].Name())
	list := assertions(stdout)
	slices.Sort(list) // they are made in the order of Go's maps
	return &verdict{cmd.ProcessState.ExitCode(), list, fmt.Sprintf("%.4000s\n%.4000s", stdout, stderr)}
}

// differs returns in what two verdicts differ, "" for nothing.
func (v *verdict) differs(other *verdict) string {
	if v.status != other.status {
		return fmt.Sprintf("exit status %d, and %d", v.status, other.status)
	}
	for i := range max(len(v.assertions), len(other.assertions)) {
		if a, b := at(v.assertions, i), at(other.assertions, i); a != b {
			return fmt.Sprintf("assertion %q, and %q", a, b)
		}
	}
	return ""
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "missing"
}

// assertions are the lines of the Test Anything Protocol with a result, also those of the program that the suite runs in a container, whose
// output it quotes.
func assertions(text string) (list []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if quoted, ok := strings.CutPrefix(line, `"stdout": `); ok {
			var inner string
			if json.Unmarshal([]byte(strings.TrimSuffix(quoted, ",")), &inner) == nil {
				list = append(list, assertions(inner)...)
			}
			continue
		}
		result, rest, ok := strings.Cut(line, "ok ")
		if !ok || result != "" && result != "not " {
			continue
		}
		number, what, _ := strings.Cut(rest, " ")
		if _, err := strconv.Atoi(number); err == nil {
			list = append(list, result+"ok "+random.ReplaceAllString(strings.TrimPrefix(what, "- "), "N"))
		}
	}
	return list
}

// random are names that programs make up.
var random = regexp.MustCompile(`[0-9]{6,}`)

// passed says whether a program has nothing to object, and has looked.
func (v *verdict) passed() bool {
	looked := slices.ContainsFunc(v.assertions, func(a string) bool { return strings.HasPrefix(a, "ok ") && !strings.HasPrefix(a, "ok # SKIP") })
	return v.status == 0 && looked && !slices.ContainsFunc(v.assertions, notOK)
}

func notOK(assertion string) bool { return strings.HasPrefix(assertion, "not ok ") }

// tally is what programs say, in sum.
type tally struct {
	mu                       sync.Mutex
	programs, passed, ok, no int
}

func (s *tally) add(v *verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.programs++
	if v.passed() {
		s.passed++
	}
	for _, a := range v.assertions {
		if notOK(a) {
			s.no++
		} else {
			s.ok++
		}
	}
}

func (s *tally) String() string {
	return fmt.Sprintf("%d of %d programs pass; %d assertions hold, %d do not", s.passed, s.programs, s.ok, s.no)
}
