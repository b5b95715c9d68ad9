//go:build root && linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// inside is set for the process that isolated starts, to what tells it from others of the kind.
const inside = "WASMOCI_TEST_INSIDE"

// times is how often the scripts do what has to succeed each time.
var times = flag.Int("times", 5, "do what has to succeed each time `N` times")

// TestRootContainers runs testdata/containers, or testdata/linked for a runner that is not static, with each delegate: real containers, made by crun and by runc, from this program and
// the runner of one engine (engineFor), in namespaces of their own. Beside the commands and conditions of TestScript there are those of
// container_bundle_test.go and of container_end_test.go.
func TestRootContainers(t *testing.T) {
	if !isolated(t) {
		return
	}
	prefix := t.TempDir()
	if err := opened(prefix); err != nil {
		t.Fatal(err)
	}
	made := buildInside(t, prefix)
	t.Cleanup(func() { removeCgroups(t) })
	for _, name := range []string{"crun", "runc"} {
		delegate, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%v: make deps installs it", err)
		}
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 scripts,
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(env *testscript.Env) error {
					if err := opened(env.WorkDir); err != nil {
						return err
					}
					config := fmt.Sprintf("delegate = %q\nrunners = %q\nengine = %q\nstate = %q\ncache = %q\n",
						delegate, prefix, engineFor, filepath.Join(env.WorkDir, ".state"), filepath.Join(env.WorkDir, ".cache"))
					name := filepath.Join(env.WorkDir, "operator.toml")
					env.Setenv("CONFIG", "--config="+name)
					env.Setenv("ROOT", "--root="+filepath.Join(env.WorkDir, ".root"))
					env.Setenv("DELEGATE", delegate)
					env.Setenv("OTHER", map[string]string{"crun": "/usr/sbin/runc", "runc": "/usr/bin/crun"}[name])
					env.Setenv("PROGRAM", filepath.Join(prefix, "runner-"+engineFor)) // a static one, which says that it is not for people
					env.Setenv("LIBRARIES", filepath.Join(prefix, "lib-"+engineFor))
					env.Setenv("MADE", made)
					env.Setenv("ENGINE", engineFor)
					env.Setenv("TIMES", strconv.Itoa(*times))
					env.Defer(func() { // what a script that failed has left
						dirs, _ := os.ReadDir(filepath.Join(env.WorkDir, ".root"))
						for _, d := range dirs {
							_ = exec.Command(delegate, "--root", filepath.Join(env.WorkDir, ".root"), "delete", "--force", d.Name()).Run()
						}
					})
					return os.WriteFile(name, []byte(config), 0o644)
				},
				Condition: func(cond string) (bool, error) {
					switch cond {
					case "crun", "runc":
						return cond == filepath.Base(delegate), nil
					case "wazero", "wasmtime", "wasmedge", "wasmer":
						return cond == engineFor, nil
					}
					return false, fmt.Errorf("unknown condition %q", cond)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"bundle":  containerCommand,
					"merge":   mergeCommand,
					"pad":     padCommand,
					"seccomp": seccompCommand,
					"minimum": minimumCommand,
					"cycle":   cycleCommand,
					"eager":   eagerCommand,
					"execs":   execsCommand,
					"exits":   exitsCommand,
					"often":   oftenCommand,
					"left":    leftCommand,
					"port":    portCommand,
					"served":  servedCommand,
					"spans":   spansCommand,
					"frames":  framesCommand,
				},
			})
		})
	}
}

// isolated runs a test once more, in namespaces of its own, and returns there true.
func isolated(t *testing.T) bool {
	if os.Getenv(inside) == "" {
		again := exec.CommandContext(t.Context(), "/proc/self/exe", os.Args[1:]...)
		again.Args = append(again.Args, "-test.run=^"+t.Name()+only(flag.Lookup("test.run").Value.String()))
		again.Env = append(os.Environ(), fmt.Sprintf("%s=%d", inside, os.Getpid()))
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
		again.Stdout, again.Stderr = os.Stdout, os.Stderr
		if err := again.Run(); err != nil {
			t.Fatal(err)
		}
		return false
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/sys/fs/cgroup/unified"); err == nil { // crun refuses a hybrid tree, and then makes directories in the place of it
		if err := unix.Mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	// Containers' processes become children of this one, which is process 1 of a namespace: it sees their exit status, as conmon does, and
	// none of them outlives it.
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	return true
}

// opened lets every user through to a directory in a temporary directory: the root of a user namespace is one.
func opened(dir string) error {
	return errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755))
}

// only is what follows the name of the test in the pattern of -test.run.
func only(pattern string) string {
	for i := range pattern {
		if pattern[i] == '/' {
			return "$" + pattern[i:]
		}
	}
	return "$"
}

// buildInside builds the runner, and what runs in containers, in dir/made.
func buildInside(t *testing.T, dir string) (made string) {
	made = filepath.Join(dir, "made")
	if err := os.Mkdir(made, 0o755); err != nil {
		t.Fatal(err)
	}
	makeRunner(t, dir)
	for _, c := range []struct{ env, args []string }{
		{[]string{"CGO_ENABLED=0"}, []string{"go", "build", "-o", filepath.Join(made, "look"), "testdata/inside/look/main.go"}},
		{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-o", filepath.Join(made, "look.wasm"), "testdata/inside/look/main.go"}},
		{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-o", filepath.Join(made, "serve.wasm"), "testdata/inside/serve/main.go"}},
		{nil, []string{"clang", "--target=wasm32-wasi", "-O2", "-o", filepath.Join(made, "fill.wasm"), "testdata/inside/fill.c"}},
		{nil, []string{"clang", "--target=wasm32-wasi", "-O2", "-o", filepath.Join(made, "emulator.wasm"), "testdata/inside/emulator.c"}},
		{nil, []string{"gcc", "-O2", "-static", "-o", filepath.Join(made, "fill"), "testdata/inside/fill.c"}},
		{nil, []string{"gcc", "-Wall", "-Werror", "-O2", "-static", "-o", filepath.Join(made, "reach"), "testdata/inside/reach.c"}},
	} {
		build(t, c.env, c.args)
	}
	return made
}

// makeRunner builds the runner into dir.
func makeRunner(t *testing.T, dir string) {
	t.Helper()
	env, args := buildRunner(dir)
	build(t, env, args)
}

func build(t *testing.T, env, args []string) {
	t.Helper()
	build := exec.CommandContext(t.Context(), args[0], args[1:]...)
	build.Env = append(append(os.Environ(), "GOFLAGS="), env...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// cgroups is the group of all containers of these tests.
var cgroups = "/wasmoci-test-" + os.Getenv(inside)

// removeCgroups removes what delegates leave: the group above their containers'.
func removeCgroups(t *testing.T) {
	dirs, err := filepath.Glob("/sys/fs/cgroup/*" + cgroups)
	if err != nil {
		t.Error(err)
	}
	_ = unix.Unmount("/sys/fs/cgroup/unified", 0)
	for _, dir := range append(dirs, "/sys/fs/cgroup"+cgroups) {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			t.Errorf("a container's cgroup is left: %v", err)
		}
	}
}
