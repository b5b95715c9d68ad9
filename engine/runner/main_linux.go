package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
)

// main is Main but for the end of the process; where a signal ends it, it does not return.
func main() int {
	if os.Args[0] == compiler {
		return compile()
	}
	p := newProcess()
	return p.end(p.run())
}

// run does everything from the environment to the end of the guest.
func (p *process) run() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("runner: panic: %v", r)
		}
	}()
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("runner: keep others out of this process: %w", os.NewSyscallError("prctl", err))
	}
	first, err := firstFile()
	if err != nil {
		return err
	}
	if err := checkFiles(first); err != nil {
		return err
	}
	p.recordTo(first + FileRecord)
	order, err := readOrder(first + FileOrder)
	if err != nil {
		return err
	}
	if err := checkGate(order.Gate); err != nil {
		return err
	}
	mod, err := p.prepare(order, first)
	<-p.handled
	idle := time.AfterFunc(settled, dropPages) // also: Go opens what it needs for timers, before a guest can have all descriptors
	ready := first + FileReady
	if order.Gate != 0 { // what is wrong is told when the guest is to start, too
		_, _ = unix.Write(ready, []byte{ReadySignals})
		if gerr := p.pass(order.Gate); gerr != nil {
			return gerr
		}
		idle.Reset(settled)
	}
	if err != nil {
		return err
	}
	if err := boundMemory(order, mod.Info().Size); err != nil {
		return err
	}
	if order.byDescriptor(first) {
		_ = unix.Close(first + FileExecutable)
		_ = unix.Close(first + FileCode)
	}
	cfg := &order.Config
	cfg.Stdin, cfg.Stdout, cfg.Stderr = os.Stdin, os.Stdout, os.Stderr
	if cfg.Listeners, err = order.listeners(first); err != nil {
		return err
	}
	instance, err := mod.Start(p.guestContext(mod.Info().Capabilities), cfg)
	if err != nil {
		return err
	}
	p.instance.Store(&instance)
	p.reached(func(t *Times, now time.Time) { t.Started = now })
	_, _ = unix.Write(ready, []byte{ReadyGuest}) // whoever waits may be gone; the guest runs on
	_ = unix.Close(ready)
	return instance.Wait()
}

// prepare does what needs nothing of the guest's surroundings, which may be made until it is to start.
func (p *process) prepare(order *Order, first int) (engine.Module, error) {
	p.handle(order.StopSignals)
	if order.HeapBytes > 0 {
		debug.SetMemoryLimit(order.HeapBytes)
	}
	if err := spareCollector(order.Engine, first+FileModule); err != nil {
		return nil, err
	}
	mod, err := load(order, first+FileModule)
	if err != nil {
		return nil, err
	}
	p.reached(func(t *Times, now time.Time) { t.Loaded = now })
	if mod.Info().Size >= large && collected() {
		debug.FreeOSMemory() // what loading took is garbage now, and a guest may run for months
	}
	return mod, nil
}

// pass waits for the byte that lets the guest start, and closes fd, by which others see that it came.
func (p *process) pass(fd int) error {
	defer unix.Close(fd)
	for {
		n, err := unix.Read(fd, make([]byte, 1))
		switch {
		case n == 1:
			p.reached(func(t *Times, now time.Time) { t.Begun, t.Loaded = now, now })
			return nil
		case err == nil:
			return fmt.Errorf("runner: whoever was to start the guest is gone (descriptor %d)", fd)
		case err != unix.EINTR:
			return fmt.Errorf("runner: wait for the start: descriptor %d: %w", fd, err)
		}
	}
}

const (
	// large is from which size in bytes on a module is worth the milliseconds that giving back what loading took takes.
	large = 1 << 20
	// settled is how long a guest has run, or waits for its start, that is likely to go on.
	settled = time.Second
)

// collected tells whether Go's collector has begun, which it does at four MiB.
func collected() bool {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.NumGC > 0
}

// firstFile returns the number of the first descriptor.
func firstFile() (int, error) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return 0, fmt.Errorf("runner: %s is not set: this program is started by a container runtime, with descriptors, not by hand", Variable)
	}
	first, err := strconv.Atoi(text)
	if err != nil || first < 3 || first > 1<<20 {
		return 0, fmt.Errorf("runner: %s=%q is not the number of a descriptor from 3 on", Variable, text)
	}
	return first, nil
}

// checkFiles refuses to go on where a descriptor that every runner has is missing, or is something else.
func checkFiles(first int) error {
	for i, name := range []string{FileOrder: "the order", FileModule: "the module", FileReady: "the pipe for the ready byte", FileRecord: "the record"} {
		fd := first + i
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("runner: descriptor %d should be %s: %w (%s=%d)", fd, name, err, Variable, first)
		}
		kind := st.Mode & unix.S_IFMT
		if i <= FileModule && kind != unix.S_IFREG || kind == 0 || kind == unix.S_IFDIR { // what Go itself has opened has no kind
			return fmt.Errorf("runner: descriptor %d is not %s (%s=%d)", fd, name, Variable, first)
		}
		unix.CloseOnExec(fd)
	}
	return nil
}

// checkGate refuses a gate at which nobody can wait, before a descriptor of Go's own can have its number. 0 is none.
func checkGate(fd int) error {
	if fd == 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("runner: descriptor %d should be the gate: %w", fd, err)
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
		return fmt.Errorf("runner: descriptor %d is not the gate, which is a FIFO or a socket", fd)
	}
	unix.CloseOnExec(fd)
	return nil
}

// readOrder reads the order that is open at descriptor fd, which it closes.
func readOrder(fd int) (*Order, error) {
	f := os.NewFile(uintptr(fd), "order")
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxOrder+1))
	if err != nil {
		return nil, fmt.Errorf("runner: read the order: %w", err)
	}
	if len(b) > maxOrder {
		return nil, fmt.Errorf("runner: the order has more than %d bytes", maxOrder)
	}
	return decode(b)
}

// spareCollector turns Go's collector off for an engine that collects by itself while its guest runs (engine.Driver.Dedicate), where the
// module is small: loading makes little, and a collection of it takes longer than that.
func spareCollector(name string, module int) error {
	var st unix.Stat_t
	if err := unix.Fstat(module, &st); err != nil {
		return fmt.Errorf("runner: the module: %w", os.NewSyscallError("fstat", err))
	}
	if driver, ok := engine.Lookup(name); ok && driver.Dedicate != nil && st.Size < large {
		debug.SetGCPercent(-1)
	}
	return nil
}

// load opens the order's engine and loads the module, which is open at descriptor fd, from its code. It closes fd.
func load(o *Order, fd int) (engine.Module, error) {
	module := os.NewFile(uintptr(fd), cmp.Or(o.Module, "the module"))
	defer module.Close()
	opts, err := Dedicate(o.Engine)
	if err != nil {
		return nil, err
	}
	opts.CacheDir, opts.CacheMode = o.CodeDir, exported
	ctx := context.Background()
	eng, err := engine.Open(ctx, o.Engine, opts)
	if err != nil {
		return nil, err
	}
	src := engine.FromFile(module)
	if sum, err := o.digest(); err != nil {
		return nil, err
	} else if sum != nil {
		src = engine.FromKnown(module, [sha256.Size]byte(sum))
	}
	return eng.Compile(ctx, src)
}

// exported is how the code directory is used.
const exported = engine.CacheExported

// stderr is descriptor 2. A Write of os.Stderr to a pipe that nobody reads would end the process by a signal.
type stderr struct{}

func (stderr) Write(b []byte) (n int, err error) {
	for n < len(b) {
		k, err := unix.Write(2, b[n:])
		switch {
		case err == nil:
			n += k
		case errors.Is(err, unix.EAGAIN):
			_, _ = unix.Poll([]unix.PollFd{{Fd: 2, Events: unix.POLLOUT}}, -1)
		case !errors.Is(err, unix.EINTR):
			return n, err
		}
	}
	return n, nil
}
