//go:build linux

package delegate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
)

// as is what this program is in a test: a delegate, which tells of itself, or who calls one.
const as = "DELEGATE_TEST_AS"

func TestMain(m *testing.M) {
	d := delegate.Delegate{Path: os.Getenv("DELEGATE_TEST_PATH")}
	args := []string{"create", "name"}
	switch os.Getenv(as) {
	case "":
		os.Exit(m.Run())
	case "run":
		var given []*os.File
		for range files { // one of them is where the copy would be
			f, err := os.Open(os.DevNull)
			if err != nil {
				panic(err)
			}
			given = append([]*os.File{f}, given...)
		}
		ws, err := d.Run(args, []string{as + "=delegate"}, given...)
		fmt.Println(ws.ExitStatus(), err)
	case "exec":
		os.Setenv(as, "delegate")
		fmt.Println(d.Exec(args))
	case "delegate":
		tell()
	}
	os.Exit(7)
}

// files is how many descriptors a delegate is given to run with, above the standard streams.
const files = 20

// tell prints what a delegate sees of itself: its executable's seals, its arguments, whether the descriptors that it is given to run with are
// there, and how many that are not for it.
func tell() {
	given, leaked := 0, 0
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if n, _ := strconv.Atoi(e.Name()); n > 2 && n < 3+files && link == os.DevNull {
			given++
		}
		if strings.HasPrefix(link, "/memfd:") {
			leaked++
		}
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	seals, err := unix.FcntlInt(self.Fd(), unix.F_GET_SEALS, 0)
	fmt.Println("sealed:", err == nil && seals == unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	fmt.Println(filepath.Base(os.Args[0]), os.Args[1:], given == files, leaked)
}

// TestSealed: crun is run as a copy that is sealed as it wants it, and every other runtime as it is; all with the arguments and
// descriptors that they are given, and no other.
func TestSealed(t *testing.T) {
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	script := []byte("#!/bin/sh\nexec " + os.Args[0] + ` "$@"` + "\n")
	for _, tt := range []struct {
		name, file string
		content    []byte
		mode       os.FileMode
		sealed     bool
	}{
		{"crun", "crun", self, 0o755, true},
		{"another runtime", "runc", self, 0o755, false},
		{"a script", "crun", script, 0o755, false},
		{"what makes no copy of itself", "crun", bytes.ReplaceAll(self, []byte("_LIBCONTAINER_CLONED"), []byte("_LIBCONTAINER_MISSED")), 0o755, false},
		{"with another user's rights", "crun", self, 0o755 | os.ModeSetuid, false},
		{"too large to be copied", "crun", slices.Concat(self, make([]byte, 9<<20)), 0o755, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(path, tt.content, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			for how, end := range map[string]string{"run": "7 <nil>\n", "exec": ""} {
				cmd := exec.Command(os.Args[0])
				cmd.Env = []string{as + "=" + how, "DELEGATE_TEST_PATH=" + path}
				out, err := cmd.Output()
				if cmd.ProcessState.ExitCode() != 7 {
					t.Fatalf("%s: %v", how, err)
				}
				name := tt.file
				if tt.name == "a script" {
					name = filepath.Base(os.Args[0])
				}
				want := fmt.Sprintf("sealed: %t\n%s [create name] %t 0\n%s", tt.sealed && os.Geteuid() == 0, name, how == "run", end)
				if string(out) != want {
					t.Errorf("%s: got\n%s\nwant\n%s", how, out, want)
				}
			}
		})
	}
}

// TestSealedRefused: what the kernel does not execute is not executed as a copy.
func TestSealedRefused(t *testing.T) {
	type refused struct{ name, prepare, want string } // in $1, with $2 to copy
	tests := []refused{
		{"not executable", `cp "$2" "$1/crun" && chmod 644 "$1/crun"`, "permission denied"},
		{"half written", `cp "$2" "$1/crun" && exec 3>>"$1/crun"`, "text file busy"},
	}
	within := []string{"sh", "-c"}
	if os.Geteuid() == 0 { // who mounts, and whose crun is copied
		tests = append(tests, refused{"without programs", `mount -t tmpfs -o noexec tmpfs "$1" && cp "$2" "$1/crun"`, "permission denied"})
		within = slices.Concat([]string{"unshare", "--mount", "--propagation", "private"}, within)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "crun")
			for how, begin := range map[string]string{"run": "0 ", "exec": ""} {
				args := append(slices.Clone(within), tt.prepare+` && exec "$2"`, "sh", dir, os.Args[0])
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Env = append(os.Environ(), as+"="+how, "DELEGATE_TEST_PATH="+path)
				out, _ := cmd.Output()
				if want := fmt.Sprintf("%sstart %s: %s\n", begin, path, tt.want); string(out) != want {
					t.Errorf("%s: got %q, want %q", how, out, want)
				}
			}
		})
	}
}

// TestFindExecutable: what cannot be executed is no runtime.
func TestFindExecutable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "crun")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if d, err := delegate.Find(path, "a test", ""); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("found %v, %v", d, err)
	}
}
