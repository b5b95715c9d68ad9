package preview1

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// listener is a TCP listener on the loopback interface, and its file.
func listener(t testing.TB) (*net.TCPListener, *os.File) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		l.Close()
	})
	return l, f
}

func dial(t testing.TB, l net.Listener) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func (g *guest) accept(fd, flags uint64) (conn uint64, e Errno) {
	result := g.room(4)
	e = g.call("sock_accept", fd, flags, result)
	return uint64(g.u32(result)), e
}

func (g *guest) recv(fd, flags uint64, sizes ...int) (string, Errno) {
	array, n, at := g.buffers(sizes...)
	result, roflags := g.room(4), g.room(2)
	if e := g.call("sock_recv", fd, array, n, flags, result, roflags); e != success {
		return "", e
	}
	if b := g.bytes(roflags, 2); b[0] != 0 || b[1] != 0 {
		g.t.Errorf("roflags %x", b)
	}
	return g.gather(at, sizes, int(g.u32(result))), success
}

func (g *guest) send(fd uint64, s string) (int, Errno) {
	p, n := g.put(s)
	array, count := g.iovecs(p, n)
	result := g.room(4)
	e := g.call("sock_send", fd, array, count, 0, result)
	return int(g.u32(result)), e
}

// await polls until fd is ready: the guest's way to wait for a socket.
func (g *guest) await(fd uint64) {
	g.t.Helper()
	in, out, result := g.lay(readable(fd), after(time.Minute)), g.room(64), g.room(4)
	g.want(success, "poll_oneoff", in, out, 2, result)
	if g.u32(result) != 1 || g.bytes(out+10, 1)[0] != eventRead {
		g.t.Fatalf("descriptor %d is not ready", fd)
	}
}

func TestListener(t *testing.T) {
	l, f := listener(t)
	dir := t.TempDir()
	g := newGuest(t, &wasi.Config{
		Listeners: []wasi.Listener{{Name: "web", File: f}},
		Mounts:    []wasi.Mount{{Guest: "/", Host: dir}},
	})
	const web, files = 3, 4

	// The order of descriptors, and what a guest sees that looks for its directories.
	stat := g.room(24)
	g.want(success, "fd_fdstat_get", web, stat)
	if b := g.bytes(stat, 24); b[0] != 6 || b[2] != flagNonblock || rights(g.u64(stat+8)) != listenRights || rights(g.u64(stat+16)) != connRights {
		t.Errorf("fdstat of a listener %x", b)
	}
	prestat := g.room(8)
	g.want(success, "fd_prestat_get", web, prestat)
	if b := g.bytes(prestat, 8); b[0] != prestatSocket {
		t.Errorf("prestat of a listener %x", b)
	}
	g.want(ebadf, "fd_prestat_dir_name", web, prestat, 0)
	g.want(success, "fd_prestat_get", files, prestat)
	if b := g.bytes(prestat, 8); b[0] != 0 || b[4] != 1 {
		t.Errorf("prestat of the directory behind it %x", b)
	}

	if _, e := g.accept(web, 0); e != eagain {
		t.Errorf("accept without a connection: errno %d", e)
	}
	client := dial(t, l)
	g.await(web)
	conn, e := g.accept(web, 0)
	if e != success || conn != 5 {
		t.Fatalf("accept: descriptor %d, errno %d", conn, e)
	}
	g.want(success, "fd_fdstat_get", conn, stat)
	if b := g.bytes(stat, 24); b[0] != 6 || b[2] != 0 || rights(g.u64(stat+8)) != connRights {
		t.Errorf("fdstat of a connection %x", b)
	}

	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if s, e := g.recv(conn, recvPeek, 2, 10); e != success || s != "pi" {
		t.Errorf("peek: %q, errno %d", s, e)
	}
	if s, e := g.recv(conn, 0, 2, 10); e != success || s != "ping" {
		t.Errorf("recv: %q, errno %d", s, e)
	}
	if n, e := g.send(conn, "pong"); e != success || n != 4 {
		t.Errorf("send: %d, errno %d", n, e)
	}
	b := make([]byte, 10)
	if n, err := client.Read(b); err != nil || string(b[:n]) != "pong" {
		t.Errorf("the client got %q, %v", b[:n], err)
	}
	if _, err := client.Write([]byte("by fd_read")); err != nil {
		t.Fatal(err)
	}
	if s, e := g.read(conn, 20); e != success || s != "by fd_read" {
		t.Errorf("fd_read: %q, errno %d", s, e)
	}

	time.AfterFunc(20*time.Millisecond, func() { client.Write([]byte("ld")) })
	client.Write([]byte("wor"))
	if s, e := g.recv(conn, recvWaitAll, 5); e != success || s != "world" {
		t.Errorf("recv of all: %q, errno %d", s, e)
	}

	g.want(success, "sock_shutdown", conn, shutWrite)
	if n, err := client.Read(b); n != 0 || err == nil {
		t.Errorf("after shutdown the client read %d, %v", n, err)
	}
	if _, e := g.send(conn, "x"); e != epipe {
		t.Errorf("send after shutdown: errno %d", e)
	}
	client.CloseWrite()
	if s, e := g.recv(conn, 0, 5); e != success || s != "" {
		t.Errorf("recv at the end: %q, errno %d", s, e)
	}
	g.want(success, "fd_close", conn)
	g.want(ebadf, "sock_shutdown", conn, shutWrite)
}

func TestSocketErrno(t *testing.T) {
	l, f := listener(t)
	g := newGuest(t, &wasi.Config{Listeners: []wasi.Listener{{File: f}}})
	const web = 3
	dial(t, l)
	g.await(web)
	conn, e := g.accept(web, flagNonblock)
	if e != success {
		t.Fatal(e)
	}
	p := g.room(64)
	for _, c := range []struct {
		name string
		want Errno
		call string
		args []uint64
	}{
		{"accept of a connection", enotcapable, "sock_accept", []uint64{conn, 0, p}},
		{"accept with flags", einval, "sock_accept", []uint64{web, flagAppend, p}},
		{"accept into nowhere", efault, "sock_accept", []uint64{web, 0, bad}},
		{"recv of a listener", enotconn, "sock_recv", []uint64{web, p, 0, 0, p, p}},
		{"read of a listener", enotconn, "fd_read", []uint64{web, p, 0, p}},
		{"write to a listener", enotcapable, "fd_write", []uint64{web, p, 0, p}},
		{"send to a listener", enotcapable, "sock_send", []uint64{web, p, 0, 0, p}},
		{"shutdown of a listener", enotcapable, "sock_shutdown", []uint64{web, shutRead}},
		{"recv flags", einval, "sock_recv", []uint64{conn, p, 0, 4, p, p}},
		{"send flags", einval, "sock_send", []uint64{conn, p, 0, 1, p}},
		{"shutdown of nothing", einval, "sock_shutdown", []uint64{conn, 0}},
		{"shutdown of more", einval, "sock_shutdown", []uint64{conn, 4}},
		{"seek", espipe, "fd_seek", []uint64{conn, 0, 0, p}},
		{"pread", espipe, "fd_pread", []uint64{conn, p, 0, 0, p}},
		{"size", einval, "fd_filestat_set_size", []uint64{conn, 0}},
		{"path", enotdir, "path_unlink_file", []uint64{conn, p, 1}},
		{"append", einval, "fd_fdstat_set_flags", []uint64{conn, flagAppend}},
		{"filestat", success, "fd_filestat_get", []uint64{conn, p}},
		{"renumber", success, "fd_renumber", []uint64{conn, web}},
		{"what was renumbered over", enotcapable, "sock_accept", []uint64{web, 0, p}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.t = t
			g.want(c.want, c.call, c.args...)
		})
	}
	g.t = t
	if _, e := g.recv(web, 0, 5); e != eagain {
		t.Errorf("recv with nothing there: errno %d", e)
	}
}

// What is accepted counts as opened: the connection that is one too many waits for a descriptor.
func TestAcceptExhaustion(t *testing.T) {
	l, f := listener(t)
	dir := t.TempDir()
	g := newGuest(t, &wasi.Config{Listeners: []wasi.Listener{{File: f}}, Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
	const web, preopen = 3, 4
	dial(t, l)
	g.await(web)
	conn, e := g.accept(web, 0)
	if e != success {
		t.Fatal(e)
	}
	fds := g.exhaust(".", opening{dir: preopen, base: dirRights})
	if len(fds) != maxOpened-1 {
		t.Errorf("%d descriptors besides a connection, want %d", len(fds), maxOpened-1)
	}
	dial(t, l)
	g.await(web)
	if _, e := g.accept(web, 0); e != emfile {
		t.Errorf("errno %d, want %d", e, emfile)
	}
	g.want(success, "fd_close", conn)
	if again, e := g.accept(web, 0); e != success || again != conn {
		t.Errorf("descriptor %d, errno %d, want %d", again, e, conn)
	}
}

// What is accepted has what the listener may pass on, and no more.
func TestAcceptedRights(t *testing.T) {
	l, f := listener(t)
	g := newGuest(t, &wasi.Config{Listeners: []wasi.Listener{{File: f}}})
	g.want(success, "fd_fdstat_set_rights", 3, uint64(listenRights), uint64(connRights&^rightWrite))
	dial(t, l)
	g.await(3)
	conn, e := g.accept(3, 0)
	if e != success {
		t.Fatal(e)
	}
	if _, e := g.send(conn, "x"); e != enotcapable {
		t.Errorf("send without the right: errno %d", e)
	}
}

func TestConnected(t *testing.T) {
	near, far := socketPair(t)
	g := newGuest(t, &wasi.Config{Listeners: []wasi.Listener{{Name: "conn", File: near, Connected: true}}})
	if _, err := far.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	g.await(3)
	if s, e := g.recv(3, 0, 10); e != success || s != "hello" {
		t.Errorf("%q, errno %d", s, e)
	}
	// As much as there is room for, then EAGAIN.
	for total := 0; ; {
		n, e := g.send(3, strings.Repeat("x", 1<<15))
		if e == eagain {
			break
		}
		if total += n; e != success || n == 0 || total > 64<<20 {
			t.Fatalf("%d sent, errno %d", total, e)
		}
	}
	far.Close()
	if _, e := g.send(3, "x"); e != epipe {
		t.Errorf("send to nobody: errno %d", e)
	}
}

func TestSocketsThatAreNone(t *testing.T) {
	_, listening := listener(t)
	near, _ := socketPair(t)
	r, _ := pipe(t)
	closed, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, c := range []struct {
		name string
		l    wasi.Listener
		want string
	}{
		{"a connection as listener", wasi.Listener{File: near}, "is not listening"},
		{"a listener as connection", wasi.Listener{File: listening, Connected: true}, "is listening"},
		{"a pipe", wasi.Listener{File: r}, "is no stream socket"},
		{"closed", wasi.Listener{File: closed}, "closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(t.Context(), &wasi.Config{Listeners: []wasi.Listener{c.l}})
			var field *wasi.FieldError
			if !errors.As(err, &field) || field.Field != "Listeners[0].File" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q of Listeners[0].File", err, c.want)
			}
		})
	}
}

// TestSocketsEnd: whatever a guest waits for on a socket, it is released when its context ends.
func TestSocketsEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(g *guest, conn uint64) Errno
	}{
		{"accept", func(g *guest, _ uint64) Errno { _, e := g.accept(3, 0); return e }},
		{"recv", func(g *guest, conn uint64) Errno { _, e := g.recv(conn, 0, 10); return e }},
		{"recv of all", func(g *guest, conn uint64) Errno { _, e := g.recv(conn, recvWaitAll, 10); return e }},
		{"fd_read", func(g *guest, conn uint64) Errno { _, e := g.read(conn, 10); return e }},
		{"send", func(g *guest, conn uint64) Errno {
			for {
				if _, e := g.send(conn, strings.Repeat("x", 1<<15)); e != success {
					return e
				}
			}
		}},
		{"poll", func(g *guest, conn uint64) Errno {
			in, out, result := g.lay(readable(3), readable(conn)), g.room(64), g.room(4)
			return g.call("poll_oneoff", in, out, 2, result)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, f := listener(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h, err := New(ctx, &wasi.Config{Listeners: []wasi.Listener{{File: f}}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			g := &guest{t: t, h: h, mem: make([]byte, 2<<16)}
			dial(t, l)
			g.await(3)
			g.want(success, "fd_fdstat_set_flags", 3, 0)
			conn, e := g.accept(3, 0)
			if e != success {
				t.Fatal(e)
			}
			var ended time.Time
			time.AfterFunc(20*time.Millisecond, func() {
				ended = time.Now()
				cancel()
			})
			if e := c.call(g, conn); e != Stop {
				t.Errorf("errno %d, want Stop", e)
			} else if late := time.Since(ended); late > soon {
				t.Errorf("%v after the end", late)
			}
		})
	}
}
