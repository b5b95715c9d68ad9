//go:build unix

package enginetest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// specialFileCases are attempts to escape through files that have somebody at their other end.
var specialFileCases = []Case{
	special("FIFOOutside", "a FIFO beside the mount would join the guest to whoever is at its other end",
		files{"m/l": linkTo + "../outside/fifo", "m/abs": linkTo + "$DIR/outside/fifo"}, `
		open 3 l r nonblock => !
		open 3 l w nonblock => !
		open 3 l rw nonblock => !
		open 3 abs r nonblock => !
		open 3 ../outside/fifo r nonblock => !
		put 3 abs x => !
		link 3 l 3 h follow => !
		stat 3 l => !`,
		func(t *trial) error { return syscall.Mkfifo(t.path("outside/fifo"), 0o600) }),
	special("FIFOAsDirectory", "a FIFO in a path would be waited for, and what comes through it taken for a directory",
		nil, `
		cat 3 fifo/a => ENOTDIR
		cat 3 fifo/../a => ENOTDIR
		cat 3 fifo/../../outside/secret => ENOTDIR
		open 3 fifo dir => ENOTDIR
		open 3 fifo/ r nonblock => ENOTDIR
		mkdir 3 fifo/new => ENOTDIR`,
		func(t *trial) error { return syscall.Mkfifo(t.path("m/fifo"), 0o600) }),
	special("SocketFile", "a socket in the mount would be opened, and with it a service of the host that listens there",
		files{"m/l": linkTo + "s"}, `
		stat 3 s => *
		open 3 s r => !
		open 3 s w => !
		open 3 s rw nonblock => !
		cat 3 l => !
		put 3 s x => !
		open 3 s w trunc => !
		accept 3 => !
		open 3 s dir => ENOTDIR`,
		func(t *trial) error { return listenAt(t, "m/s") }),
	special("SocketFileOutside", "a link would lead to a socket outside, and with it to a service of the host",
		files{"m/l": linkTo + "../outside/s", "m/abs": linkTo + "$DIR/outside/s"}, `
		open 3 l rw => !
		open 3 abs rw => !
		stat 3 l => !
		link 3 l 3 h follow => !
		link 3 ../outside/s 3 h => !
		rename 3 ../outside/s 3 h => !
		stat 3 h => ENOENT`,
		func(t *trial) error { return listenAt(t, "outside/s") }),
	{
		Name:  "Escape/PassedDescriptor",
		Why:   "a guest reaches nothing outside its mounts: whoever is connected would hand it an open file of the host along with its data",
		files: outside,
		also:  []engine.Capability{engine.Listeners},
		script: `
			poll 60000 3 => fd
			recv 3 4 => "ping"
			poll 60000 3 => fd
			read 3 4 => "pong"
			fstat 4 => EBADF
			read 4 20 => EBADF
			fstat 5 => EBADF
			read 5 20 => EBADF
			cat 5 secret => EBADF
			send 3 done => 4`,
		prepare: func(t *trial) {
			guest, host := socketPair(t)
			t.cfg.Listeners = []wasi.Listener{{Name: "peer", File: guest, Connected: true}}
			// Each with descriptors of its own.
			for _, word := range []string{"ping", "pong"} {
				rights := syscall.UnixRights(int(t.openFile("outside/secret").Fd()), int(t.openFile("outside").Fd()))
				if _, _, err := host.WriteMsgUnix([]byte(word), rights, nil); err != nil {
					t.Fatal(err)
				}
			}
		},
	},
}

// special is an attempt to escape by a file that data cannot describe.
func special(name, reach string, within files, s script, prepare func(*trial) error) Case {
	c := escape(name, reach, within, s)
	c.prepare = func(t *trial) {
		if err := prepare(t); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// listenAt makes a socket of that name, to which nobody may connect.
func listenAt(t *trial, name string) error {
	dir, err := os.MkdirTemp("", "") // the path of a socket is short
	if err != nil {
		return err
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		if conn, err := l.Accept(); err == nil { // else the case is over
			t.Error("somebody has connected to the host's service")
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-over })
	return os.Rename(filepath.Join(dir, "s"), t.path(name))
}

// socketPair returns the two ends of a connection.
func socketPair(t *trial) (*os.File, *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	guest, host := os.NewFile(uintptr(fds[0]), "guest"), os.NewFile(uintptr(fds[1]), "host")
	t.Cleanup(func() { guest.Close() })
	conn, err := net.FileConn(host)
	if err := errors.Join(err, host.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return guest, conn.(*net.UnixConn)
}
