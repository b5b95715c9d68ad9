package wasmedge

import (
	"errors"
	"sync/atomic"
)

var (
	dedicated atomic.Bool // Dedicate was called
	occupied  atomic.Bool // a guest whose code is compiled runs
)

var (
	errNotDedicated = errors.New("call wasmedge.Dedicate in main, where the process is for one guest")
	errOccupied     = errors.New("another guest runs as compiled code in this process: wait for it, or start a process for each")
)

// Dedicate says that this process is for one guest at a time, which is ended by ending the process. Then engines can be opened with
// [engine.Options].Uninterruptible, whose guests WasmEdge compiles. A program's main calls it, before it opens an engine. It may be
// called often and cannot be undone. In a program without the engine it does nothing.
//
// From the start of such a guest to its end the process's handlers of SIGSEGV, SIGBUS and SIGFPE are this package's. They pass on
// what is not the guest's fault to those that were there before, which are Go's. For moments at the start and at the end of a guest
// they are libwasmedge's, or nobody's: a nil pointer elsewhere in the program may then end the process. While a module is compiled
// all signals that end a process are LLVM's, and end it.
func Dedicate() { dedicated.Store(true) }

// occupy takes the process for one guest, until release.
func occupy() (release func(), err error) {
	if !occupied.CompareAndSwap(false, true) {
		return nil, errOccupied
	}
	return func() { occupied.Store(false) }, nil
}
