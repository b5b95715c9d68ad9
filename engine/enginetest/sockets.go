package enginetest

import (
	"io"
	"net"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var socketCases = []Case{
	{
		Name: "Socket/Listener",
		Why:  "a listener is descriptor 3, before the preopens; it does not block, and the guest accepts, receives and sends on it",
		also: []engine.Capability{engine.Listeners},
		script: `
			filetype 3 => stream
			accept 3 => EAGAIN
			print 2 ready
			poll 60000 3 => fd
			accept 3 => ok
			recv $ 10 => "ping"
			send $ pong => 4
			close $ => ok`,
		prepare: func(t *trial) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			f, err := l.(*net.TCPListener).File()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			t.cfg.Listeners = []wasi.Listener{{Name: "web", File: f}}
		},
		drive: func(t *trial) {
			inst := t.start(t.endless())
			t.stderr.await(t, "ready")
			l, err := net.FileListener(t.cfg.Listeners[0].File)
			if err != nil {
				t.Fatalf("the caller's socket was closed: %v", err)
			}
			defer l.Close()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "ping"); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil || string(answer) != "pong" {
				t.Errorf("the guest answered %q, %v", answer, err)
			}
			t.same(t.wait(inst), nil)
			t.c.script.check(t, t.stdout.String(), t.dir)
		},
	},
}
