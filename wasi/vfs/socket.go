package vfs

import (
	"errors"
	"os"

	"github.com/wasmoci/wasmoci/wasi"
)

// Socket is a socket handed to a guest, or a connection that one of those accepted. One guest thread uses it at a time.
//
// Operations with block wait, and return ErrStopped when stop ends; without, they are EAGAIN where they would have to.
type Socket struct {
	system    socket
	listening bool
}

// Errors of NewSocket.
var (
	errNoStream     = errors.New("is no stream socket")
	errNotListening = errors.New("is not listening: say Connected for a connection")
	errListening    = errors.New("is listening, not connected")
)

// Handed describes a socket that this process was handed, by a service manager or a container runtime: it looks whether f listens or
// is a connection. What is neither is an error, as is any f on a system where guests have no sockets. f stays the caller's.
func Handed(f *os.File) (wasi.Listener, error) {
	l := wasi.Listener{Name: f.Name(), File: f}
	listening, err := listens(f)
	l.Connected = !listening
	return l, err
}

// Listening tells whether the socket accepts connections rather than being one.
func (s *Socket) Listening() bool { return s.listening }

// Readable is ready when something can be received, or accepted.
func (s *Socket) Readable() Pollable { return &s.system.readable }

// Writable is ready when something can be sent.
func (s *Socket) Writable() Pollable { return &s.system.writable }
