//go:build root && linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRootFaults breaks what commands do: each fault is a subtest, with each delegate. Whatever happened, the next command alone brings
// everything in order.
func TestRootFaults(t *testing.T) {
	if !isolated(t) {
		return
	}
	prefix := t.TempDir()
	if err := opened(prefix); err != nil {
		t.Fatal(err)
	}
	makeRunner(t, prefix)
	t.Cleanup(func() { removeCgroups(t) })
	for _, name := range []string{"crun", "runc"} {
		delegate, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%v: make deps installs it", err)
		}
		t.Run(name, func(t *testing.T) {
			for _, f := range []struct {
				name string
				test func(*testing.T, *place)
			}{
				{"sweep", sweep},
				{"runner killed", runnerKilled},
				{"state damaged", stateDamaged},
				{"cache damaged", cacheDamaged},
				{"state full", stateFull},
				{"cache full", cacheFull},
				{"twice", twice},
				{"many", many},
				{"rebooted", rebooted},
				{"delegates", delegates},
				{"upgraded", upgraded},
			} {
				t.Run(f.name, func(t *testing.T) { f.test(t, newPlace(t, prefix, delegate)) })
			}
		})
	}
}

// place is where containers are made, and where nothing of them may be left.
type place struct {
	dir, config, root, cgroup string
	delegate, runners         string
	mounts                    string // before

	starting sync.Mutex // held while a command is started
	own      sync.Map   // processes of commands that are waited for
}

func newPlace(t *testing.T, prefix, delegate string) *place {
	t.Helper()
	p := &place{dir: t.TempDir(), delegate: delegate, runners: prefix}
	if err := opened(p.dir); err != nil {
		t.Fatal(err)
	}
	p.config, p.root = filepath.Join(p.dir, "operator.toml"), filepath.Join(p.dir, "root")
	p.cgroup = cgroups + "/" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	p.configure(t)
	if err := os.Mkdir(p.path("tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	p.bundle(t, "bundle", "/guest.wasm#sleep")
	p.bundle(t, "short", "/guest.wasm")
	p.bundle(t, "hooked", "/guest.wasm#sleep") // whose runner does not go ahead
	p.merge(t, "hooked", map[string]any{"hooks": map[string]any{"poststart": []map[string]string{{"path": "/bin/true"}}}})
	p.mounts = readString("/proc/self/mountinfo")
	t.Cleanup(p.wipe)
	return p
}

func (p *place) path(elements ...string) string {
	return filepath.Join(append([]string{p.dir}, elements...)...)
}

func (p *place) configure(t *testing.T) {
	t.Helper()
	text := fmt.Sprintf("delegate = %q\nrunners = %q\nengine = %q\nstate = %q\ncache = %q\n", p.delegate, p.runners, engineFor, p.path("state"), p.path("cache"))
	if err := os.WriteFile(p.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// bundle makes a bundle of testdata/guests for a container.
func (p *place) bundle(t *testing.T, name string, args ...string) {
	t.Helper()
	dir := p.path(name)
	if err := writeBundle(dir, args); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"proc", "dev"} {
		if err := os.MkdirAll(filepath.Join(dir, "rootfs", d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.merge(t, name, map[string]any{
		"ociVersion": "1.0.2", // Debian 12's crun refuses later ones
		"mounts": []any{
			map[string]any{"destination": "/proc", "type": "proc", "source": "proc"},
			map[string]any{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		},
		"linux": map[string]any{
			"cgroupsPath": p.cgroup,
			"namespaces":  []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}},
		},
	})
}

func (p *place) merge(t *testing.T, name string, patch map[string]any) {
	t.Helper()
	file := p.path(name, "config.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var config any
	if err = json.Unmarshal(text, &config); err == nil {
		text, err = json.Marshal(merged(config, patch))
	}
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// command is a command line of the program.
func (p *place) command(args ...string) []string {
	self, err := exec.LookPath("wasmoci")
	if err != nil {
		panic(err)
	}
	return append([]string{self, "--config=" + p.config, "--root=" + p.root}, args...)
}

// does runs a command and returns what it has written. What it writes goes to a file, which containers may hold open.
func (p *place) does(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	return p.doesAs(t, p.command(args...))
}

func (p *place) doesAs(t *testing.T, argv []string) (status int, out string) {
	t.Helper()
	f, err := os.CreateTemp(p.dir, "out-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = p.dir, f, f, p.environ()
	p.starting.Lock()
	if err := cmd.Start(); err != nil {
		p.starting.Unlock()
		t.Fatal(err)
	}
	p.own.Store(cmd.Process.Pid, true)
	p.starting.Unlock()
	ended := make(chan struct{})
	var reaper sync.WaitGroup
	reaper.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				p.reap()
			}
		}
	})
	_ = cmd.Wait()
	p.own.Delete(cmd.Process.Pid)
	close(ended)
	reaper.Wait()
	return cmd.ProcessState.ExitCode(), readString(f.Name())
}

// lists returns what list says, and what it complains of.
func (p *place) lists(t *testing.T) (list, said string) {
	t.Helper()
	argv := p.command("list", "--format", "json")
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Errorf("list: %v\n%s", err, complaints.String())
	}
	return out.String(), complaints.String()
}

// environ is the environment of commands: their temporary files are where they are looked for.
func (p *place) environ() []string { return append(os.Environ(), "TMPDIR="+p.path("tmp")) }

// reap waits for orphans that have ended, as the first process of any machine does: one that was in a container's namespace keeps the
// container's first process from ending.
func (p *place) reap() {
	p.starting.Lock()
	defer p.starting.Unlock()
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if _, ours := p.own.Load(pid); !ours {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			}
		}
	}
}

// must is does for what has to succeed.
func (p *place) must(t *testing.T, args ...string) (out string) {
	t.Helper()
	status, out := p.does(t, args...)
	if status != 0 {
		t.Fatalf("%s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// left is what there is of containers. Processes that have been told to end may take a while.
func (p *place) left() (left []string) {
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left = append(p.files(), p.processes()...)
		if len(left) == 0 || time.Since(begun) > late {
			return left
		}
		if len(p.processes()) == 0 && time.Since(begun) > time.Second { // files do not go by themselves
			return left
		}
	}
}

// files are what is left in the file system: state, derived bundles, code of containers, temporary files of the cache, the delegate's
// state, cgroups, mounts.
func (p *place) files() (left []string) {
	for _, pattern := range []string{"state/*/*", "state/*/.*", "cache/containers/*/*", "cache/code/tmp-*", "cache/code/*.lock", "root/*", "tmp/*"} {
		found, _ := filepath.Glob(p.path(pattern))
		left = append(left, found...)
	}
	left = append(left, p.cgroupsLeft()...)
	for line := range strings.Lines(readString("/proc/self/mountinfo")) {
		if !strings.Contains(p.mounts, line) {
			left = append(left, "mount: "+line)
		}
	}
	return left
}

// cgroupsLeft are the containers' cgroups. The directory that is mounted over (isolated) has none.
func (p *place) cgroupsLeft() (left []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/*" + p.cgroup + "*", "/sys/fs/cgroup" + p.cgroup + "*"} {
		found, _ := filepath.Glob(pattern)
		left = append(left, slices.DeleteFunc(found, func(dir string) bool { return strings.HasPrefix(dir, "/sys/fs/cgroup/unified/") })...)
	}
	return left
}

// processes are those in this namespace but this one. Those that have ended are waited for.
func (p *place) processes() (left []string) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err == nil && got == pid {
			continue
		}
		stat := readString(filepath.Join("/proc", e.Name(), "stat"))
		if stat == "" {
			continue
		}
		left = append(left, fmt.Sprintf("process %d (%.1s): %q", pid, stat[strings.LastIndex(stat, ") ")+2:], readString(filepath.Join("/proc", e.Name(), "cmdline"))))
	}
	return left
}

// nothing fails a test where anything is left, and removes it, so that the next fault is told from this.
func (p *place) nothing(t *testing.T, after string) bool {
	t.Helper()
	left := p.left()
	if len(left) == 0 {
		return true
	}
	t.Errorf("%s: left are\n  %s", after, strings.Join(left, "\n  "))
	p.wipe()
	return false
}

// wipe removes what is left by force.
func (p *place) wipe() {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	for begun := time.Now(); len(p.processes()) > 0 && time.Since(begun) < late; {
		time.Sleep(time.Millisecond)
	}
	for _, pattern := range []string{"state/*/*", "cache/containers/*/*", "cache/code/tmp-*", "cache/code/*.lock", "root/*"} {
		found, _ := filepath.Glob(p.path(pattern))
		for _, name := range found {
			_ = os.RemoveAll(name)
		}
	}
	p.removeCgroups()
}

func (p *place) removeCgroups() {
	for _, top := range p.cgroupsLeft() {
		removeGroups(top)
	}
}
