//go:build root && linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// inside is set for the process that TestRootContainers starts in a mount namespace of its own.
const inside = "WASMOCI_TEST_INSIDE"

// TestRootContainers runs testdata/containers with each delegate: real containers, made by crun and by runc, from this program and its
// runner, in a mount namespace of their own.
func TestRootContainers(t *testing.T) {
	if os.Getenv(inside) == "" {
		again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestRootContainers$", "-test.v="+fmt.Sprint(testing.Verbose()))
		again.Env = append(os.Environ(), inside+"=1")
		again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		out, err := again.CombinedOutput()
		if t.Log(string(out)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	_ = unix.Unmount("/sys/fs/cgroup/unified", 0) // crun refuses a hybrid tree
	prefix := t.TempDir()
	for program, dir := range map[string]string{"runner-wazero": "../runner"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(prefix, program), dir)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.Chmod(prefix, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"crun", "runc"} {
		delegate, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("%v: make deps installs it", err)
		}
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/containers",
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(env *testscript.Env) error {
					if err := os.Chmod(env.WorkDir, 0o755); err != nil {
						return err
					}
					config := fmt.Sprintf("delegate = %q\nrunners = %q\nstate = %q\ncache = %q\n",
						delegate, prefix, filepath.Join(env.WorkDir, ".state"), filepath.Join(env.WorkDir, ".cache"))
					name := filepath.Join(env.WorkDir, "operator.toml")
					env.Setenv("CONFIG", "--config="+name)
					env.Setenv("ROOT", "--root="+filepath.Join(env.WorkDir, ".root"))
					env.Setenv("DELEGATE", delegate)
					env.Setenv("OTHER", map[string]string{"crun": "/usr/sbin/runc", "runc": "/usr/bin/crun"}[name])
					env.Setenv("PROGRAM", filepath.Join(prefix, "runner-wazero")) // a static one, which says that it is not for people
					env.Defer(func() {                                            // what a script that failed has left
						dirs, _ := os.ReadDir(filepath.Join(env.WorkDir, ".root"))
						for _, d := range dirs {
							_ = exec.Command(delegate, "--root", filepath.Join(env.WorkDir, ".root"), "delete", "--force", d.Name()).Run()
						}
					})
					return os.WriteFile(name, []byte(config), 0o644)
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"bundle": containerCommand,
					"exits":  exitsCommand,
				},
			})
		})
	}
}

// containerCommand makes a bundle for a container: with namespaces, a proc and a /dev.
func containerCommand(ts *testscript.TestScript, neg bool, args []string) {
	bundleCommand(ts, neg, args)
	name := ts.MkAbs(filepath.Join(args[0], "config.json"))
	text, err := os.ReadFile(name)
	ts.Check(err)
	var config map[string]any
	ts.Check(json.Unmarshal(text, &config))
	config["ociVersion"] = "1.0.2" // Debian 12's crun refuses later ones
	config["mounts"] = []map[string]any{
		{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
	}
	config["linux"] = map[string]any{"cgroupsPath": "/wasmoci-test/" + filepath.Base(ts.Getenv("WORK")) + "-" + filepath.Base(args[0]), "namespaces": []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}}
	for _, dir := range []string{"proc", "dev"} {
		ts.Check(os.MkdirAll(ts.MkAbs(filepath.Join(args[0], "rootfs", dir)), 0o755))
	}
	text, err = json.Marshal(config)
	ts.Check(err)
	ts.Check(os.WriteFile(name, text, 0o644))
}
