package preview2

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// guest calls a Host as a component does.
type guest struct {
	testing.TB
	*Host
}

func start(t testing.TB, cfg *wasi.Config) *guest {
	t.Helper()
	return startWith(t, t.Context(), cfg)
}

func startWith(t testing.TB, ctx context.Context, cfg *wasi.Config) *guest {
	t.Helper()
	h, err := New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &guest{t, h}
}

// call calls "interface function", which must not end the guest.
func (g *guest) call(what string, args ...Value) Value {
	g.Helper()
	v, err := g.try(what, args...)
	if err != nil {
		g.Fatalf("%s: %v (%v, %v)", what, err, g.Violation(), g.Err())
	}
	return v
}

func (g *guest) try(what string, args ...Value) (Value, error) {
	g.Helper()
	iface, name, _ := strings.Cut(what, " ")
	i, ok := Find("wasi:"+iface+"@0.2.3", name)
	if !ok {
		g.Fatalf("no function %s", what)
	}
	return g.Call(i, args)
}

// ok calls a function whose result must be ok, and returns what is in it.
func (g *guest) ok(what string, args ...Value) Value {
	g.Helper()
	r := g.call(what, args...).(Result)
	if r.Err {
		g.Fatalf("%s: %v", what, r.Value)
	}
	return r.Value
}

// fails calls a function whose result must be this error.
func (g *guest) fails(want Value, what string, args ...Value) {
	g.Helper()
	if r := g.call(what, args...).(Result); !r.Err || !reflect.DeepEqual(r.Value, want) {
		g.Errorf("%s: got %+v, want the error %v", what, r, want)
	}
}

// descriptor calls a method of a descriptor; file is shorter for its type.
const (
	file = "filesystem/types [method]descriptor."
	in   = "io/streams [method]input-stream."
	out  = "io/streams [method]output-stream."
)

// root is the first preopen.
func (g *guest) root() Resource {
	g.Helper()
	return g.call("filesystem/preopens get-directories").(List)[0].(Tuple)[0].(Resource)
}

func TestTable(t *testing.T) {
	for i, f := range Table() {
		if strings.Contains(f.Type, "$") {
			t.Errorf("%s %s has a type that is not written out: %s", f.Interface, f.Name, f.Type)
		}
		if f.Name == "" { // any method
			continue
		}
		for _, version := range []string{"0.2.0", "0.2.12"} {
			if got, ok := Find(f.Interface+"@"+version, f.Name); !ok || got != i {
				t.Errorf("%s@%s %s is %d, %v, want %d", f.Interface, version, f.Name, got, ok, i)
			}
		}
	}
	for _, missing := range [][2]string{
		{"wasi:cli/environment", "get-arguments"},
		{"wasi:cli/environment@0.3.0", "get-arguments"},
		{"wasi:cli/environment@0.20.0", "get-arguments"},
		{"wasi:cli/environment@0.2.0", "get-nothing"},
		{"wasi:http/types@0.2.0", "[constructor]fields"},
		{"wasi:io/streams@0.2.0", "[method]tcp-socket.accept"},
		{"my:cli/environment@0.2.0", "get-arguments"},
	} {
		if _, ok := Find(missing[0], missing[1]); ok {
			t.Errorf("%s %s is found", missing[0], missing[1])
		}
	}
	if _, ok := FindResource("wasi:io/streams@0.2.0", "input-stream"); !ok {
		t.Error("input-stream is not found")
	}
	for _, missing := range [][2]string{{"wasi:http/types@0.2.0", "input-stream"}, {"wasi:io/streams@0.2.0", "fields"}, {"wasi:io/streams@0.3.0", "input-stream"}} {
		if _, ok := FindResource(missing[0], missing[1]); ok {
			t.Errorf("the resource %s %s is found", missing[0], missing[1])
		}
	}
}

func TestEnvironment(t *testing.T) {
	g := start(t, &wasi.Config{Args: []string{"a", "b=c"}, Env: []string{"K=v=w", "E="}, Dir: "/work"})
	for what, want := range map[string]Value{
		"cli/environment get-arguments":         List{"a", "b=c"},
		"cli/environment get-environment":       List{Tuple{"K", "v=w"}, Tuple{"E", ""}, Tuple{"PWD", "/work"}},
		"cli/environment initial-cwd":           Option{"/work"},
		"cli/terminal-stdin get-terminal-stdin": Option{},
	} {
		if got := g.call(what); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	if g.Calls() != 4 {
		t.Errorf("%d calls were counted, want 4", g.Calls())
	}
	if got := start(t, &wasi.Config{}).call("cli/environment initial-cwd"); got != (Option{}) {
		t.Errorf("without a directory initial-cwd is %v", got)
	}
}

func TestExit(t *testing.T) {
	for _, tt := range []struct {
		what string
		arg  Value
		code uint32
	}{
		{"cli/exit exit", Result{}, 0},
		{"cli/exit exit", Result{Err: true}, 1},
		{"cli/exit exit-with-code", uint8(7), 7},
	} {
		g := start(t, &wasi.Config{})
		if _, err := g.try(tt.what, tt.arg); err != ErrStopped {
			t.Errorf("%s: got the error %v", tt.what, err)
		}
		if code, ok := g.Exited(); !ok || code != tt.code {
			t.Errorf("%s %v: exited with %d, %v, want %d", tt.what, tt.arg, code, ok, tt.code)
		}
		if _, err := g.try("cli/environment get-arguments"); err != ErrStopped {
			t.Errorf("a guest that has exited goes on: %v", err)
		}
	}
}

func TestInvalid(t *testing.T) {
	for field, cfg := range map[string]*wasi.Config{
		"Args[1]":        {Args: []string{"a", "\xff"}},
		"Env[0]":         {Env: []string{"A=\xff"}},
		"Listeners":      {Listeners: make([]wasi.Listener, 1)},
		"Mounts[0].Host": {Mounts: []wasi.Mount{{Guest: "/m", Host: filepath.Join(t.TempDir(), "missing")}}},
	} {
		_, err := New(t.Context(), cfg)
		var wrong *wasi.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("got the error %v, want one about %s", err, field)
		}
	}
}

func TestStreams(t *testing.T) {
	var stdout strings.Builder
	g := start(t, &wasi.Config{Stdin: strings.NewReader("input"), Stdout: &stdout})
	stdin := g.call("cli/stdin get-stdin")
	for _, tt := range []struct {
		what string
		n    uint64
		want Value
	}{
		{"read", 2, []byte("in")},
		{"skip", 1, uint64(1)},
		{"blocking-read", 0, []byte(nil)},
		{"blocking-read", 1 << 40, []byte("ut")},
	} {
		if got := g.ok(in+tt.what, stdin, tt.n); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %d: got %q, want %q", tt.what, tt.n, got, tt.want)
		}
	}
	closed := Variant{Case: "closed"}
	g.fails(closed, in+"read", stdin, uint64(1))
	g.fails(closed, in+"blocking-skip", stdin, uint64(1))

	w := g.call("cli/stdout get-stdout")
	if n := g.ok(out+"check-write", w).(uint64); n != chunk {
		t.Errorf("check-write allows %d bytes, want %d", n, chunk)
	}
	g.ok(out+"write", w, []byte("one "))
	g.ok(out+"write", w, List{}) // an empty list says not of what
	g.ok(out+"blocking-write-and-flush", w, []byte("two "))
	g.ok(out+"blocking-write-zeroes-and-flush", w, uint64(2))
	g.ok(out+"flush", w)
	g.ok(out+"blocking-flush", w)
	if got, want := stdout.String(), "one two \x00\x00"; got != want {
		t.Errorf("the guest wrote %q, want %q", got, want)
	}
	p := g.call(out+"subscribe", w)
	if got := g.call("io/poll [method]pollable.ready", p); got != true {
		t.Errorf("a writer is not ready")
	}
}

// broken takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (broken) Read([]byte) (int, error)  { return 0, errors.New("no luck") }

func TestStreamFails(t *testing.T) {
	g := start(t, &wasi.Config{Stdin: broken{}, Stdout: broken{}})
	stdin, stdout := g.call("cli/stdin get-stdin"), g.call("cli/stdout get-stdout")
	for what, r := range map[string]Value{
		in + "blocking-read":             g.call(in+"blocking-read", stdin, uint64(1)),
		out + "blocking-write-and-flush": g.call(out+"blocking-write-and-flush", stdout, []byte("x")),
	} {
		failed, ok := r.(Result).Value.(Variant)
		if !ok || failed.Case != "last-operation-failed" {
			t.Errorf("%s: got %+v, want an error", what, r)
			continue
		}
		if text := g.call("io/error [method]error.to-debug-string", failed.Value).(string); text == "" {
			t.Errorf("%s: the error says nothing", what)
		}
		g.call("filesystem/types filesystem-error-code", failed.Value)
	}
	g.fails(Variant{Case: "closed"}, in+"read", stdin, uint64(1))
	g.fails(Variant{Case: "closed"}, out+"check-write", stdout)
	g.fails(Variant{Case: "closed"}, out+"blocking-flush", stdout)
}

// TestViolation: what a guest must not do ends it, and nothing else.
func TestViolation(t *testing.T) {
	for name, act := range map[string]func(g *guest) error{
		"write without permission": func(g *guest) error {
			_, err := g.try(out+"write", g.call("cli/stdout get-stdout"), []byte("x"))
			return err
		},
		"write more than permitted": func(g *guest) error {
			w := g.call("cli/stdout get-stdout")
			g.ok(out+"check-write", w)
			_, err := g.try(out+"write", w, make([]byte, chunk+1))
			return err
		},
		"flush too much": func(g *guest) error {
			_, err := g.try(out+"blocking-write-and-flush", g.call("cli/stdout get-stdout"), make([]byte, maxFlushed+1))
			return err
		},
		"poll nothing":    func(g *guest) error { _, err := g.try("io/poll poll", List{}); return err },
		"too much chance": func(g *guest) error { _, err := g.try("random/random get-random-bytes", uint64(1<<40)); return err },
		"a forged handle": func(g *guest) error { _, err := g.try(file+"stat", Resource{typeDescriptor, 5}); return err },
		"a dropped handle": func(g *guest) error {
			p := g.call("clocks/monotonic-clock subscribe-duration", uint64(0)).(Resource)
			g.Drop(p)
			g.Drop(p)
			_, err := g.try("io/poll [method]pollable.ready", p)
			return err
		},
		"another's handle": func(g *guest) error {
			w := g.call("cli/stdout get-stdout").(Resource)
			_, err := g.try(in+"read", Resource{typeInput, w.Rep}, uint64(1))
			return err
		},
		"a socket's method": func(g *guest) error { _, err := g.try("sockets/tcp [method]tcp-socket.accept", Resource{}); return err },
		"too many resources": func(g *guest) error {
			for {
				if _, err := g.try("clocks/monotonic-clock subscribe-duration", uint64(0)); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, &wasi.Config{})
			if err := act(g); err != ErrStopped {
				t.Errorf("got the error %v, want ErrStopped", err)
			}
			if g.Violation() == nil || g.Err() != nil {
				t.Errorf("violation %v, error %v; want a violation", g.Violation(), g.Err())
			}
			if _, exited := g.Exited(); exited {
				t.Error("the guest exited")
			}
		})
	}
}

// TestDefect: a panic in the host is its own failure, never the guest's, and goes no further.
func TestDefect(t *testing.T) {
	g := start(t, &wasi.Config{})
	if _, err := g.try("io/poll poll", "no list"); err != ErrStopped || g.Err() == nil || g.Violation() != nil {
		t.Errorf("got %v, error %v, violation %v", err, g.Err(), g.Violation())
	}
}

func TestInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, wait := range map[string]func(g *guest) error{
		"read": func(g *guest) error {
			_, err := g.try(in+"blocking-read", g.call("cli/stdin get-stdin"), uint64(1))
			return err
		},
		"block": func(g *guest) error {
			_, err := g.try("io/poll [method]pollable.block", g.call(in+"subscribe", g.call("cli/stdin get-stdin")))
			return err
		},
		"sleep": func(g *guest) error {
			_, err := g.try("io/poll poll", List{g.call("clocks/monotonic-clock subscribe-duration", uint64(time.Hour))})
			return err
		},
		"for ever": func(g *guest) error {
			_, err := g.try("io/poll [method]pollable.block", g.call("clocks/monotonic-clock subscribe-instant", ^uint64(0)))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			g := startWith(t, ctx, &wasi.Config{Stdin: r})
			time.AfterFunc(20*time.Millisecond, cancel)
			if err := wait(g); err != ErrStopped {
				t.Errorf("got the error %v, want ErrStopped", err)
			}
			if g.Err() != nil || g.Violation() != nil {
				t.Errorf("error %v, violation %v", g.Err(), g.Violation())
			}
		})
	}
}

func TestPoll(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	g := start(t, &wasi.Config{Stdin: r})
	stdin := g.call("cli/stdin get-stdin")
	if got := g.ok(in+"read", stdin, uint64(1)).([]byte); len(got) != 0 {
		t.Errorf("an empty pipe has %q", got)
	}
	arrives := g.call(in+"subscribe", stdin)
	soon := g.call("clocks/monotonic-clock subscribe-duration", uint64(time.Millisecond))
	late := g.call("clocks/monotonic-clock subscribe-duration", uint64(time.Hour))
	if got := g.call("io/poll poll", List{late, arrives, soon}); !reflect.DeepEqual(got, List{uint32(2)}) {
		t.Errorf("ready are %v, want the last", got)
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if got := g.call("io/poll poll", List{late, arrives, soon}); !reflect.DeepEqual(got, List{uint32(1), uint32(2)}) {
		t.Errorf("ready are %v, want the last two", got)
	}
	if got := g.call("io/poll [method]pollable.ready", late); got != false {
		t.Error("an hour is over")
	}
	g.call("io/poll [method]pollable.block", arrives)
	if got := g.ok(in+"read", stdin, uint64(5)); !reflect.DeepEqual(got, []byte("x")) {
		t.Errorf("got %q", got)
	}
}

func TestSockets(t *testing.T) {
	g := start(t, &wasi.Config{})
	n := g.call("sockets/instance-network instance-network")
	g.fails(Enum("access-denied"), "sockets/tcp-create-socket create-tcp-socket", Enum("ipv4"))
	g.fails(Enum("access-denied"), "sockets/udp-create-socket create-udp-socket", Enum("ipv6"))
	g.fails(Enum("access-denied"), "sockets/ip-name-lookup resolve-addresses", n, "localhost")
}

func TestClocksAndRandom(t *testing.T) {
	g := start(t, &wasi.Config{})
	one, other := g.call("clocks/monotonic-clock now").(uint64), g.call("clocks/monotonic-clock now").(uint64)
	if one == 0 || other < one {
		t.Errorf("the clock went from %d to %d", one, other)
	}
	now := g.call("clocks/wall-clock now").(Record)
	if d := time.Since(time.Unix(int64(now[0].Value.(uint64)), int64(now[1].Value.(uint32)))); d < 0 || d > time.Minute {
		t.Errorf("the wall clock is %v late", d)
	}
	b, c := g.call("random/random get-random-bytes", uint64(32)), g.call("random/insecure get-insecure-random-bytes", uint64(32))
	if len(b.([]byte)) != 32 || reflect.DeepEqual(b, c) {
		t.Errorf("random bytes are %x and %x", b, c)
	}
	if g.call("random/random get-random-u64") == g.call("random/random get-random-u64") {
		t.Error("two random numbers are the same")
	}
}
