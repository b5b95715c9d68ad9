package preview1

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// subscription is one of poll_oneoff's, of a clock where fd is negative.
type subscription struct {
	kind    uint8
	fd      int64
	clock   uint32
	timeout uint64
	flags   uint16
}

func readable(fd uint64) subscription { return subscription{kind: eventRead, fd: int64(fd)} }
func writable(fd uint64) subscription { return subscription{kind: eventWrite, fd: int64(fd)} }

func after(d time.Duration) subscription {
	return subscription{kind: eventClock, fd: -1, clock: clockMonotonic, timeout: uint64(d)}
}

// answer is an event and which subscription it answers.
type answer struct {
	sub   int
	errno Errno
	bytes uint64
	flags uint16
}

// lay writes subscriptions into memory.
func (g *guest) lay(subs ...subscription) (ptr uint64) {
	p := g.room(subscriptionSize * len(subs))
	le := binary.LittleEndian
	for i, s := range subs {
		b := g.mem[int(p)+subscriptionSize*i:]
		le.PutUint64(b, 1<<40+uint64(i))
		b[8] = s.kind
		if s.fd >= 0 {
			le.PutUint32(b[16:], uint32(s.fd))
			continue
		}
		le.PutUint32(b[16:], s.clock)
		le.PutUint64(b[24:], s.timeout)
		le.PutUint16(b[40:], s.flags)
	}
	return p
}

// poll calls poll_oneoff, which must succeed, and checks the events' form.
func (g *guest) poll(t *testing.T, subs ...subscription) []answer {
	t.Helper()
	in, out, result := g.lay(subs...), g.room(eventSize*len(subs)), g.room(4)
	if e := g.call("poll_oneoff", in, out, uint64(len(subs)), result); e != success {
		t.Fatalf("poll_oneoff: errno %d", e)
	}
	var answers []answer
	for i := range uint64(g.u32(result)) {
		p := out + eventSize*i
		a := answer{
			int(g.u64(p) - 1<<40), Errno(binary.LittleEndian.Uint16(g.mem[p+8:])), g.u64(p + 16),
			binary.LittleEndian.Uint16(g.mem[p+24:]),
		}
		if a.sub < 0 || a.sub >= len(subs) || g.mem[p+10] != subs[a.sub].kind {
			t.Fatalf("event %d answers subscription %d with type %d", i, a.sub, g.mem[p+10])
		}
		answers = append(answers, a)
	}
	if len(answers) == 0 {
		t.Error("no event")
	}
	return answers
}

func TestPollClocks(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	now := func(clock uint64) uint64 {
		p := g.room(8)
		g.want(success, "clock_time_get", clock, 0, p)
		return g.u64(p)
	}
	const (
		ms    = uint64(time.Millisecond)
		never = uint64(time.Hour)
	)
	clock := func(id uint32, timeout uint64, flags uint16) subscription {
		return subscription{kind: eventClock, fd: -1, clock: id, timeout: timeout, flags: flags}
	}
	for _, c := range []struct {
		name string
		subs func() []subscription
		want []answer
		wait time.Duration // at least
	}{
		{"relative monotonic", func() []subscription { return []subscription{clock(clockMonotonic, 5*ms, 0)} }, []answer{{}}, 5 * time.Millisecond},
		{"relative realtime", func() []subscription { return []subscription{clock(clockRealtime, 5*ms, 0)} }, []answer{{}}, 5 * time.Millisecond},
		{"absolute monotonic", func() []subscription {
			return []subscription{clock(clockMonotonic, now(clockMonotonic)+5*ms, clockAbsolute)}
		}, []answer{{}}, 4 * time.Millisecond},
		{"absolute realtime", func() []subscription {
			return []subscription{clock(clockRealtime, now(clockRealtime)+5*ms, clockAbsolute)}
		}, []answer{{}}, 4 * time.Millisecond},
		{"zero", func() []subscription { return []subscription{clock(clockMonotonic, 0, 0)} }, []answer{{}}, 0},
		{"past", func() []subscription { return []subscription{clock(clockRealtime, 1, clockAbsolute)} }, []answer{{}}, 0},
		{"past monotonic", func() []subscription { return []subscription{clock(clockMonotonic, 0, clockAbsolute)} }, []answer{{}}, 0},
		{"the first of several", func() []subscription {
			return []subscription{clock(clockMonotonic, math.MaxUint64, 0), clock(clockRealtime, 2*ms, 0), clock(clockMonotonic, never, 0)}
		}, []answer{{sub: 1}}, 2 * time.Millisecond},
		{"several at once", func() []subscription {
			return []subscription{clock(clockMonotonic, 0, 0), clock(clockMonotonic, never, 0), clock(clockRealtime, 0, 0)}
		}, []answer{{sub: 0}, {sub: 2}}, 0},
		{"unknown clock", func() []subscription { return []subscription{clock(4, 0, 0)} }, []answer{{errno: einval}}, 0},
		{"CPU clock", func() []subscription { return []subscription{clock(clockProcessCPU, 0, 0)} }, []answer{{errno: enotsup}}, 0},
		{"unknown flag", func() []subscription { return []subscription{clock(clockMonotonic, 0, 2)} }, []answer{{errno: einval}}, 0},
		{"an error does not wait", func() []subscription {
			return []subscription{clock(clockMonotonic, never, 0), clock(4, 0, 0)}
		}, []answer{{sub: 1, errno: einval}}, 0},
		{"not open", func() []subscription { return []subscription{readable(none)} }, []answer{{errno: ebadf}}, 0},
		{"not open for writing", func() []subscription { return []subscription{after(time.Hour), writable(bad)} }, []answer{{sub: 1, errno: ebadf}}, 0},
		{"stdin written to", func() []subscription { return []subscription{writable(stdin)} }, []answer{{errno: enotcapable}}, 0},
		{"stdout read from", func() []subscription { return []subscription{readable(stdout)} }, []answer{{errno: enotcapable}}, 0},
		{"empty stdin", func() []subscription { return []subscription{readable(stdin)} }, []answer{{flags: hangup}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			subs := c.subs()
			begun := time.Now()
			got := g.poll(t, subs...)
			took := time.Since(begun)
			if took < c.wait || took > c.wait+soon {
				t.Errorf("took %v, want about %v", took, c.wait)
			}
			if len(got) != len(c.want) {
				t.Fatalf("%+v, want %+v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("%+v, want %+v", got[i], c.want[i])
				}
			}
		})
	}
}

func TestPollArguments(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	in, out, result := g.lay(after(0)), g.room(eventSize), g.room(4)
	g.want(einval, "poll_oneoff", in, out, 0, result)
	g.want(einval, "poll_oneoff", in, out, maxSubscriptions+1, result)
	g.want(einval, "poll_oneoff", in, out, bad, result)
	g.want(efault, "poll_oneoff", in, out, maxSubscriptions, result)
	unknown := g.lay(subscription{kind: 3, fd: -1})
	g.want(einval, "poll_oneoff", unknown, out, 1, result)
	// The events may be written over the subscriptions.
	g.want(success, "poll_oneoff", in, in, 1, result)
	if g.u32(result) != 1 || g.u64(in) != 1<<40 {
		t.Errorf("%d events, userdata %x", g.u32(result), g.u64(in))
	}
}

// TestManySubscriptions: the most that one call takes is bounded work.
func TestManySubscriptions(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	g.mem = make([]byte, 8<<20)
	subs := make([]subscription, maxSubscriptions)
	for i := range subs {
		subs[i] = after(time.Duration(i%2) * time.Hour)
	}
	begun := time.Now()
	if got := g.poll(t, subs...); len(got) != len(subs)/2 {
		t.Errorf("%d events", len(got))
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("took %v", took)
	}
}

// TestPollMemory: the host keeps as little for the most subscriptions as for one.
func TestPollMemory(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	g.mem = make([]byte, 8<<20)
	subs := make([]subscription, maxSubscriptions)
	for i := range subs {
		subs[i] = after(time.Hour)
		if i%2 == 0 {
			subs[i] = readable(stdin)
		}
	}
	in, out, result := g.lay(subs...), g.room(eventSize*len(subs)), g.room(4)
	if n := testing.AllocsPerRun(10, func() {
		g.want(success, "poll_oneoff", in, out, maxSubscriptions, result)
	}); n > 20 {
		t.Errorf("%v allocations", n)
	}
	if n := g.u32(result); n != maxSubscriptions/2 {
		t.Errorf("%d events", n)
	}
}
