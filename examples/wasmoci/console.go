//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// console is the terminal of a container that run shows on its own. Methods of a nil console do nothing.
type console struct {
	path   string
	dir    string
	socket *net.UnixListener
	master *os.File
	saved  *unix.Termios // of standard input; nil where that is no terminal
	done   chan struct{} // closed when all output is shown
}

// newConsole makes the socket that the delegate sends the terminal's master to.
func newConsole() (*console, error) {
	dir, err := os.MkdirTemp("", "wasmoci-")
	if err != nil {
		return nil, err
	}
	c := &console{path: filepath.Join(dir, "console"), dir: dir, done: make(chan struct{})}
	if c.socket, err = net.ListenUnix("unix", &net.UnixAddr{Name: c.path, Net: "unix"}); err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("console: %w", err)
	}
	return c, nil
}

// attach takes the master, and connects it with the standard streams.
func (c *console) attach() {
	if c == nil {
		return
	}
	if err := c.receive(); err != nil {
		close(c.done)
		return
	}
	if saved, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		raw := *saved
		raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		raw.Oflag &^= unix.OPOST
		raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
		if unix.IoctlSetTermios(0, unix.TCSETS, &raw) == nil {
			c.saved = saved
		}
	}
	c.resize()
	go func() { _, _ = io.Copy(c.master, os.Stdin) }()
	go func() {
		_, _ = io.Copy(os.Stdout, c.master) // until EIO: nobody has the terminal any more
		close(c.done)
	}()
}

func (c *console) receive() error {
	conn, err := c.socket.AcceptUnix()
	if err != nil {
		return err
	}
	defer conn.Close()
	name, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(name, rights)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("console: the delegate sent no terminal: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return fmt.Errorf("console: the delegate sent no terminal: %w", err)
	}
	unix.CloseOnExec(fds[0])
	c.master = os.NewFile(uintptr(fds[0]), "console")
	return nil
}

// resize gives the terminal the size of this process's own.
func (c *console) resize() {
	if c == nil || c.master == nil {
		return
	}
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
		_ = unix.IoctlSetWinsize(int(c.master.Fd()), unix.TIOCSWINSZ, size)
	}
}

// drain waits until what the container has written is shown.
func (c *console) drain() {
	if c != nil {
		<-c.done
	}
}

func (c *console) close() {
	if c.saved != nil {
		_ = unix.IoctlSetTermios(0, unix.TCSETS, c.saved)
	}
	if c.master != nil {
		c.master.Close()
	}
	c.socket.Close()
	_ = os.RemoveAll(c.dir)
}
