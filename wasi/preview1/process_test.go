package preview1

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestArgumentsAndEnvironment(t *testing.T) {
	for _, c := range []struct {
		name      string
		cfg       wasi.Config
		args, env []string
	}{
		{name: "none"},
		{
			name: "some", cfg: wasi.Config{Args: []string{"prog", "", "ä b"}, Env: []string{"A=1", "B=", "A=2"}},
			args: []string{"prog", "", "ä b"}, env: []string{"A=1", "B=", "A=2"},
		},
		{name: "bytes that are not UTF-8", cfg: wasi.Config{Args: []string{"\xff\xfe"}}, args: []string{"\xff\xfe"}},
		{name: "working directory", cfg: wasi.Config{Env: []string{"A=1"}, Dir: "/work"}, env: []string{"A=1", "PWD=/work"}},
		{name: "PWD wins", cfg: wasi.Config{Env: []string{"PWD=/own"}, Dir: "/work"}, env: []string{"PWD=/own"}},
		{name: "not PWD", cfg: wasi.Config{Env: []string{"PWDX=/own"}, Dir: "/w"}, env: []string{"PWDX=/own", "PWD=/w"}},
		{name: "the directory that guests assume", cfg: wasi.Config{Dir: "/"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t, &c.cfg)
			for prefix, want := range map[string][]string{"args": c.args, "environ": c.env} {
				sizes := g.room(8)
				g.want(success, prefix+"_sizes_get", sizes, sizes+4)
				count, size := g.u32(sizes), g.u32(sizes+4)
				array, data := g.room(4*int(count)), g.room(int(size))
				g.want(success, prefix+"_get", array, data)
				var got []string
				for i := range uint64(count) {
					text, _, ok := bytes.Cut(g.mem[g.u32(array+4*i):data+uint64(size)], []byte{0})
					if !ok {
						t.Fatalf("%s %d has no end", prefix, i)
					}
					got = append(got, string(text))
				}
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
					t.Errorf("%s: %q, want %q", prefix, got, want)
				}
			}
			if len(c.cfg.Env) == 1 && cap(c.cfg.Env) > 1 {
				t.Error("the Config's own slice was extended")
			}
		})
	}
}

// TestEnvironmentIsCopied: to add PWD must not write into the caller's array.
func TestEnvironmentIsCopied(t *testing.T) {
	array := []string{"A=1", "B=2"}
	newGuest(t, &wasi.Config{Env: array[:1], Dir: "/work"})
	if array[1] != "B=2" {
		t.Errorf("the caller's array has %q", array[1])
	}
}

func TestClocks(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	p := g.room(8)
	for _, c := range []struct {
		name string
		id   uint64
		want Errno
	}{
		{"realtime", clockRealtime, success},
		{"monotonic", clockMonotonic, success},
		{"process CPU time", clockProcessCPU, enotsup},
		{"thread CPU time", clockThreadCPU, enotsup},
		{"unknown", 4, einval},
		{"largest", bad, einval},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.want(c.want, "clock_res_get", c.id, p)
			if res := g.u64(p); c.want == success && (res == 0 || res > 1e9) {
				t.Errorf("a resolution of %d ns", res)
			}
			g.want(c.want, "clock_time_get", c.id, 1, p)
			first := g.u64(p)
			g.want(c.want, "clock_time_get", c.id, 1, p)
			if c.id == clockMonotonic && (first == 0 || g.u64(p) < first) {
				t.Errorf("%d, then %d", first, g.u64(p))
			}
		})
	}
	g.want(success, "clock_time_get", clockRealtime, 1, p)
	if d := time.Since(time.Unix(0, int64(g.u64(p)))); d < -time.Minute || d > time.Minute {
		t.Errorf("the guest's time is %v from the host's", d)
	}
}

func TestRandom(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	g.want(success, "random_get", g.room(0), 0)
	p := g.room(64)
	g.want(success, "random_get", p, 32)
	got := g.bytes(p, 64)
	if bytes.Equal(got[:32], bytes.Repeat([]byte{0xaa}, 32)) || !bytes.Equal(got[32:], bytes.Repeat([]byte{0xaa}, 32)) {
		t.Errorf("not 32 bytes at random: %x", got)
	}
	again := g.room(32)
	g.want(success, "random_get", again, 32)
	if bytes.Equal(g.bytes(again, 32), got[:32]) {
		t.Error("the same bytes twice")
	}
	g.mem = make([]byte, 3*chunk/2)
	g.want(success, "random_get", 0, uint64(len(g.mem)))
	if bytes.Equal(g.mem[len(g.mem)-16:], make([]byte, 16)) {
		t.Error("the end of a large buffer is zero")
	}
}

func TestExit(t *testing.T) {
	for _, code := range []uint64{0, 1, 255, 256, bad} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			g := newGuest(t, &wasi.Config{})
			g.want(success, "sched_yield")
			if _, ok := g.h.Exited(); ok {
				t.Error("exited before proc_exit")
			}
			g.want(Stop, "proc_exit", code)
			g.want(Stop, "proc_exit", 77) // the first counts
			if got, ok := g.h.Exited(); !ok || uint64(got) != code {
				t.Errorf("Exited is %d, %v", got, ok)
			}
			for i, f := range Table() { // nothing works any more
				if e := g.h.Call(i, g.mem, make([]uint64, len(f.Params))); e != Stop {
					t.Errorf("%s after proc_exit: %d", f.Name, e)
				}
			}
		})
	}
}

func TestRaiseIsNotSupported(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	for _, signal := range []uint64{0, 1, 9, 15, bad} {
		g.want(enotsup, "proc_raise", signal)
	}
}

func TestSocketsAreNone(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	for name, args := range map[string][]uint64{
		"sock_accept": {1, 0, 0}, "sock_recv": {1, 0, 0, 0, 0, 0}, "sock_send": {1, 0, 0, 0, 0}, "sock_shutdown": {1, 0},
	} {
		g.want(enotsock, name, args...)
		args[0] = 3
		g.want(ebadf, name, args...)
	}
}

// TestEndedContext: nothing is done for a guest whose time is over, whether it ended before or after New.
func TestEndedContext(t *testing.T) {
	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("before New %v", before), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if before {
				cancel()
			}
			var out bytes.Buffer
			h, err := New(ctx, &wasi.Config{Stdout: &out})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			g := &guest{t: t, h: h, mem: make([]byte, 1<<16)}
			if !before {
				if _, e := g.write(1, "a"); e != success {
					t.Errorf("errno %d", e)
				}
				cancel()
				for deadline := time.Now().Add(time.Second); g.call("sched_yield") != Stop; {
					if time.Now().After(deadline) {
						t.Fatal("still running a second after its context ended")
					}
				}
			}
			for i, f := range Table() {
				if e := h.Call(i, g.mem, make([]uint64, len(f.Params))); e != Stop {
					t.Errorf("%s: %d", f.Name, e)
				}
			}
			if _, e := g.write(1, "b"); e != Stop || strings.Contains(out.String(), "b") {
				t.Errorf("%d, written %q", e, out.String())
			}
			if _, ok := h.Exited(); ok || h.Err() != nil {
				t.Errorf("exited %v, error %v", ok, h.Err())
			}
		})
	}
}

func TestCallsAreCounted(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	for range 5 {
		g.call("sched_yield")
	}
	g.want(ebadf, "fd_close", 99)
	if n := g.h.Calls(); n != 6 {
		t.Errorf("%d calls, want 6", n)
	}
}

// TestPanic: a defect of the host's ends the guest and is told, and does not get into an engine's frames.
func TestPanic(t *testing.T) {
	h, err := New(t.Context(), &wasi.Config{Stdin: nil})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	h.fds.list[0] = &descriptor{base: inputRights} // refers to nothing, which no descriptor does
	if e := h.Call(indexes["fd_fdstat_get"], make([]byte, 64), []uint64{0, 0}); e != Stop {
		t.Errorf("errno %d", e)
	}
	if h.Err() == nil || !strings.Contains(h.Err().Error(), "preview1: fd_fdstat_get: panic: ") {
		t.Errorf("error %v", h.Err())
	}
	if e := h.Call(indexes["sched_yield"], nil, nil); e != Stop {
		t.Errorf("afterwards: errno %d", e)
	}
}
