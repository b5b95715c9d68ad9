package wazero

import (
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// Compiled code without checks is left by host calls and its end alone. While it runs in a loop, Go cannot stop its goroutine,
// so a collection that begins waits for it, and whoever needs the collection waits, too. So no collection may begin but by
// the guest itself, in a host call; and other goroutines need a processor of their own.

// heapFloor is what the heap may grow to before a guest without checks collects, in bytes; beyond, it may double. Where Go's memory
// limit leaves less, it is that, but heapStep more than what is live at least, or an eighth of that, so that a limit which is too low
// does not mean collecting all the time. callsBetween is how many host calls pass between two looks at the heap's size.
const (
	heapFloor    = 64 << 20
	heapStep     = 1 << 20
	callsBetween = 64
)

var (
	dedicated atomic.Bool // Dedicate was called
	occupied  atomic.Bool // a guest without checks runs
)

var (
	errNotDedicated = errors.New("call wazero.Dedicate in main, where the process is for one guest")
	errOccupied     = errors.New("another guest runs without checks in this process: wait for it, or start a process for each")
)

// Dedicate says that this process is for one guest at a time, which is ended by ending the process. Then engines can be opened with
// [engine.Options].Uninterruptible, whose guests run at full speed and look for nothing. A program's main calls it, before it opens
// an engine. It may be called often and cannot be undone.
//
// It changes the process: GOMAXPROCS becomes at least 2, so that signals are handled while the guest computes, and does not follow the
// processors that the process may use any more. From the start of such a guest to its end Go's garbage collector and its
// memory limit are off; the guest itself collects in host calls, when the heap has grown to 64 MiB and to twice of what was live
// before, or to where Go would take more memory than the limit that was set before the start ([runtime/debug.SetMemoryLimit],
// GOMEMLIMIT). A guest's own memory does not count: in a small container, set a limit that leaves room for it. What else stops all goroutines waits for the guest's next host call, for ever where there is none: do not call
// [runtime.GC], [runtime.ReadMemStats], [runtime.GOMAXPROCS] or [runtime/debug.SetGCPercent] meanwhile, do not
// profile, and allocate little.
func Dedicate() {
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	dedicated.Store(true)
}

// heap is Go's heap while a guest without checks runs.
type heap struct {
	percent int   // to be restored
	limit   int64 // to be restored
	calls   uint
	bound   uint64 // collect at this size, bytes
	size    [1]metrics.Sample
	memory  [3]metrics.Sample // all that Go has, what of it was given back, and what of it is free
}

// occupy turns the collector off for a guest, until release. A collection that goes on is completed first, or one that is about to begin.
func occupy() (*heap, error) {
	if !occupied.CompareAndSwap(false, true) {
		return nil, errOccupied
	}
	h := &heap{percent: debug.SetGCPercent(-1), limit: debug.SetMemoryLimit(math.MaxInt64)}
	h.size[0].Name = "/memory/classes/heap/objects:bytes"
	for i, name := range []string{"/memory/classes/total:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes"} {
		h.memory[i].Name = name
	}
	if !h.quiet() {
		h.collect()
	}
	return h, nil
}

// quiet tells whether no collection can have begun: a program may have turned the collector off before there was anything to
// collect, since a collection of next to nothing takes longer than a small guest. Go waits for one that goes on, but not for one
// that is about to begin, so a single one in the past, or a heap that is near to where the memory limit begins one, makes it uncertain.
func (h *heap) quiet() bool {
	cycles := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	if metrics.Read(cycles); h.percent >= 0 || cycles[0].Value.Uint64() > 0 {
		return false
	}
	h.setBound()
	return h.limit == math.MaxInt64 || int64(h.now()) < h.room()/2
}

// release undoes occupy. It does nothing where h is nil.
func (h *heap) release() {
	if h == nil {
		return
	}
	debug.SetGCPercent(h.percent)
	debug.SetMemoryLimit(h.limit)
	occupied.Store(false)
}

// called is called in each host call, by the guest's goroutine.
func (h *heap) called() {
	if h.calls++; h.calls%callsBetween == 0 && h.now() > h.bound {
		h.collect()
	}
}

func (h *heap) collect() {
	runtime.GC()
	h.setBound()
}

// setBound decides on the next collection by what is on the heap now.
func (h *heap) setBound() {
	live := h.now()
	h.bound = max(heapFloor, 2*live)
	if h.limit != math.MaxInt64 {
		h.bound = max(min(h.bound, uint64(max(h.room(), 0))), live+max(live/8, heapStep))
	}
}

// room is what the memory limit leaves objects, beside the rest that Go has.
func (h *heap) room() int64 {
	metrics.Read(h.memory[:])
	all, released, free := h.memory[0].Value.Uint64(), h.memory[1].Value.Uint64(), h.memory[2].Value.Uint64()
	return h.limit - int64(all-released-free-h.now())
}

func (h *heap) now() uint64 {
	metrics.Read(h.size[:])
	return h.size[0].Value.Uint64()
}
