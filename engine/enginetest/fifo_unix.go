//go:build unix

package enginetest

import (
	"context"
	"strings"
	"syscall"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

var fifoCases = []Case{
	{
		Name:   "File/FIFO",
		Why:    "a FIFO of a mount is not supported, or the guest that opens it waits for a writer, reads what that writes, and then the end",
		config: oneMount,
		files:  files{"m/": ""},
		script: `
			print 2 ready
			open 3 fifo r => ok|ENOTSUP
			read $ 10 => "text"|EBADF
			read $ 10 => ""|EBADF`,
		prepare: func(t *trial) {
			if err := syscall.Mkfifo(t.path("m/fifo"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		drive: func(t *trial) {
			inst := t.start(t.endless())
			t.stderr.await(t, "ready")
			for {
				fd, err := syscall.Open(t.path("m/fifo"), syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
				if err == nil {
					_, err = syscall.Write(fd, []byte("text"))
					_ = syscall.Close(fd)
				}
				if err == nil {
					break
				}
				if err != syscall.ENXIO { //nolint:errorlint // a plain errno
					t.Fatal(err)
				}
				if _, ended := waitFor(inst, time.Millisecond); ended { // not supported: nobody reads
					break
				}
			}
			t.same(t.wait(inst), nil)
			t.c.script.check(t, t.stdout.String(), t.dir)
		},
	},
	{
		Name:   "Interrupt/OpenFIFO",
		Why:    "a FIFO of a mount, which nobody writes to, is not supported, or the guest that waits for it ends with its context",
		config: oneMount,
		files:  files{"m/a": "a"},
		script: `
			print 2 ready
			open 3 fifo r => ok|ENOTSUP
			read $ 10 => *`,
		ends: true,
		prepare: func(t *trial) {
			if err := syscall.Mkfifo(t.path("m/fifo"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		drive: func(t *trial) {
			ctx, cancel := context.WithCancelCause(t.endless())
			defer cancel(nil)
			inst := t.start(ctx)
			t.stderr.await(t, "ready")
			if err, ended := waitFor(inst, 50*time.Millisecond); ended {
				t.same(err, nil)
				t.c.script.check(t, t.stdout.String(), t.dir)
				if !strings.HasPrefix(t.stdout.String(), "ENOTSUP\n") {
					t.Errorf("the guest read an end where nobody had been: %s", abbreviate(t.stdout.String()))
				}
				return
			}
			cancel(engine.Signal(15))
			t.released(ctx, inst, 143)
			t.hello()
		},
	},
}
