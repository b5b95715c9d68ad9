package preview1

import (
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

const (
	subscriptionSize = 48
	eventSize        = 32
	// maxSubscriptions bounds the work and the memory of one poll.
	maxSubscriptions = 1 << 16
)

// eventtype.
const (
	eventClock = 0
	eventRead  = 1
	eventWrite = 2
)

// clockAbsolute is the flag of a clock subscription whose timeout is a time rather than a duration.
const (
	clockAbsolute = 1 << 0
	allClockFlags = clockAbsolute
)

// hangup is the flag of an event whose other end is gone.
const hangup = 1 << 0

// event is what is known of a subscription.
type event struct {
	errno Errno
	bytes uint64
	flags uint16
}

// subscriptions is how a guest lays them out.
type subscriptions struct {
	size  uint32
	clock uint32 // where the id of a clock is; the rest of it follows
}

func pollOneoff(h *Host, m memory, a []uint64) Errno {
	return h.poll(m, a, subscriptions{size: subscriptionSize, clock: 16})
}

// poll reads the subscriptions twice, before and after the wait, and keeps nothing of them meanwhile but what there is to
// wait for: of a guest that is blocked the host holds no more than its descriptors. Events may be written over
// the subscriptions that they answer.
func (h *Host) poll(m memory, a []uint64, layout subscriptions) Errno {
	n := uint32(a[2])
	if n == 0 || n > maxSubscriptions {
		return einval
	}
	subs := m.bytes(uint32(a[0]), n*layout.size)
	out := m.bytes(uint32(a[1]), n*eventSize)
	result := m.bytes(uint32(a[3]), 4)

	begun := time.Now()
	var earliest time.Time // of the clocks; zero where there is none
	streams := streamsOf{h: h}
	known := false // without waiting: an error
	for s := range layout.each(subs) {
		switch s[8] {
		case eventClock:
			at, e := clockDeadline(s[layout.clock:], begun)
			switch {
			case e != success:
				known = true
			case earliest.IsZero() || at.Before(earliest):
				earliest = at
			}
		case eventRead, eventWrite:
			if _, e := streams.add(s); e != success {
				known = true
			}
		default:
			return einval
		}
	}
	if known {
		earliest = atOnce // look at the others without waiting
	}
	answered := false
	var ready []*vfs.Readiness
	if len(streams.list) == 0 && !known {
		if !h.stop.Sleep(earliest) {
			return Stop
		}
	} else {
		var err error
		if ready, err = vfs.Poll(h.stop, earliest, streams.list); err != nil {
			return h.stopOr(err)
		}
		answered = slices.ContainsFunc(ready, func(r *vfs.Readiness) bool { return r != nil })
	}
	// Wall clock time may be set back meanwhile, but what was waited for has come.
	reached := time.Now()
	if !known && !answered && reached.Before(earliest) {
		reached = earliest
	}
	count := uint32(0)
	for s := range layout.each(subs) {
		var ev event
		happened := false
		switch s[8] {
		case eventClock:
			at, e := clockDeadline(s[layout.clock:], begun)
			ev.errno, happened = e, e != success || !at.After(reached)
		case eventRead, eventWrite:
			k, e := streams.add(s)
			if ev.errno, happened = e, e != success; e == success && k < len(ready) && ready[k] != nil {
				happened, ev.bytes = true, ready[k].Bytes
				if ready[k].Hangup {
					ev.flags = hangup
				}
			}
		}
		if happened {
			ev.put(out[count*eventSize:(count+1)*eventSize], s)
			count++
		}
	}
	putLE32(result, count)
	return success
}

// each is every subscription.
func (l subscriptions) each(subs []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for ; len(subs) > 0 && yield(subs[:l.size]); subs = subs[l.size:] {
		}
	}
}

// put writes the event that answers s, which it may overwrite.
func (ev event) put(b, s []byte) {
	userdata, kind := binary.LittleEndian.Uint64(s), s[8]
	clear(b)
	binary.LittleEndian.PutUint64(b[0:], userdata)
	binary.LittleEndian.PutUint16(b[8:], uint16(ev.errno))
	b[10] = kind
	binary.LittleEndian.PutUint64(b[16:], ev.bytes)
	binary.LittleEndian.PutUint16(b[24:], ev.flags)
}

// clockDeadline reads a clock subscription from its id on. A time that Go's clock cannot reach is as good as never.
func clockDeadline(s []byte, now time.Time) (time.Time, Errno) {
	id := binary.LittleEndian.Uint32(s)
	timeout := binary.LittleEndian.Uint64(s[8:])
	flags := binary.LittleEndian.Uint16(s[24:])
	if e := checkClock(id); e != success {
		return time.Time{}, e
	}
	if flags&^allClockFlags != 0 {
		return time.Time{}, einval
	}
	const never = 1 << 62 // 146 years
	d := int64(min(timeout, never))
	switch {
	case flags&clockAbsolute == 0:
		return now.Add(time.Duration(d)), success
	case id == clockRealtime:
		return time.Unix(0, d), success
	}
	return begun.Add(time.Duration(d)), success
}

// streamsOf is what one poll waits for: each direction of a descriptor once, however many subscriptions there are to it.
type streamsOf struct {
	h     *Host
	list  []vfs.Pollable
	index map[uint64]int // in list, by descriptor and direction
}

// add returns where in the list the stream of a subscription is, or what is known of it at once.
func (l *streamsOf) add(s []byte) (int, Errno) {
	fd, kind := binary.LittleEndian.Uint32(s[16:]), s[8]
	key := uint64(fd)<<8 | uint64(kind)
	if at, ok := l.index[key]; ok {
		return at, success
	}
	stream, e := l.h.subscribe(fd, kind)
	if e != success {
		return 0, e
	}
	if l.index == nil {
		l.index = make(map[uint64]int)
	}
	l.index[key] = len(l.list)
	l.list = append(l.list, stream)
	return len(l.list) - 1, success
}

// subscribe returns the stream to wait for, or what is known at once of descriptor fd.
func (h *Host) subscribe(fd uint32, kind uint8) (vfs.Pollable, Errno) {
	need := rightPollReadwrite | rightRead
	if kind == eventWrite {
		need = rightPollReadwrite | rightWrite
	}
	d, e := h.open(uint64(fd), 0)
	switch {
	case e != success:
		return nil, e
	case d.dir != nil:
		return nil, ebadf
	case !d.has(need):
		return nil, enotcapable
	case d.in != nil:
		return d.in, success
	case d.out != nil:
		return d.out, success
	case d.sock != nil && kind == eventRead:
		return d.sock.Readable(), success
	case d.sock != nil:
		return d.sock.Writable(), success
	case kind == eventRead:
		return d.file.Readable(), success
	}
	return d.file.Writable(), success
}
