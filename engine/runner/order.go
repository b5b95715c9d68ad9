package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// Variable is the environment variable that has the number of the runner's first descriptor.
const Variable = "WASMOCI_RUNNER"

// Descriptors of the runner, counted from the first.
const (
	FileOrder      = iota // see [Order.Seal]
	FileModule            // open for reading
	FileReady             // written to
	FileRecord            // written to
	FileExecutable        // only where nothing is mounted for the runner
	FileCode              // only where nothing is mounted for the runner
)

// Bytes that a runner writes to [FileReady].
const (
	ReadyGuest   = 0 // the guest runs, and signals end it
	ReadySignals = 1 // signals end the runner; with an [Order].Gate only, before the other
)

const (
	orderVersion = 2
	maxOrder     = 64 << 20 // bytes; the kernel allows for less of arguments and environment
	sigURG       = 23       // on Linux
)

// Order is what a runner is to do. It is plain data.
type Order struct {
	// Engine is the registry name of the engine.
	Engine string
	// Module is the module's name for messages.
	Module string
	// Digest is the module's, as engine.ModuleInfo has it: "sha256:" and 64 hexadecimal digits. Who gives it has verified it, and
	// spares the runner to read a module for it: a file that is changed later still runs the code that CodeDir has. "" has the runner compute it.
	Digest string
	// CodeDir is the directory that engine.Export has filled for this module, as an absolute path in the container.
	CodeDir string
	// Config is the guest's run. It has no streams, open files and listeners: the runner's own streams are the guest's,
	// and Sockets its listeners.
	Config wasi.Config
	// Sockets are the guest's from descriptor 3 on, in this order: its Config's Listeners.
	Sockets []Socket
	// HeapBytes is what the runner aims to keep its own memory at, in bytes, without the guest's linear memory; 0 is no bound. It is
	// Go's soft memory limit (debug.SetMemoryLimit).
	HeapBytes int64
	// StopSignals are the numbers of signals that end the guest beyond TERM, INT, QUIT and HUP, each with status 128+n. KILL and STOP
	// need not be among them, and do no harm.
	StopSignals []int
	// Gate is the number of a descriptor of the runner, from 3 on, that is open for reading, such as a FIFO's: the runner loads the module, and
	// then waits for a byte from there before it does anything for the guest, or says why it cannot. So it can be started before its
	// container is. A signal that ends guests ends it meanwhile. 0 is none: the guest starts at once.
	Gate int
}

// Socket is a socket of the guest: one that the runner was handed, or one that it makes to listen at an address.
type Socket struct {
	// Name is used in messages only.
	Name string
	// FD is the number of a descriptor of the runner, which its caller gave to the container: from 3 on, and below the runner's
	// own. It is a stream socket, and listens or is connected. 0 where Address says what to make.
	FD int
	// Address is where the runner listens for TCP connections, in the container's network, before the guest starts:
	// "IP:PORT", with no name in it.
	Address string
}

// validate says what is wrong with s.
func (s *Socket) validate() error {
	switch {
	case s.Address == "" && s.FD >= 3:
		return nil
	case s.Address == "":
		return fmt.Errorf("descriptor %d cannot be a socket of the caller's", s.FD)
	case s.FD != 0:
		return fmt.Errorf("both descriptor %d and address %q are given", s.FD, s.Address)
	}
	at, err := netip.ParseAddrPort(s.Address)
	if err == nil && at.Port() == 0 {
		err = errors.New("the port is 0: nobody would know which one it gets")
	}
	if err != nil {
		return fmt.Errorf("address %q: %w", s.Address, err)
	}
	return nil
}

// VersionError is an order of another version: runtime and runner have not been installed together.
type VersionError struct {
	Version int // of the order
}

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("runner: the order has version %d, this runner understands version %d: install runtime and runner of one version", e.Version, orderVersion)
}

// ExitStatus returns 126.
func (e *VersionError) ExitStatus() int { return 126 }

// Environ returns the environment for a runner whose first descriptor has the number first. What it has beyond [Variable] keeps Go and
// the C library to the threads and the address space of which [Needs] tells, whatever the machine has.
func Environ(first int) []string {
	return []string{
		Variable + "=" + strconv.Itoa(first),
		"GOMAXPROCS=2", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", // else Go keeps files of its cgroup open
		"MALLOC_ARENA_MAX=1",
	}
}

// Validate reports every problem of o at once. It touches no file.
func (o *Order) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("runner: order: "+format, a...)) }
	if o.Engine == "" {
		bad("no engine is named")
	}
	if !path.IsAbs(o.CodeDir) {
		bad("the code directory %q is not an absolute path", o.CodeDir)
	}
	if _, err := o.digest(); err != nil {
		bad("the digest %q is none of SHA-256: %w", o.Digest, err)
	}
	if o.HeapBytes < 0 {
		bad("the bound of the heap is negative: %d", o.HeapBytes)
	}
	for _, n := range o.StopSignals {
		if n < 1 || n > 64 {
			bad("%d is not the number of a signal", n)
		}
		if n == sigURG {
			bad("the stop signal is URG, which Go sends itself: choose another")
		}
	}
	if o.Gate < 0 || o.Gate > 0 && o.Gate < 3 {
		bad("the gate cannot be descriptor %d", o.Gate)
	}
	c := &o.Config
	if c.Stdin != nil || c.Stdout != nil || c.Stderr != nil {
		bad("it has a stream: a runner's own streams are the guest's")
	}
	if len(c.Listeners) > 0 {
		bad("its listeners are open files, which no order can carry: name them as Sockets")
	}
	text := append(append([]string{o.Engine, o.Module, o.CodeDir, c.Entrypoint, c.Dir}, c.Args...), c.Env...)
	for i, s := range o.Sockets {
		text = append(text, s.Name)
		if err := s.validate(); err != nil {
			bad("Sockets[%d]: %w", i, err)
		}
	}
	for i, m := range c.Mounts {
		text = append(text, m.Guest, m.Host)
		if m.File != nil {
			bad("Mounts[%d] is an open file, which no order can carry", i)
		}
	}
	for _, s := range text {
		if !utf8.ValidString(s) {
			bad("%q is not valid UTF-8", s)
		}
	}
	if err := c.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// digest is Digest as bytes, nil for none.
func (o *Order) digest() ([]byte, error) {
	if o.Digest == "" {
		return nil, nil
	}
	digits, ok := strings.CutPrefix(o.Digest, "sha256:")
	sum, err := hex.DecodeString(digits)
	if err == nil && (!ok || len(sum) != sha256.Size) {
		err = errors.New("it is not sha256: and 64 digits")
	}
	return sum, err
}

// byDescriptor tells whether the runner, whose first descriptor is first, has its code by descriptor.
func (o *Order) byDescriptor(first int) bool {
	n, ok := strings.CutPrefix(o.CodeDir, "/proc/self/fd/")
	return ok && n == strconv.Itoa(first+FileCode)
}

// Dedicate makes this process one for a guest on the named engine, as a runner is ([engine.Driver].Dedicate), and returns the options
// that a runner opens the engine with, but for its code directory. What compiles and exports code for runners calls it, in a
// process of its own, and opens the engine with the same options, so that it makes the same code: Uninterruptible, if the engine can.
func Dedicate(name string) (engine.Options, error) {
	driver, ok := engine.Lookup(name)
	if !ok || driver.Open == nil {
		_, err := engine.Open(context.Background(), name, engine.Options{}) // says why
		return engine.Options{}, err
	}
	if driver.Dedicate != nil {
		driver.Dedicate()
		return engine.Options{Uninterruptible: true}, nil
	}
	for _, caps := range driver.Capabilities {
		if caps.Has(engine.Unchecked) {
			return engine.Options{Uninterruptible: true}, nil
		}
	}
	return engine.Options{}, nil
}
