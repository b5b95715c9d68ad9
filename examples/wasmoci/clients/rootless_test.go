//go:build clients && linux

package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The user of the tests, and the first of the users beneath, of whom there are as many as is usual.
const (
	somebody = 4000
	subusers = 200000
)

// account is a user without privileges, with a home, a directory at run time, and users beneath.
type account struct{ home, runtime string }

// newAccount makes the user known to the system that the tests see, and gives her the images.
func newAccount(t *testing.T) *account {
	t.Helper()
	images(t)
	a := &account{filepath.Join(os.Getenv(space), "memory", "home-rootless"), fmt.Sprintf("/run/user/%d", somebody)}
	for name, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("rootless:x:%d:%[1]d::%s:/bin/sh\n", somebody, a.home),
		"/etc/group":  fmt.Sprintf("rootless:x:%d:\n", somebody),
		"/etc/subuid": fmt.Sprintf("rootless:%d:65536\n", subusers),
		"/etc/subgid": fmt.Sprintf("rootless:%d:65536\n", subusers),
	} {
		before, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		write(t, name, string(before)+line)
		t.Cleanup(func() { write(t, name, string(before)) })
	}
	for _, dir := range []string{a.home, a.runtime} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		a.give(t, dir, 0o700)
	}
	archives := passable(t, t.TempDir())
	for _, name := range []string{"native", "wasm", "wasmtime", "content"} {
		archive := filepath.Join(archives, name)
		if r := run(t, "", "podman", "save", "--quiet", "--format", "oci-archive", "--output", archive, "localhost/"+name); r.status != 0 {
			t.Fatalf("save %s: %s", name, r.stderr)
		}
		if r := a.run(t, "", "podman", "load", "--quiet", "--input", archive); r.status != 0 {
			t.Fatalf("load %s: %s", name, r.stderr)
		}
	}
	return a
}

// passable lets every user come to a directory for temporary files.
func passable(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// give makes a file or directory the user's.
func (a *account) give(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chown(name, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// run runs a command as the user, in the environment that logging in would give her.
func (a *account) run(t *testing.T, stdin, name string, args ...string) result {
	t.Helper()
	as := []string{
		"--reuid", fmt.Sprint(somebody), "--regid", fmt.Sprint(somebody), "--clear-groups", "env", "-i",
		"HOME=" + a.home, "XDG_RUNTIME_DIR=" + a.runtime, "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PODMAN_IGNORE_CGROUPSV1_WARNING=1", secret, name,
	}
	r := run(t, stdin, "setpriv", append(as, args...)...)
	r.stderr = notShared.ReplaceAllString(r.stderr, "")
	return r
}

// notShared is what podman has to say about the mounts of these tests.
var notShared = regexp.MustCompile(`(?m)^.*not a shared mount.*\n`)

// TestRootless: what a user does who is not root. cgroups of the first version are not hers, so there are no limits and no pause.
func TestRootless(t *testing.T) {
	a := newAccount(t)
	for _, tt := range []struct {
		name      string
		delegates []string
		test      func(t *testing.T, s *setup)
	}{
		{"exit status", either, exitStatus},
		{"streams", delegates, streams},
		{"env", either, env},
		{"input", either, input},
		{"terminal", delegates, terminal},
		{"detached and logs", either, detached},
		{"create and attach", either, createAttach},
		{"exec", delegates, execs},
		{"stop", delegates, stop},
		{"restart", either, restart},
		{"top", either, top},
		{"remove", either, remove},
		{"volumes", delegates, userVolumes},
		{"tmpfs", either, tmpfs},
		{"read-only", either, readOnly},
		{"user namespaces", delegates, userNamespaces},
		{"secrets", either, secrets},
		{"no changes", delegates, noChanges},
		{"devices of the host", delegates, devices},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, tt.delegates, func(t *testing.T, s *setup) {
				s.user = a
				tt.test(t, s)
			}, bare, native, wasm, wasmtime)
		})
	}
	for name, test := range map[string]func(*testing.T, *account){"settings": userSettings, "compiled code": userCode, "without podman": userBundle} {
		t.Run(name, func(t *testing.T) {
			configure(t, operator(delegatePath(t, either[0])))
			test(t, a)
		})
	}
	a.nothingLeft(t)
	nothingLeft(t)
}

func delegatePath(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: run make deps", err)
	}
	return path
}

// userVolumes: the user's directories are root's in the container.
func userVolumes(t *testing.T, s *setup) {
	dir := passable(t, t.TempDir())
	write(t, filepath.Join(dir, "file"), "of the user\n")
	write(t, filepath.Join(dir, "private"), "of root\n")
	s.user.give(t, dir, 0o755)
	if err := os.Chmod(filepath.Join(dir, "private"), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(mode string, args ...string) result {
		return s.podman(t, append([]string{"run", "--rm", "--volume", dir + ":/data" + mode, s.image}, args...)...)
	}
	do("", "cat", "/data/file").want(t, 0, "of the user\n")
	do("", "cat", "/data/private").want(t, 1, "/data/private: Permission denied\n")
	do("", "write", "/data/new", "x").want(t, 0, "")
	do(":ro", "write", "/data/other", "x").want(t, 1, "/data/other: Read-only file system\n")
	owner(t, filepath.Join(dir, "new"), somebody, somebody)
}

// userNamespaces: in the container the guest is a user beneath, or in a namespace below podman's the user herself.
func userNamespaces(t *testing.T, s *setup) {
	for _, tt := range []struct {
		flags string
		owner int // of what the guest writes
	}{
		{"--user 1000:1000", subusers + 1000 - 1},
		{"--userns keep-id", somebody},
	} {
		dir := passable(t, t.TempDir())
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		flags := append([]string{"run", "--rm", "--volume", dir + ":/data"}, strings.Fields(tt.flags)...)
		s.podman(t, append(flags, s.image, "write", "/data/new", "x")...).want(t, 0, "")
		owner(t, filepath.Join(dir, "new"), tt.owner, tt.owner)
	}
}

// userSettings: root's file holds for the user, but for the directories that only root could write to.
func userSettings(t *testing.T, a *account) {
	shown := func() string {
		r := a.run(t, "", "podman", "unshare", "wasmoci", "config")
		if r.status != 0 {
			t.Fatal(r.stderr)
		}
		return r.stdout
	}
	configure(t, "engine = \"wasmtime\"\nstate = \"/run/wasmoci\"\ncache = \"/var/cache/wasmoci\"\n"+operator(delegatePath(t, "runc")))
	got := shown()
	for _, want := range []string{
		`delegate +\S*/runc +/etc/wasmoci/config.toml\n`,
		`engine +wasmtime +/etc/wasmoci/config.toml\n`,
		`state +` + a.runtime + `/wasmoci +default: that in /etc/wasmoci/config.toml is root's\n`,
		`cache +` + a.home + `/.cache/wasmoci/containers +default: that in /etc/wasmoci/config.toml is root's\n`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if out := run(t, "", "wasmoci", "config").stdout; !regexp.MustCompile(`cache +/var/cache/wasmoci +/etc`).MatchString(out) {
		t.Errorf("for root: %s", out)
	}
	if err := os.Chmod("/etc/wasmoci/config.toml", 0o666); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod("/etc/wasmoci/config.toml", 0o644)
	if r := a.run(t, "", "podman", "--runtime", ours, "run", "--rm", "localhost/wasm", "exit", "7"); r.status == 7 || !strings.Contains(r.stderr, "may be written by others") {
		t.Errorf("a file that all may write to: status %d, %s", r.status, r.stderr)
	}
}

// userCode: compiled code is in the user's home, and never where another user could put some. Whose a directory outside the home is
// cannot be told in podman's user namespace.
func userCode(t *testing.T, a *account) {
	other := passable(t, t.TempDir())
	theirs := filepath.Join(other, "theirs")
	own := filepath.Join(theirs, "own")
	if err := mkdirs(own); err != nil {
		t.Fatal(err)
	}
	a.give(t, own, 0o700)
	if err := os.Chown(theirs, somebody+1, somebody+1); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, config, file, says string }{
		{"in the home", "cache = \"" + a.home + "/other\"\n", a.home + "/a.toml", ""},
		{"in a directory of another user's", "cache = \"" + own + "\"\n", a.home + "/b.toml", "cannot be told in this user namespace"},
		{"another user's file", "engine = \"wasmtime\"\n", theirs + "/c.toml", "belongs to a user who cannot be told"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, tt.file, tt.config)
			a.give(t, tt.file, 0o644)
			if strings.HasPrefix(tt.file, theirs) {
				if err := os.Chown(tt.file, somebody+1, somebody+1); err != nil {
					t.Fatal(err)
				}
			}
			r := a.run(t, "", "podman", "--runtime", ours, "--runtime-flag", "config="+tt.file, "run", "--rm", "localhost/content", "exit", "7")
			if ok := r.status == 7; ok != (tt.says == "") || !strings.Contains(r.stderr, tt.says) {
				t.Errorf("status %d, stderr %s", r.status, r.stderr)
			}
		})
	}
	if code, _ := filepath.Glob(a.home + "/other/code/*/files.json"); len(code) != 1 {
		t.Errorf("the user's own cache has %q", code)
	}
}

// userBundle: a bundle without podman, whose user namespace the delegate makes.
func userBundle(t *testing.T, a *account) {
	bundle := passable(t, newBundle(t, "guest.wasm"))
	if err := os.Remove(filepath.Join(bundle, "config.json")); err != nil {
		t.Fatal(err)
	}
	a.give(t, bundle, 0o755)
	if r := a.run(t, "", "runc", "spec", "--rootless", "--bundle", bundle); r.status != 0 {
		t.Fatal(r.stderr)
	}
	setArgs(t, bundle, "/guest", "exit", "9")
	for _, name := range delegates {
		if r := a.run(t, "", "wasmoci", "--delegate", delegatePath(t, name), "run", "--bundle", bundle, "direct"); r.status != 9 {
			t.Errorf("%s: status %d, stderr %s", name, r.status, r.stderr)
		}
	}
}

// nothingLeft is the same for the user: podman's own process, which keeps her user namespace, is told to end.
func (a *account) nothingLeft(t *testing.T) {
	t.Helper()
	if r := a.run(t, "", "podman", "ps", "--all", "--quiet"); r.status != 0 || r.stdout != "" {
		t.Errorf("containers are left: %s%s", r.stdout, r.stderr)
	}
	for _, pattern := range []string{a.runtime + "/wasmoci/default/*", a.runtime + "/crun/*", a.runtime + "/runc/*", a.home + "/.cache/wasmoci/containers/containers/*/*"} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	}
	if code, err := filepath.Glob(a.home + "/.cache/wasmoci/containers/code/*"); err != nil || len(code) == 0 {
		t.Errorf("compiled code is not where it is to be: %v", err)
	}
	if r := a.run(t, "", "podman", "system", "migrate"); r.status != 0 {
		t.Errorf("%s", r.stderr)
	}
}
