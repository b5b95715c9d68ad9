package preview1

import (
	"encoding/binary"
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

func (h *Host) poll(m memory, a []uint64, layout subscriptions) Errno {
	n := uint32(a[2])
	if n == 0 || n > maxSubscriptions {
		return einval
	}
	subs := m.bytes(uint32(a[0]), n*layout.size)
	out := m.bytes(uint32(a[1]), n*eventSize)
	result := m.bytes(uint32(a[3]), 4)

	var earliest time.Time                // of the clocks; zero where there is none
	deadlines := make([]time.Time, 0, 4)  // of each clock
	events := make([]*event, n)           // known without waiting: errors
	streams := make([]vfs.Pollable, 0, 2) // to wait for
	waiting := make([]uint32, 0, 2)       // their subscriptions
	clocks := make([]uint32, 0, 4)        // the clocks' subscriptions
	known, answered := false, false
	for i := range n {
		s := subs[i*layout.size:]
		switch s[8] {
		case eventClock:
			at, e := clockDeadline(s[layout.clock:])
			if e != success {
				events[i], known = &event{errno: e}, true
				continue
			}
			clocks, deadlines = append(clocks, i), append(deadlines, at)
			if earliest.IsZero() || at.Before(earliest) {
				earliest = at
			}
		case eventRead, eventWrite:
			stream, ev := h.subscribe(binary.LittleEndian.Uint32(s[16:]), s[8])
			if ev != nil {
				events[i], known = ev, true
				continue
			}
			streams, waiting = append(streams, stream), append(waiting, i)
		default:
			return einval
		}
	}
	if known {
		earliest = atOnce // look at the others without waiting
	}
	if len(streams) == 0 && !known {
		if !h.stop.Sleep(earliest) {
			return Stop
		}
	} else {
		ready, err := vfs.Poll(h.stop, earliest, streams)
		if err == vfs.ErrStopped {
			return Stop
		} else if err != nil {
			return errnoOf(err)
		}
		for k, r := range ready {
			if r != nil {
				answered = true
				ev := &event{bytes: r.Bytes}
				if r.Hangup {
					ev.flags = hangup
				}
				events[waiting[k]] = ev
			}
		}
	}
	// Wall clock time may be set back meanwhile, but what was waited for has come.
	reached := time.Now()
	if !known && !answered && reached.Before(earliest) {
		reached = earliest
	}
	for k, at := range deadlines {
		if !at.After(reached) {
			events[clocks[k]] = &event{}
		}
	}
	count := uint32(0)
	for i, ev := range events {
		if ev == nil {
			continue
		}
		s, b := subs[uint32(i)*layout.size:], out[count*eventSize:(count+1)*eventSize]
		userdata, kind := binary.LittleEndian.Uint64(s), s[8]
		clear(b)
		binary.LittleEndian.PutUint64(b[0:], userdata)
		binary.LittleEndian.PutUint16(b[8:], uint16(ev.errno))
		b[10] = kind
		binary.LittleEndian.PutUint64(b[16:], ev.bytes)
		binary.LittleEndian.PutUint16(b[24:], ev.flags)
		count++
	}
	putLE32(result, count)
	return success
}

// clockDeadline reads a clock subscription from its id on. A time that Go's clock cannot reach is as good as never.
func clockDeadline(s []byte) (time.Time, Errno) {
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
		return time.Now().Add(time.Duration(d)), success
	case id == clockRealtime:
		return time.Unix(0, d), success
	}
	return begun.Add(time.Duration(d)), success
}

// subscribe returns the stream to wait for, or what is known at once of descriptor fd.
func (h *Host) subscribe(fd uint32, kind uint8) (vfs.Pollable, *event) {
	need := rightPollReadwrite | rightRead
	if kind == eventWrite {
		need = rightPollReadwrite | rightWrite
	}
	d, e := h.open(uint64(fd), 0)
	switch {
	case e != success:
		return nil, &event{errno: e}
	case d.dir != nil:
		return nil, &event{errno: ebadf}
	case !d.has(need):
		return nil, &event{errno: enotcapable}
	case d.in != nil:
		return d.in, nil
	case d.out != nil:
		return d.out, nil
	case d.sock != nil && kind == eventRead:
		return d.sock.Readable(), nil
	case d.sock != nil:
		return d.sock.Writable(), nil
	case kind == eventRead:
		return d.file.Readable(), nil
	}
	return d.file.Writable(), nil
}
