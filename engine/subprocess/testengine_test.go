//go:build linux

package subprocess_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// testEngine is registered in this program and in its children. What its guests do is the first of their arguments.
const testEngine = "test"

func init() {
	caps := engine.FormatCapabilities{wasi.FormatModule: engine.NewCapabilities(engine.MemoryLimit, engine.Streams, engine.Unchecked)}
	engine.Register(engine.Driver{
		Name: testEngine, Capabilities: caps, Dedicate: func() { dedicated = true },
		Open: func(_ context.Context, opts engine.Options) (engine.Engine, error) {
			if opts.Uninterruptible && !dedicated {
				return nil, errors.New("test: Open comes before Dedicate")
			}
			return &testModule{caps, opts}, nil
		},
	})
}

var dedicated bool

// testModule is the engine, too.
type testModule struct {
	caps engine.FormatCapabilities
	opts engine.Options
}

func (m *testModule) Info() engine.Info {
	return engine.Info{Name: testEngine, Version: "1", Capabilities: m.caps}
}

func (m *testModule) Compile(_ context.Context, src engine.Source) (engine.Module, error) {
	content, err := src.Load(m.opts.ModuleLimit())
	if err != nil {
		return nil, err
	}
	if m.opts.Logger != nil {
		l := m.opts.Logger.With("one", 1).WithGroup("group").With("yes", true, "text", "a\xffb")
		l.Info("compiling", "after", time.Second, "error", errors.New("none"), slog.Group("inner", "half", 0.5, "many", uint64(1<<63)))
		l.Debug("not wanted")
	}
	if m.opts.Observe != nil {
		m.opts.Observe(engine.Event{Phase: engine.PhaseCompile, Module: src.Name(), Size: int64(len(content.Bytes)), Elapsed: 7, Done: 1, Total: 2})
	}
	if strings.HasSuffix(src.Name(), "crash") {
		os.Exit(9)
	}
	return testCompiled{m}, nil
}

func (m *testModule) Close() error { return nil }

type testCompiled struct{ *testModule }

func (m testCompiled) Info() engine.ModuleInfo {
	return engine.ModuleInfo{
		Engine: testEngine, Format: wasi.FormatModule, Capabilities: m.caps[wasi.FormatModule],
		Exports: []engine.Extern{{Name: "_start", Kind: "func", Type: engine.EntrypointType}},
	}
}

func (m testCompiled) Start(_ context.Context, cfg *wasi.Config) (engine.Instance, error) {
	i := &testInstance{done: make(chan struct{})}
	if cfg.Args[0] == "fail" {
		return nil, errors.New("test: does not start")
	}
	go func() {
		i.err = misbehave(cfg)
		close(i.done) // not deferred: a panic must not look like an end on its way
	}()
	return i, nil
}

type testInstance struct {
	done chan struct{}
	err  error
}

func (i *testInstance) Wait() error {
	<-i.done
	return i.err
}

func (i *testInstance) Stats() engine.Stats {
	return engine.Stats{MemoryBytes: 1, MemoryPeakBytes: 2, HostCalls: 3}
}

func misbehave(cfg *wasi.Config) error {
	self := os.Getpid()
	switch cfg.Args[0] {
	case "fault":
		return *(*error)(nil) // as a Go program's own
	case "segv":
		return signalSelf(syscall.SIGSEGV) // as native code's: the runtime catches it, and gives up
	case "abort":
		return signalSelf(syscall.SIGABRT)
	case "kill":
		return signalSelf(syscall.SIGKILL)
	case "exit":
		fmt.Fprintln(os.Stderr, "these are my last words")
		os.Exit(3)
	case "talk":
		fmt.Fprintln(os.Stdout, strings.Repeat("talk ", 1<<16))
		fmt.Fprintln(os.Stderr, "panic: at the end")
		os.Exit(3)
	case "overflow":
		debug.SetMaxStack(1 << 20)
		return fmt.Errorf("%d", recurse(self))
	case "allocate":
		var all [][]byte
		for range 1024 {
			all = append(all, make([]byte, 1<<20))
		}
		return fmt.Errorf("had %d MiB", len(all))
	case "forks": // what it leaves behind keeps everything open that it has
		sleep, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
		if err != nil {
			return err
		}
		fmt.Fprint(cfg.Stdout, sleep.Pid)
		return nil
	case "escapes": // what it leaves behind has left the group and keeps every socket
		attr := &os.ProcAttr{Files: []*os.File{nil, nil, nil}, Sys: &syscall.SysProcAttr{Setsid: true}}
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return err
		}
		for _, fd := range fds {
			n, _ := strconv.Atoi(fd.Name())
			if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, "socket:") {
				if n, err = syscall.Dup(n); err != nil {
					return err
				}
				attr.Files = append(attr.Files, os.NewFile(uintptr(n), to))
			}
		}
		sleep, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, attr)
		if err != nil {
			return err
		}
		fmt.Fprintln(cfg.Stdout, sleep.Pid)
		return nil
	case "hang":
		fmt.Fprintf(cfg.Stdout, "%d\n", self)
		select {}
	case "describe":
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return err
		}
		for _, fd := range fds {
			if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
				fmt.Fprintln(cfg.Stdout, to)
			}
		}
		dir, _ := os.Getwd()
		sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
		fmt.Fprintf(cfg.Stdout, "env %q\ndir %s\nleader %v\n", os.Environ(), dir, int(sid) == self && syscall.Getpgrp() == self)
	case "line":
		b := make([]byte, 100)
		n, err := cfg.Stdin.Read(b)
		fmt.Fprintf(cfg.Stdout, "the guest reads %q, %v\n", b[:n], err)
	case "mixed":
		return &engine.Error{Engine: testEngine, Op: "run", Err: errors.Join(io.ErrUnexpectedEOF, &engine.TrapError{Kind: engine.TrapUnreachable})}
	}
	return nil
}

func signalSelf(s syscall.Signal) error {
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		return err
	}
	select {}
}

func recurse(n int) int {
	if n < 0 {
		return 0
	}
	return recurse(n+1) + 1
}
