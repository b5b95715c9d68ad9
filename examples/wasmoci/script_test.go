package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wasmoci/wasmoci/engine/subprocess"

	"github.com/wasmoci/wasmoci/engine"
)

// runnersVariable names, to the program as tests start it, the directory of the runners: those of the machine are no concern of theirs.
const runnersVariable = "WASMOCI_TEST_RUNNERS"

// TestMain makes the program itself a command in PATH, for the scripts and for tests that start it.
func TestMain(m *testing.M) {
	if subprocess.Init() { // of TestDifferential's engines
		return
	}
	useRunners(os.Getenv(runnersVariable))
	testscript.Main(tests{m}, map[string]func(){"wasmoci": main, "stubborn": stubborn, "preparing": preparing})
}

// tests are those of this package, with the runners that they have.
type tests struct{ m *testing.M }

// Run implements testscript.TestingM.
func (t tests) Run() int {
	dir, err := os.MkdirTemp("", "runners")
	if err == nil {
		defer os.RemoveAll(dir)
		err = errors.Join(installRunners(dir), os.Setenv(runnersVariable, dir))
		useRunners(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return t.m.Run()
}

// stubborn is a command that goes on after the first signal, as a run could whose end takes long.
func stubborn() {
	ctx, guest, stop := withSignals(context.Background())
	defer stop()
	guest()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	select {}
}

// preparing is a command that never comes to start its guest.
func preparing() {
	_, _, stop := withSignals(context.Background())
	defer stop()
	fmt.Println("ready")
	select {}
}

// TestScript runs testdata/script. Beside testscript's own commands there are
//
//	bundle DIR ARG...          make a bundle of testdata/guests with these arguments
//	exits STATUS PROGRAM...    run a program that must end with this status
//
// and the conditions [engine:NAME], for an engine that is part of the program or has a runner, and [apart], for a program without engines.
func TestScript(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HELLO", filepath.Join(here, "..", "bundles", "hello"))
			env.Setenv("GUESTS", filepath.Join(here, "testdata", "guests"))
			env.Setenv("TESTDATA", filepath.Join(here, "testdata"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CACHE_HOME", "")
			env.Setenv(runnersVariable, os.Getenv(runnersVariable))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "apart" {
				d, _ := engine.Lookup("wazero")
				return d.Open == nil, nil
			}
			name, ok := strings.CutPrefix(cond, "engine:")
			d, known := engine.Lookup(name)
			if !ok || !known {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := os.Stat(filepath.Join(os.Getenv(runnersVariable), "runner-"+name))
			return d.Open != nil || err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"bundle": bundleCommand,
			"exits":  exitsCommand,
		},
	})
}

func bundleCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bundle DIR ARG...")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(writeBundle(dir, args[1:]))
}

// writeBundle makes a bundle of testdata/guests.
func writeBundle(dir string, args []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(dir, "rootfs"), os.DirFS("testdata/guests")); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"ociVersion": "1.3.0",
		"process":    map[string]any{"args": args, "cwd": "/", "user": map[string]any{"uid": 0, "gid": 0}},
		"root":       map[string]any{"path": "rootfs"},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644)
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		status = exit.ExitCode()
	}
	if status != want {
		ts.Fatalf("exit status %d, want %d", status, want)
	}
}
