//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestEnds: how a guest ends is how the runner ends, and what it records.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		guest  string
		args   []string
		config func(*wasi.Config)
		out    string
		errs   []string
		status int
		kind   runner.Kind
		detail string
	}{
		"returns":     {guest: "hello", out: "Hello, guest!\n", kind: runner.KindExit},
		"exits 0":     {guest: "exit", args: []string{"0"}, kind: runner.KindExit},
		"exits 7":     {guest: "exit", args: []string{"7"}, status: 7, kind: runner.KindExit},
		"exits 256":   {guest: "exit", args: []string{"256"}, status: 255, kind: runner.KindExit},
		"exits 134":   {guest: "exit", args: []string{"134"}, status: 134, kind: runner.KindExit},
		"traps":       {guest: "trap", args: []string{"u"}, status: 134, kind: runner.KindTrap, errs: []string{"wasmoci: " + engineFor + ": run: trap: ", "guest backtrace, innermost function first:\n\t"}},
		"overflows":   {guest: "trap", args: []string{"r"}, status: 134, kind: runner.KindTrap, detail: "call stack exhausted", errs: []string{"trap: call stack exhausted"}},
		"no function": {guest: "hello", config: func(c *wasi.Config) { c.Entrypoint = "gopher" }, status: 126, kind: runner.KindError, errs: []string{`does not export "gopher"`}},
		"no mount":    {guest: "hello", config: func(c *wasi.Config) { c.Mounts = []wasi.Mount{{Guest: "/", Host: "/does/not/exist"}} }, status: 125, kind: runner.KindError, errs: []string{"/does/not/exist"}},
		"too large":   {guest: "large", config: func(c *wasi.Config) { c.Limits.MemoryBytes = wasi.PageSize }, status: 126, kind: runner.KindMemory, errs: []string{"raise the memory limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launch{guest: c.guest, order: func(o *runner.Order) {
				o.Config.Args = append([]string{"guest"}, c.args...)
				if c.config != nil {
					c.config(&o.Config)
				}
			}}.start(t)
			status, record := s.wait(), s.recorded()
			if status != c.status || record.Status != status || record.Kind != c.kind || c.detail != "" && record.Detail != c.detail {
				t.Errorf("status %d, record %+v; want status %d, kind %q, detail %q", status, record, c.status, c.kind, c.detail)
			}
			at := record.Times
			if at.Begun.IsZero() || at.Ended.Before(at.Begun) || at.Started.IsZero() != (c.kind == runner.KindError || c.kind == runner.KindMemory) ||
				!at.Started.IsZero() && (at.Loaded.Before(at.Begun) || at.Started.Before(at.Loaded) || at.Ended.Before(at.Started)) {
				t.Errorf("the times are %+v", at)
			}
			if s.out.String() != c.out {
				t.Errorf("standard output %q, want %q", s.out.String(), c.out)
			}
			if c.errs == nil && s.errs.Len() > 0 {
				t.Errorf("standard error %q", s.errs.String())
			}
			for _, want := range c.errs {
				if !strings.Contains(s.errs.String(), want) || strings.Contains(s.errs.String(), "goroutine ") {
					t.Errorf("standard error %q, want %q", s.errs.String(), want)
				}
			}
			if c.kind == runner.KindExit && c.guest == "hello" && record.MemoryPeakBytes == 0 {
				t.Errorf("the record has no peak of memory: %+v", record)
			}
		})
	}
}

// TestMisuse: whoever starts a runner wrongly is told so in one line.
func TestMisuse(t *testing.T) {
	text := func(t *testing.T, content string) *os.File {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	order := func(change func(*runner.Order)) func(*testing.T) *os.File {
		return func(t *testing.T) *os.File {
			o := runner.Order{Engine: engineFor, CodeDir: codeOf(t, guestPath("hello"))}
			if change != nil {
				change(&o)
			}
			f, err := o.Seal()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return f
		}
	}
	garbage := func(s string) func(*testing.T) *os.File {
		return func(t *testing.T) *os.File { return text(t, s) }
	}
	hello := func(t *testing.T) *os.File {
		f, err := os.Open(guestPath("hello"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	for name, c := range map[string]struct {
		order, module func(*testing.T) *os.File
		cmd           func(*exec.Cmd)
		status        int
		want          string
	}{
		"by hand":              {cmd: func(c *exec.Cmd) { c.Env, c.ExtraFiles = []string{}, nil }, status: 125, want: "not by hand"},
		"no number":            {cmd: func(c *exec.Cmd) { c.Env = []string{"WASMOCI_RUNNER=x"} }, status: 125, want: `WASMOCI_RUNNER="x"`},
		"a standard stream":    {cmd: func(c *exec.Cmd) { c.Env = []string{"WASMOCI_RUNNER=0"} }, status: 125, want: `WASMOCI_RUNNER="0"`},
		"beyond all":           {cmd: func(c *exec.Cmd) { c.Env = []string{"WASMOCI_RUNNER=1048577"} }, status: 125, want: `WASMOCI_RUNNER="1048577"`},
		"no descriptors":       {cmd: func(c *exec.Cmd) { c.ExtraFiles = nil }, status: 125, want: "descriptor 3"},
		"no module":            {cmd: func(c *exec.Cmd) { c.ExtraFiles[1] = nil }, status: 125, want: "descriptor 4"},
		"no ready":             {cmd: func(c *exec.Cmd) { c.ExtraFiles[2] = nil }, status: 125, want: "descriptor 5"},
		"no record":            {cmd: func(c *exec.Cmd) { c.ExtraFiles[3] = nil }, status: 125, want: "descriptor 6"},
		"a pipe for an order":  {cmd: func(c *exec.Cmd) { c.ExtraFiles[0] = c.ExtraFiles[2] }, status: 125, want: "descriptor 3 is not the order"},
		"a directory":          {cmd: func(c *exec.Cmd) { c.Env = []string{"WASMOCI_RUNNER=3"} }, module: func(t *testing.T) *os.File { return directory(t) }, status: 125, want: "descriptor 4 is not the module"},
		"an empty order":       {order: garbage(""), status: 125, want: "the order has no version"},
		"garbage":              {order: garbage("gopher"), status: 125, want: "the order has no version"},
		"another version":      {order: garbage("wasmoci order 3\ngopher"), status: 126, want: "the order has version 3, this runner understands version 2"},
		"an order cut off":     {order: garbage("wasmoci order 2\n\x06wazero"), status: 125, want: "it is cut off"},
		"something more":       {order: garbage("wasmoci order 2\n" + strings.Repeat("\x00", 15)), status: 125, want: "something that no order has"},
		"a field too little":   {order: garbage("wasmoci order 2\n" + strings.Repeat("\x00", 14)), status: 125, want: "no engine is named"},
		"an unknown engine":    {order: order(func(o *runner.Order) { o.Engine = "gopher" }), status: 126, want: `unknown engine "gopher"`},
		"an engine left out":   {order: order(func(o *runner.Order) { o.Engine = "wasmer" }), status: 126, want: "wasmer is not built into this program"},
		"no code directory":    {order: order(func(o *runner.Order) { o.CodeDir = "/does/not/exist" }), status: 125, want: "/does/not/exist"},
		"empty code directory": {order: order(func(o *runner.Order) { o.CodeDir = t.TempDir() }), status: 125, want: "no compiled code"},
		"another's code":       {order: order(nil), module: func(t *testing.T) *os.File { return text(t, "\x00asm\x01\x00\x00\x00") }, status: 125, want: "no compiled code"},
		"no WebAssembly":       {order: order(nil), module: garbage("#!/bin/sh\n"), status: 126, want: "it is a script"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.order == nil {
				c.order = order(nil)
			}
			if c.module == nil {
				c.module = hello
			}
			s := launch{cmd: c.cmd}.with(t, c.order(t), c.module(t))
			status := s.wait()
			if out := s.errs.String(); status != c.status || !strings.HasPrefix(out, "wasmoci: ") || !strings.Contains(out, c.want) || strings.Contains(out, "goroutine ") {
				t.Errorf("status %d, %q; want status %d, %q", status, out, c.status, c.want)
			}
			if n, err := s.ready.Read(make([]byte, 1)); n != 0 {
				t.Errorf("it says that it is ready: %d, %v", n, err)
			}
		})
	}
}

func directory(t *testing.T) *os.File {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestSignals: signals end a guest wherever it is.
func TestSignals(t *testing.T) {
	for name, c := range map[string]struct {
		guest  string
		stops  []int
		send   syscall.Signal
		status int
		kind   runner.Kind
	}{
		"TERM, in a loop":        {guest: "spin", send: syscall.SIGTERM, status: 143, kind: runner.KindSignal},
		"INT, in a loop":         {guest: "spin", send: syscall.SIGINT, status: 130, kind: runner.KindSignal},
		"QUIT, in a loop":        {guest: "spin", send: syscall.SIGQUIT, status: 131, kind: runner.KindSignal},
		"HUP, in a loop":         {guest: "spin", send: syscall.SIGHUP, status: 129, kind: runner.KindSignal},
		"TERM, in calls":         {guest: "spin_calling", send: syscall.SIGTERM, status: 143, kind: runner.KindSignal},
		"TERM, recursing":        {guest: "recursion", send: syscall.SIGTERM, status: 143, kind: runner.KindSignal},
		"TERM, at its start":     {guest: "spin_in_start", send: syscall.SIGTERM, status: 143, kind: runner.KindSignal},
		"TERM, waiting":          {guest: "wait", send: syscall.SIGTERM, status: 143, kind: runner.KindSignal},
		"a stop signal":          {guest: "spin", stops: []int{int(syscall.SIGWINCH)}, send: syscall.SIGWINCH, status: 128 + int(syscall.SIGWINCH), kind: runner.KindSignal},
		"a real-time signal":     {guest: "spin", stops: []int{37}, send: 37, status: 165, kind: runner.KindSignal},
		"USR1, as any process":   {guest: "spin", send: syscall.SIGUSR1, status: 138, kind: runner.KindSignal},
		"ABRT, without a dump":   {guest: "spin", send: syscall.SIGABRT, status: 134, kind: runner.KindSignal},
		"SEGV, without a dump":   {guest: "spin", send: syscall.SIGSEGV, status: 139, kind: runner.KindSignal},
		"KILL":                   {guest: "spin", send: syscall.SIGKILL, status: 137},
		"TERM, on one processor": {guest: "spin", send: syscall.SIGTERM, status: 143, kind: runner.KindSignal},
	} {
		t.Run(name, func(t *testing.T) {
			in, inEnd := pipe(t)
			defer in.Close()
			defer inEnd.Close()
			s := launch{guest: c.guest, order: func(o *runner.Order) { o.StopSignals = c.stops }, cmd: func(cmd *exec.Cmd) { cmd.Stdin = in }}.start(t)
			s.awaitReady()
			if strings.Contains(name, "one processor") {
				useOneProcessor(t, s.cmd.Process.Pid)
			}
			begun := time.Now()
			s.signal(c.send)
			if status := s.wait(); status != c.status || strings.Contains(s.errs.String(), "wasmoci") || strings.Contains(s.errs.String(), "goroutine") {
				t.Errorf("status %d, %q, want %d", status, s.errs.String(), c.status)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if c.kind == "" {
				return
			}
			if r := s.recorded(); r.Kind != c.kind || r.Status != c.status {
				t.Errorf("the record is %+v", r)
			}
		})
	}
}

// useOneProcessor leaves a process, which runs, one of its processors.
func useOneProcessor(t *testing.T, pid int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		t.Fatal(err)
	}
	one := 0
	for !set.IsSet(one) {
		one++
	}
	set.Zero()
	set.Set(one)
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*")
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(filepath.Base(thread))
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
			t.Fatal(err)
		}
	}
}
