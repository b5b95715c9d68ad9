package preview1

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// fifoMount is a mount that has a FIFO named "fifo".
func fifoMount(t *testing.T) (mounts []wasi.Mount, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return []wasi.Mount{{Guest: "/", Host: dir}}, path
}

func TestFIFO(t *testing.T) {
	mounts, path := fifoMount(t)
	g := newGuest(t, &wasi.Config{Mounts: mounts})
	if _, e := g.tryOpen("fifo", opening{base: rightWrite, fdflags: flagNonblock}); e != enxio {
		t.Errorf("a writer without a reader: errno %d, want ENXIO", e)
	}
	waits := make(chan *os.File)
	go func() {
		time.Sleep(5 * time.Millisecond)
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for a reader, as the guest does for a writer
		if err != nil {
			t.Error(err)
		}
		waits <- w
	}()
	fd := g.open("fifo", opening{base: fileRights &^ rightWrite})
	w := <-waits
	defer w.Close()
	if got := g.poll(t, readable(fd), after(5*time.Millisecond)); len(got) != 1 || got[0].sub != 1 {
		t.Errorf("nothing to read: %+v", got)
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		_, _ = w.WriteString("text")
	}()
	if got := g.poll(t, readable(fd), after(10*time.Second)); len(got) != 1 || got[0] != (answer{bytes: 4}) {
		t.Errorf("four bytes to read: %+v", got)
	}
	if got, e := g.read(fd, 4, 10); got != "text" || e != success { // the second buffer is not waited for
		t.Errorf("%q, errno %d", got, e)
	}
	g.want(success, "fd_fdstat_set_flags", fd, flagNonblock)
	if _, e := g.read(fd, 10); e != eagain {
		t.Errorf("errno %d, want EAGAIN", e)
	}
	g.want(espipe, "fd_seek", fd, 0, 0, g.room(8))
	w.Close()
	if got := g.poll(t, readable(fd)); len(got) != 1 || got[0] != (answer{flags: hangup}) {
		t.Errorf("without a writer: %+v", got)
	}
	if got, e := g.read(fd, 10); got != "" || e != success {
		t.Errorf("at the end: %q, errno %d", got, e)
	}
}

// TestFIFOStopped: a guest that waits in open for the other end of a FIFO is stopped when its context ends.
func TestFIFOStopped(t *testing.T) {
	for name, base := range map[string]rights{"reading": rightRead, "writing": rightWrite} {
		t.Run(name, func(t *testing.T) {
			mounts, _ := fifoMount(t)
			ctx, cancel := context.WithCancel(t.Context())
			h, err := New(ctx, &wasi.Config{Mounts: mounts})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			g := &guest{t: t, h: h, mem: make([]byte, 4<<16)}
			begun := time.Now()
			time.AfterFunc(10*time.Millisecond, cancel)
			if _, e := g.tryOpen("fifo", opening{base: base}); e != Stop {
				t.Errorf("errno %d, want Stop", e)
			}
			if took := time.Since(begun); took < 10*time.Millisecond || took > soon {
				t.Errorf("stopped after %v", took)
			}
		})
	}
}
