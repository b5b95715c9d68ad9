//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestMain is the runner, what compiles for it, or an engine's process, where it is called by their names: compiled code is for the very program that made it.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "runner", "wasmoci-compile", "wasmoci:engine": // as runner.Compile and subprocess.New call it
		main()
		return
	case "export":
		if err := export(os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(testMain(m))
}

var built string // directory with both, open to other users

func testMain(m *testing.M) int {
	err := install()
	defer os.RemoveAll(built)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func install() (err error) {
	if built, err = os.MkdirTemp("", "runner"); err != nil {
		return err
	}
	if err := os.Chmod(built, 0o755); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(built, "runner"), program, 0o755); err != nil {
		return err
	}
	return os.Link(filepath.Join(built, "runner"), filepath.Join(built, "export"))
}

// export compiles a module and puts its code into the directory dir/code.
func export(name, module, dir string) error {
	f, err := os.Open(module)
	if err != nil {
		return err
	}
	defer f.Close()
	opts, err := runner.Dedicate(name)
	if err != nil {
		return err
	}
	opts.CacheDir = filepath.Join(dir, "cache")
	ctx := context.Background()
	e, err := engine.Open(ctx, name, opts)
	if err != nil {
		return err
	}
	defer e.Close()
	code := filepath.Join(dir, "code")
	if err := os.Mkdir(code, 0o755); err != nil {
		return err
	}
	return engine.Export(ctx, e, engine.FromFile(f), code)
}

var codes sync.Map // path of a module → its code directory

// codeOf returns the directory with the code of a module, which all tests share.
func codeOf(t testing.TB, module string) string {
	t.Helper()
	once, _ := codes.LoadOrStore(module, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp(built, "code")
		if err == nil {
			err = os.Chmod(dir, 0o755) // the code is for others, too
		}
		if err != nil {
			return "", err
		}
		out, err := exec.Command(filepath.Join(built, "export"), engineFor, module, dir).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("export %s: %w\n%s", module, err, out)
		}
		return filepath.Join(dir, "code"), err
	}))
	dir, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// guestPath is where a guest of the conformance suite is.
func guestPath(name string) string {
	return filepath.Join("..", "..", "engine", "enginetest", "testdata", name+".wasm")
}

// started is a runner.
type started struct {
	t      testing.TB
	cmd    *exec.Cmd
	out    bytes.Buffer // standard output, until wait
	errs   bytes.Buffer
	ready  *os.File
	record *os.File
	late   string // a directory that is to be made
}

// launch is how a runner is started: what is nil is as it has to be.
type launch struct {
	guest  string // of the conformance suite
	module string // or any other
	order  func(*runner.Order)
	cmd    func(*exec.Cmd)
	first  int
}

// start starts a runner.
func (l launch) start(t testing.TB) *started {
	t.Helper()
	if l.module == "" {
		l.module = guestPath(l.guest)
	}
	content, err := os.ReadFile(l.module)
	if err != nil {
		t.Fatal(err)
	}
	order := runner.Order{
		Engine: engineFor, Module: filepath.Base(l.module), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(content)),
		CodeDir: codeOf(t, l.module), Config: wasi.Config{Args: []string{l.guest}},
	}
	if l.order != nil {
		l.order(&order)
	}
	sealed, err := order.Seal()
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	module, err := os.Open(l.module)
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	return l.with(t, sealed, module)
}

// with starts a runner with an order and a module, and closes neither.
func (l launch) with(t testing.TB, order, module *os.File) *started {
	t.Helper()
	s := &started{t: t}
	ready, readyEnd := pipe(t)
	record, recordEnd := pipe(t)
	defer readyEnd.Close()
	defer recordEnd.Close()
	s.ready, s.record = ready, record
	first := max(l.first, 3)
	s.cmd = &exec.Cmd{Path: filepath.Join(built, "runner"), Args: []string{"runner"}, Env: runner.Environ(first), Stdout: &s.out, Stderr: &s.errs}
	s.cmd.ExtraFiles = append(make([]*os.File, first-3), order, module, readyEnd, recordEnd)
	if l.cmd != nil {
		l.cmd(s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
		ready.Close()
		record.Close()
	})
	return s
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// awaitReady waits for the ready byte.
func (s *started) awaitReady() {
	s.t.Helper()
	_ = s.ready.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := s.ready.Read(make([]byte, 2)); n != 1 {
		s.t.Fatalf("ready: %d bytes, %v; exit status %d, %s", n, err, s.wait(), s.errs.String())
	}
}

func (s *started) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// wait returns the exit status, 128+n where a signal of the kernel ended the process.
func (s *started) wait() int {
	late := time.AfterFunc(30*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	ws := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// recorded returns the record, after wait.
func (s *started) recorded() runner.Record {
	s.t.Helper()
	b, err := io.ReadAll(s.record)
	if err != nil {
		s.t.Fatal(err)
	}
	var r runner.Record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' {
		s.t.Fatalf("the record is %q, %v", b, err)
	}
	return r
}
