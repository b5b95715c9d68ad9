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
