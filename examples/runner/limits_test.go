//go:build root && linux

package main

// What a runner needs is that of the executable that is installed: without cgo, or static. So these are with the tests for root, which are
// built like it.

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/wasi"
)

// limit starts a runner with a limit of the process.
func limit(resource string, value int64) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.Args = []string{"prlimit", fmt.Sprintf("--%s=%d", resource, value), "--", c.Path}
		c.Path = "/usr/bin/prlimit"
	}
}

// needs returns what the order of a guest needs.
func needs(t *testing.T, module string, first int) runner.Need {
	t.Helper()
	st, err := os.Stat(module)
	if err != nil {
		t.Fatal(err)
	}
	var code int64
	err = filepath.Walk(codeOf(t, module), func(_ string, st os.FileInfo, err error) error {
		if err == nil && !st.IsDir() {
			code += st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return runner.Needs(engineFor, st.Size(), code, first)
}

// TestRootLimits: with what Needs tells a runner works, each time, and what there is beyond is the guest's.
func TestRootLimits(t *testing.T) {
	const often = 20
	n := needs(t, guestPath("grow"), 3)
	var mounts []wasi.Mount
	for i := range 12 {
		mounts = append(mounts, wasi.Mount{Guest: fmt.Sprintf("/m%d", i), Host: t.TempDir()})
	}
	for name, c := range map[string]struct {
		guest  string
		cmd    func(*exec.Cmd)
		mounts []wasi.Mount
		status int
	}{
		"open files":               {guest: "hello", cmd: limit("nofile", n.OpenFiles)},
		"open files, with mounts":  {guest: "hello", cmd: limit("nofile", n.OpenFiles), mounts: mounts},
		"size of files":            {guest: "hello", cmd: limit("fsize", n.FileSize)},
		"stack":                    {guest: "trap", cmd: limit("stack", 128<<10), status: 134},
		"address space":            {guest: "grow", cmd: limit("as", n.AddressSpace+1<<20), status: 16},
		"address space, barely":    {guest: "grow", cmd: limit("as", n.AddressSpace+wasi.PageSize), status: 1},
		"address space, too small": {guest: "grow", cmd: limit("as", n.AddressSpace), status: 125},
		"data":                     {guest: "grow", cmd: limit("data", n.Data+1<<20), status: 16},
		"data, too small":          {guest: "grow", cmd: limit("data", n.Data), status: 125},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range often {
				s := launch{guest: c.guest, cmd: c.cmd, order: func(o *runner.Order) {
					o.HeapBytes = runner.HeapBytes(1000)
					o.Config.Args = []string{"guest", "r"}
					o.Config.Mounts = c.mounts
				}}.start(t)
				if status := s.wait(); status != c.status || status == 125 && !strings.Contains(s.errs.String(), "raise the limit") {
					t.Fatalf("status %d, want %d; %s", status, c.status, firstLines(s.errs.Bytes()))
				}
			}
		})
	}
}

func firstLines(b []byte) []byte {
	lines := bytes.SplitAfterN(b, []byte("\n"), 6)
	return bytes.Join(lines[:min(len(lines), 5)], nil)
}

// TestRootPids: a runner needs no more threads than Needs tells. The limit counts those of its user, whom nobody else is.
func TestRootPids(t *testing.T) {
	n := needs(t, guestPath("hello"), 3)
	for _, guest := range []string{"hello", "spin", "trap"} {
		for range 40 {
			s := launch{
				guest: guest, order: func(o *runner.Order) { o.Config.Args = []string{"guest", "u"} },
				cmd: func(c *exec.Cmd) {
					limit("nproc", n.Pids)(c)
					c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
				},
			}.start(t)
			want := map[string]int{"spin": 143, "trap": 134}[guest]
			if guest == "spin" {
				s.awaitReady()
				s.signal(syscall.SIGTERM)
			}
			if status := s.wait(); status != want {
				t.Fatalf("%s: status %d, want %d; %s", guest, status, want, firstLines(s.errs.Bytes()))
			}
		}
	}
}
