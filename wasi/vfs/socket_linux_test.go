package vfs

import (
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHanded: what a process was handed is taken for what it is.
func TestHanded(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	listening, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	pair := func(kind int) *os.File {
		fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fds[0]) })
		f := os.NewFile(uintptr(fds[1]), "pair")
		t.Cleanup(func() { f.Close() })
		return f
	}
	directory, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	for name, c := range map[string]struct {
		file      *os.File
		connected bool
		want      error
	}{
		"listening": {listening, false, nil},
		"connected": {pair(unix.SOCK_STREAM), true, nil},
		"datagrams": {pair(unix.SOCK_DGRAM), false, errNoStream},
		"directory": {directory, false, errNoStream},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Handed(c.file)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if got.Connected != c.connected || got.Name != c.file.Name() {
				t.Errorf("%+v", got)
			}
			s, err := NewSocket(got.File, got.Connected)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		})
	}
}
