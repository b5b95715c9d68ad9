//go:build linux

package preview1

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// blocking is a Reader and Writer that blocks until it is released.
type blocking struct {
	release chan struct{}
	inside  atomic.Int32
}

func (b *blocking) Read([]byte) (int, error) { return b.block() }

func (b *blocking) Write(p []byte) (int, error) { return b.block() }

func (b *blocking) block() (int, error) {
	b.inside.Add(1)
	defer b.inside.Add(-1)
	<-b.release
	return 0, io.EOF
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// TestInterruption: a guest that is blocked is stopped at once when its context ends.
func TestInterruption(t *testing.T) {
	reading := func(g *guest) Errno { _, e := g.read(stdin, 10); return e }
	writing := func(g *guest) Errno {
		for {
			if _, e := g.write(stdout, strings.Repeat("x", 1<<14)); e != success {
				return e
			}
		}
	}
	polling := func(subs ...subscription) func(g *guest) Errno {
		return func(g *guest) Errno {
			in, out, result := g.lay(subs...), g.room(32*len(subs)), g.room(4)
			return g.call("poll_oneoff", in, out, uint64(len(subs)), result)
		}
	}
	emptyPipe := func(t *testing.T, cfg *wasi.Config) { cfg.Stdin, _ = pipe(t) }
	blockedReader := func(t *testing.T, cfg *wasi.Config) {
		b := &blocking{release: make(chan struct{})}
		t.Cleanup(func() { close(b.release) })
		cfg.Stdin = b
	}
	connection := func(t *testing.T, cfg *wasi.Config) {
		near, far := net.Pipe()
		t.Cleanup(func() {
			near.Close()
			far.Close()
		})
		cfg.Stdin, cfg.Stdout = near, near
	}
	socket := func(t *testing.T, cfg *wasi.Config) {
		f, _ := socketPair(t)
		cfg.Stdin, cfg.Stdout = f, f
	}
	for _, c := range []struct {
		name string
		with func(t *testing.T, cfg *wasi.Config)
		call func(g *guest) Errno
	}{
		{"sleep", func(*testing.T, *wasi.Config) {}, polling(after(time.Hour))},
		{"read of an empty pipe", emptyPipe, reading},
		{"poll of an empty pipe", emptyPipe, polling(readable(stdin))},
		{"poll of an empty pipe with a clock", emptyPipe, polling(after(time.Hour), readable(stdin))},
		{"read of a Reader that blocks", blockedReader, reading},
		{"poll of a Reader that blocks", blockedReader, polling(readable(stdin), after(time.Hour))},
		{"read of a connection", connection, reading},
		{"poll of a connection", connection, polling(readable(stdin))},
		{"write to a connection", connection, writing},
		{"read of a socket", socket, reading},
		{"write to a socket", socket, writing},
		{"write to a full pipe", func(t *testing.T, cfg *wasi.Config) { _, cfg.Stdout = pipe(t) }, writing},
		{"poll of a full pipe", func(t *testing.T, cfg *wasi.Config) {
			_, w := pipe(t)
			fill(t, w)
			cfg.Stdout = w
		}, polling(writable(stdout))},
		{"write to a Writer that blocks", func(t *testing.T, cfg *wasi.Config) {
			b := &blocking{release: make(chan struct{})}
			t.Cleanup(func() { close(b.release) })
			cfg.Stdout = b
		}, writing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var cfg wasi.Config
			c.with(t, &cfg)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h, err := New(ctx, &cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			g := &guest{t: t, h: h, mem: make([]byte, 1<<16)}
			var ended time.Time
			time.AfterFunc(20*time.Millisecond, func() {
				ended = time.Now()
				cancel()
			})
			e := c.call(g)
			if ctx.Err() == nil {
				t.Fatalf("did not block: errno %d", e)
			}
			if late := time.Since(ended); e != Stop || late > soon {
				t.Errorf("errno %d, %v after the end", e, late)
			}
			if e := c.call(g); e != Stop {
				t.Errorf("afterwards: errno %d", e)
			}
		})
	}
}

// TestLargeTransferStopped: a call for a gigabyte that never blocks ends with the context too.
func TestLargeTransferStopped(t *testing.T) {
	const size, result, array, buffer = 1 << 30, 0, 8, 1 << 16
	reading := func(g *guest, name string, args ...uint64) Errno {
		binary.LittleEndian.PutUint32(g.mem[array:], buffer)
		binary.LittleEndian.PutUint32(g.mem[array+4:], size-buffer)
		return g.call(name, args...)
	}
	for _, c := range []struct {
		name string
		call func(g *guest, zero uint64) Errno
	}{
		{"random_get", func(g *guest, _ uint64) Errno { return g.call("random_get", buffer, size-buffer) }},
		{"fd_read", func(g *guest, zero uint64) Errno { return reading(g, "fd_read", zero, array, 1, result) }},
		{"fd_pread", func(g *guest, zero uint64) Errno { return reading(g, "fd_pread", zero, array, 1, 0, result) }},
		{"fd_read of stdin", func(g *guest, _ uint64) Errno { return reading(g, "fd_read", stdin, array, 1, result) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Munmap(mem)
			in, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if err := in.Truncate(size); err != nil { // a hole, which takes no space
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h, err := New(ctx, &wasi.Config{Stdin: in, Mounts: []wasi.Mount{{Guest: "/dev", Host: "/dev", ReadOnly: true}}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			g := &guest{t: t, h: h, mem: mem}
			zero := g.open("zero", opening{base: rightRead | rightSeek})
			ended := make(chan time.Time, 1)
			time.AfterFunc(10*time.Millisecond, func() {
				ended <- time.Now()
				cancel()
			})
			binary.LittleEndian.PutUint32(mem[result:], size-buffer) // where there is no result, all is done
			e := c.call(g, zero)
			for e == success && g.u32(result) < size-buffer { // a signal to this process cuts a read of a device short
				e = c.call(g, zero)
			}
			if e != Stop {
				t.Errorf("errno %d after %d bytes, want Stop", e, g.u32(result))
			}
			if late := time.Since(<-ended); late > soon {
				t.Errorf("%v after the end", late)
			}
		})
	}
}

// fill writes to a pipe, which does not block, until there is no room.
func fill(t testing.TB, w *os.File) {
	t.Helper()
	conn, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		for err = nil; err == nil || err == syscall.EINTR; {
			_, err = syscall.Write(int(fd), make([]byte, 4096))
		}
	})
	if err != syscall.EAGAIN {
		t.Fatal(err)
	}
}

// socketPair is two ends of a stream socket, as files.
func socketPair(t testing.TB) (near, far *os.File) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if near, err = conn.File(); err != nil {
		t.Fatal(err)
	}
	if far, err = peer.File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

func TestNonBlocking(t *testing.T) {
	t.Run("pipe", func(t *testing.T) {
		r, w := pipe(t)
		g := newGuest(t, &wasi.Config{Stdin: r})
		g.want(success, "fd_fdstat_set_flags", stdin, flagNonblock)
		if _, e := g.read(stdin, 10); e != eagain {
			t.Errorf("nothing there: errno %d", e)
		}
		w.WriteString("now")
		if s, e := g.read(stdin, 10); e != success || s != "now" {
			t.Errorf("%q, %d", s, e)
		}
		if _, e := g.read(stdin, 10); e != eagain {
			t.Errorf("nothing there again: errno %d", e)
		}
		w.Close()
		if s, e := g.read(stdin, 10); e != success || s != "" {
			t.Errorf("at the end: %q, %d", s, e)
		}
	})
	t.Run("reader", func(t *testing.T) { // begun by the first try, there at a later one
		g := newGuest(t, &wasi.Config{Stdin: strings.NewReader("now")})
		g.want(success, "fd_fdstat_set_flags", stdin, flagNonblock)
		for deadline := time.Now().Add(soon); ; {
			s, e := g.read(stdin, 10)
			if e == success && s == "now" {
				break
			}
			if e != eagain || time.Now().After(deadline) {
				t.Fatalf("%q, %d", s, e)
			}
			g.want(success, "sched_yield")
		}
	})
	t.Run("full pipe", func(t *testing.T) {
		r, w := pipe(t)
		g := newGuest(t, &wasi.Config{Stdout: w})
		g.want(success, "fd_fdstat_set_flags", stdout, flagNonblock)
		total := 0
		for {
			n, e := g.write(stdout, strings.Repeat("x", 10000))
			if e == eagain {
				break
			}
			if e != success || n == 0 {
				t.Fatalf("%d bytes, errno %d", n, e)
			}
			total += n
		}
		if total < 4096 {
			t.Errorf("%d bytes fit into a pipe", total)
		}
		if n, err := io.ReadFull(r, make([]byte, total)); err != nil {
			t.Errorf("%d bytes arrived: %v", n, err)
		}
		if n, e := g.write(stdout, "x", "y"); e != success || n != 2 {
			t.Errorf("%d bytes, errno %d", n, e)
		}
	})
}

func TestPollStreams(t *testing.T) {
	t.Run("input", func(t *testing.T) {
		r, w := pipe(t)
		g := newGuest(t, &wasi.Config{Stdin: r})
		if got := g.poll(t, after(2*time.Millisecond), readable(stdin)); len(got) != 1 || got[0].sub != 0 {
			t.Errorf("nothing there: %+v", got)
		}
		w.WriteString("four")
		if got := g.poll(t, after(time.Hour), readable(stdin)); len(got) != 1 || got[0] != (answer{sub: 1, bytes: 4}) {
			t.Errorf("four bytes: %+v", got)
		}
		time.AfterFunc(5*time.Millisecond, func() { w.Close() })
		if s, e := g.read(stdin, 10); e != success || s != "four" {
			t.Errorf("%q, %d", s, e)
		}
		if got := g.poll(t, readable(stdin)); len(got) != 1 || got[0] != (answer{flags: hangup}) {
			t.Errorf("closed: %+v", got)
		}
	})
	t.Run("input that comes", func(t *testing.T) {
		r, w := io.Pipe()
		g := newGuest(t, &wasi.Config{Stdin: r})
		time.AfterFunc(5*time.Millisecond, func() { w.Write([]byte("late")) })
		if got := g.poll(t, readable(stdin), after(time.Minute)); len(got) != 1 || got[0] != (answer{bytes: 4}) {
			t.Errorf("%+v", got)
		}
		if s, e := g.read(stdin, 10); e != success || s != "late" {
			t.Errorf("%q, %d", s, e)
		}
		w.Close()
	})
	t.Run("output", func(t *testing.T) {
		r, w := pipe(t)
		g := newGuest(t, &wasi.Config{Stdout: w})
		if got := g.poll(t, writable(stdout), after(time.Hour)); len(got) != 1 || got[0] != (answer{}) {
			t.Errorf("empty pipe: %+v", got)
		}
		fill(t, w)
		if got := g.poll(t, writable(stdout), after(2*time.Millisecond)); len(got) != 1 || got[0].sub != 1 {
			t.Errorf("full pipe: %+v", got)
		}
		r.Close()
		if got := g.poll(t, writable(stdout)); len(got) != 1 || got[0].flags != hangup {
			t.Errorf("closed pipe: %+v", got)
		}
	})
	t.Run("files", func(t *testing.T) {
		g, _ := world(t)
		file := g.open("file", opening{base: fileRights})
		dir := g.open("dir", opening{base: dirRights})
		g.read(file, 3)
		got := g.poll(t, readable(file), writable(file), readable(dir), after(time.Hour), readable(none))
		want := []answer{{sub: 0, bytes: 4}, {sub: 1}, {sub: 2, errno: ebadf}, {sub: 4, errno: ebadf}}
		if len(got) != len(want) {
			t.Fatalf("%+v, want %+v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%+v, want %+v", got[i], want[i])
			}
		}
	})
	t.Run("closed by the caller", func(t *testing.T) {
		r, _ := pipe(t)
		g := newGuest(t, &wasi.Config{Stdin: r})
		r.Close()
		if got := g.poll(t, readable(stdin)); len(got) != 1 || got[0].flags != hangup {
			t.Errorf("%+v", got)
		}
		if _, e := g.read(stdin, 1); e != ebadf {
			t.Errorf("errno %d", e)
		}
	})
	t.Run("as often as it goes", func(t *testing.T) {
		r, w := pipe(t)
		w.WriteString("x")
		g := newGuest(t, &wasi.Config{Stdin: r})
		g.mem = make([]byte, 8<<20)
		subs := make([]subscription, maxSubscriptions)
		for i := range subs {
			subs[i] = readable(stdin)
		}
		if got := g.poll(t, subs...); len(got) != len(subs) {
			t.Errorf("%d events", len(got))
		}
	})
}

// TestManyWaiting: one descriptor in more subscriptions than the process may have descriptors is waited for, or refused.
func TestManyWaiting(t *testing.T) {
	r, w := pipe(t)
	g := newGuest(t, &wasi.Config{Stdin: r})
	g.mem = make([]byte, 8<<20)
	subs := make([]subscription, maxSubscriptions)
	for i := range subs {
		subs[i] = readable(stdin)
	}
	in, out, result := g.lay(subs...), g.room(32*len(subs)), g.room(4)
	timer := time.AfterFunc(10*time.Millisecond, func() { w.WriteString("x") })
	defer timer.Stop()
	begun := time.Now()
	e := g.call("poll_oneoff", in, out, uint64(len(subs)), result)
	if e != success && e != einval || time.Since(begun) > soon {
		t.Errorf("errno %d after %v", e, time.Since(begun))
	}
}
