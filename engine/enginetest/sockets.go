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
		prepare: listen,
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
	escape("SocketCallsOnFiles", "a mount, a file or a stream would be taken for a socket of the host",
		nil, `
		accept 3 => !
		recv 3 10 => !
		send 3 x => !
		raw sock_shutdown 3 3 => !
		open 3 a rw => ok
		accept $ => !
		recv $ 10 => !
		send $ x => !
		raw sock_shutdown $ 3 => !
		accept 0 => !
		recv 0 10 => !
		raw sock_shutdown 1 3 => !
		accept 4 => !
		accept 5 => EBADF
		send 5 x => EBADF
		raw sock_shutdown 6 3 => EBADF`),
	{
		Name:   "Escape/ListenerAlone",
		Why:    "a guest reaches nothing outside its mounts: a socket handed in would be a directory, or any other socket of the host",
		config: oneMount,
		files:  outside,
		also:   []engine.Capability{engine.Listeners},
		script: `
			prestat 3 => EBADF
			cat 3 ../outside/secret => !
			cat 3 $DIR/outside/secret => !
			open 3 . dir => !
			mkdir 3 new => !
			ls 3 => !
			recv 3 10 => !
			send 3 x => !
			read 3 10 => !
			write 3 x => !
			raw sock_shutdown 3 3 => !
			prestat 4 => "/m"
			cat 4 ../outside/secret => !
			accept 4 => !
			renumber 3 4 => ok
			cat 4 a => !
			cat 4 ../outside/secret => !
			accept 4 => EAGAIN
			accept 3 => EBADF
			accept 5 => EBADF
			fstat 5 => EBADF`,
		prepare: listen,
	},
}

// listen hands the guest a listener on loopback.
func listen(t *trial) {
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
}
