//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestGate: behind a gate a runner has done all but what needs the guest's surroundings, and signals end it.
func TestGate(t *testing.T) {
	const gate = 7 // the first of its own is 3
	open := func(w *os.File) { _, _ = w.Write([]byte{0}) }
	for name, c := range map[string]struct {
		order  func(*runner.Order)
		end    func(t *testing.T, s *started, w *os.File) // what ends the waiting
		out    string
		errs   string
		status int
		kind   runner.Kind
	}{
		"opens": {end: func(_ *testing.T, _ *started, w *os.File) { open(w) }, out: "Hello, guest!\n", kind: runner.KindExit},
		"opens often": {
			end: func(_ *testing.T, _ *started, w *os.File) { _, _ = w.Write([]byte("abc")) }, out: "Hello, guest!\n", kind: runner.KindExit,
		},
		"the mount comes late": {
			order: func(o *runner.Order) {
				o.Config.Mounts = []wasi.Mount{{Guest: "/", Host: filepath.Join(filepath.Dir(o.CodeDir), "late")}}
			},
			end: func(t *testing.T, s *started, w *os.File) {
				if err := os.Mkdir(s.late, 0o755); err != nil {
					t.Error(err)
				}
				open(w)
			},
			out: "Hello, guest!\n", kind: runner.KindExit,
		},
		"no code": {
			order: func(o *runner.Order) { o.CodeDir = "/does/not/exist" },
			end:   func(_ *testing.T, _ *started, w *os.File) { open(w) }, errs: "/does/not/exist", status: 125, kind: runner.KindError,
		},
		"TERM": {end: func(_ *testing.T, s *started, _ *os.File) { s.signal(syscall.SIGTERM) }, status: 143, kind: runner.KindSignal},
		"the stop signal": {
			order: func(o *runner.Order) { o.StopSignals = []int{int(syscall.SIGWINCH)} },
			end:   func(_ *testing.T, s *started, _ *os.File) { s.signal(syscall.SIGWINCH) }, status: 128 + int(syscall.SIGWINCH), kind: runner.KindSignal,
		},
		"nobody is left": {end: func(_ *testing.T, _ *started, w *os.File) { w.Close() }, errs: "whoever was to start the guest is gone", status: 125, kind: runner.KindError},
		"another descriptor": {
			order: func(o *runner.Order) { o.Gate = 3 + runner.FileModule },
			end:   func(*testing.T, *started, *os.File) {}, errs: "descriptor 4 is not the gate", status: 125, kind: runner.KindError,
		},
		"no descriptor": {
			order: func(o *runner.Order) { o.Gate = gate + 1 },
			end:   func(*testing.T, *started, *os.File) {}, errs: "descriptor 8 should be the gate", status: 125, kind: runner.KindError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := pipe(t)
			defer w.Close()
			late := ""
			s := launch{
				guest: "hello",
				order: func(o *runner.Order) {
					o.Config.Args, o.Gate = []string{"guest"}, gate
					if c.order != nil {
						c.order(o)
					}
					for i := range o.Config.Mounts {
						late = filepath.Join(t.TempDir(), "late")
						o.Config.Mounts[i].Host = late
					}
				},
				cmd: func(c *exec.Cmd) { c.ExtraFiles = append(c.ExtraFiles, r) },
			}.start(t)
			r.Close()
			s.late = late
			_ = s.ready.SetReadDeadline(time.Now().Add(time.Minute))
			if b := make([]byte, 2); c.status != 125 || c.order == nil || name == "no code" {
				if n, err := s.ready.Read(b); n != 1 || b[0] != runner.ReadySignals {
					t.Fatalf("ready: %d bytes (%v), %v", n, b, err)
				}
				time.Sleep(20 * time.Millisecond)
				if said := s.out.String() + s.errs.String(); said != "" || s.cmd.Process.Signal(syscall.Signal(0)) != nil {
					t.Errorf("it did not wait, and said %q", said)
				}
			}
			c.end(t, s, w)
			status, record := s.wait(), s.recorded()
			if status != c.status || record.Kind != c.kind || s.out.String() != c.out || !strings.Contains(s.errs.String(), c.errs) {
				t.Errorf("status %d, record %+v, %q, %q", status, record, s.out.String(), s.errs.String())
			}
			if at := record.Times; at.Ended.Before(at.Loaded) || at.Loaded.Before(at.Begun) && !at.Loaded.IsZero() {
				t.Errorf("the times are %+v", at)
			}
		})
	}
}
