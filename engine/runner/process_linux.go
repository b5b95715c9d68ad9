package runner

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
)

// process is what a runner's signals and the end of its guest have in common: it ends once.
type process struct {
	init     bool // it is the first of its PID namespace
	signals  chan os.Signal
	handled  chan struct{}                     // closed when all signals are, but for an order's
	record   atomic.Pointer[func(line []byte)] // nil: there is no place for one
	instance atomic.Pointer[engine.Instance]
	cancel   context.CancelCauseFunc // ends the guest's context; nil where it has none that ends. Set before instance
	stops    atomic.Pointer[[]syscall.Signal]
	times    atomic.Pointer[Times]
	ending   sync.Mutex // held for ever by who ends the process
}

// ends are the signals that end every runner.
var ends = []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP}

// dumps are those which Go takes for a crash of its own, and kills are further ones that end a process by default: without a
// handler, Go would print all goroutines for the former and for ABRT, and ignore the rest. Go hands each of ends and kills to a thread
// of its own, to and fro, when it is handled first, but none of dumps.
var (
	dumps = []syscall.Signal{
		syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSTKFLT, syscall.SIGSYS, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE,
	}
	kills = []syscall.Signal{
		syscall.SIGABRT,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGIO, syscall.SIGPWR, syscall.SIGXCPU,
	}
)

// newProcess handles signals; it is the first thing that a runner does.
func newProcess() *process {
	p := &process{init: os.Getpid() == 1, signals: make(chan os.Signal, 16), handled: make(chan struct{})}
	p.stops.Store(&ends)
	p.times.Store(&Times{Begun: time.Now()})
	p.notify(ends)
	go p.watch()
	return p
}

func (p *process) notify(signals []syscall.Signal) {
	for _, s := range signals {
		signal.Notify(p.signals, s)
	}
}

// handle makes further signals end the guest.
func (p *process) handle(numbers []int) {
	stops := slices.Clone(ends)
	for _, n := range numbers {
		stops = append(stops, syscall.Signal(n))
	}
	p.stops.Store(&stops)
	p.notify(stops)
}

// watch does what signals ask for.
func (p *process) watch() {
	p.notify(dumps)
	if p.init {
		signal.Ignore(syscall.SIGABRT, syscall.SIGCHLD) // so the kernel itself waits for orphans
	} else {
		p.notify(kills) // each takes a while; loading does not wait for it
	}
	close(p.handled)
	var first syscall.Signal // that the guest was asked to end by
	for s := range p.signals {
		n := s.(syscall.Signal)
		switch {
		case slices.Contains(*p.stops.Load(), n):
			if p.instance.Load() != nil && p.cancel != nil && first == 0 {
				first = n
				p.cancel(engine.Signal(n))
				continue
			}
			os.Exit(p.end(engine.Signal(n)))
		case !p.init: // as it would end any process without a handler, which the first of a namespace ignores
			os.Exit(p.end(engine.Signal(n)))
		}
	}
}

// guestContext returns the context of the guest, which ends by a signal where the engine's guests can be ended by it, and else
// never does: then the process is ended.
func (p *process) guestContext(can engine.Capabilities) context.Context {
	ctx := context.Background()
	if can.Has(engine.Interrupt) {
		ctx, p.cancel = context.WithCancelCause(ctx)
	}
	return ctx
}

// recordTo makes the descriptor fd the place of the record. A file that is as large as any record is mapped, and fd closed: nothing in this
// process can make it larger, whoever has taken the process over.
func (p *process) recordTo(fd int) {
	write := func(line []byte) {
		room := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, _ := unix.Poll(room, 500); n > 0 { // one that cannot be written to keeps no process
			_, _ = unix.Write(fd, line)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size >= RecordBytes {
		if page, err := unix.Mmap(fd, 0, RecordBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			_ = unix.Close(fd)
			write = func(line []byte) {
				defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
				defer func() { _ = recover() }() // somebody has made the file smaller
				copy(page, line)
			}
		}
	}
	p.record.Store(&write)
}

// reached notes that a step is done now: one of those in Times, of which set sets the field. Only run calls it.
func (p *process) reached(set func(t *Times, now time.Time)) {
	t := *p.times.Load()
	set(&t, time.Now())
	p.times.Store(&t)
}

// end reports and records err, and returns the exit status. It returns once: the process is about to exit.
func (p *process) end(err error) int {
	engine.Report(stderr{}, program, err)
	p.ending.Lock()
	var stats engine.Stats
	if i := p.instance.Load(); i != nil {
		stats = (*i).Stats()
	}
	r := recordOf(err, stats)
	r.Times = *p.times.Load()
	r.Times.Ended = time.Now()
	if write := p.record.Load(); write != nil {
		(*write)(r.line())
	}
	return r.Status
}

// endAborted ends this process when a compiler aborts, as those do that get no memory: the first process of a PID namespace does not die
// of its own signals, and would try for ever.
func endAborted() {
	aborts := make(chan os.Signal, 1)
	signal.Notify(aborts, unix.SIGABRT)
	go func() {
		<-aborts
		os.Exit(128 + int(unix.SIGABRT))
	}()
}
