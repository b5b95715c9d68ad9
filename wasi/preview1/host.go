package preview1

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// ModuleName is the module from which guests import WASI preview 1.
const ModuleName = "wasi_snapshot_preview1"

// Host is the world of one guest. One guest thread calls it at a time; Stats may be called from anywhere.
type Host struct {
	table []Func
	stop  *vfs.Stop
	fs    *vfs.FS
	args  strings0
	env   strings0
	fds   descriptors
	calls atomic.Uint64

	vectors []byte // iovecs of the call under way
	whole   []byte // what they describe, where that is written at once

	over   bool // it has exited, or failed
	exited bool
	code   uint32
	err    error
}

// New opens what cfg grants: mounts are opened, nothing is read. ctx is the guest's lifetime: when it ends, a call that
// blocks returns Stop at once and every further one does. cfg must be valid ([wasi.Config.Validate]); an error about
// a stream or a mount is a [*wasi.FieldError], several joined. Close the Host when the guest has ended.
func New(ctx context.Context, cfg *wasi.Config) (_ *Host, err error) {
	h := &Host{table: Table(), args: pack(cfg.Args), env: pack(cfg.Environ())}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	in, err := vfs.NewInput(cfg.Stdin)
	if err != nil {
		return nil, streamError("Stdin", cfg.Stdin, err)
	}
	h.fds.add(newInput(in))
	out, err := vfs.NewOutput(cfg.Stdout)
	if err != nil {
		return nil, streamError("Stdout", cfg.Stdout, err)
	}
	h.fds.add(newOutput(out))
	if out, err = vfs.NewOutput(cfg.Stderr); err != nil {
		return nil, streamError("Stderr", cfg.Stderr, err)
	}
	h.fds.add(newOutput(out))
	for i, l := range cfg.Listeners {
		s, err := vfs.NewSocket(l.File, l.Connected)
		if err != nil {
			return nil, &wasi.FieldError{Field: fmt.Sprintf("Listeners[%d].File", i), Value: l.Name, Err: err}
		}
		h.fds.add(newSocket(s))
	}
	if len(cfg.Mounts) > 0 {
		if h.fs, err = vfs.New(cfg.Mounts); err != nil {
			return nil, err
		}
		for _, p := range h.fs.Preopens() {
			h.fds.add(newPreopen(p))
		}
	}
	h.stop = vfs.NewStop(ctx)
	return h, nil
}

func streamError(field string, stream any, err error) error {
	if f, ok := stream.(*os.File); ok && f != nil {
		stream = f.Name()
	}
	return &wasi.FieldError{Field: field, Value: stream, Err: err}
}

// strings0 is a list of strings as args_get and environ_get lay it out.
type strings0 struct {
	count uint32
	data  []byte // each ended by a NUL
}

func pack(list []string) strings0 {
	var b bytes.Buffer
	for _, s := range list {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return strings0{uint32(len(list)), b.Bytes()}
}

// Call calls function i of [Table] with the guest's memory as it is now and its arguments; of an i32 the upper half is ignored.
// It is the only entry, and returns an errno for the guest or Stop.
func (h *Host) Call(i int, mem []byte, args []uint64) (e Errno) {
	h.calls.Add(1)
	if h.over || h.stop.Ended() {
		return Stop
	}
	returned := false
	defer func() {
		if !returned {
			e = h.recovered(i, recover())
		}
	}()
	e = h.table[i].call(h, mem, args)
	returned = true
	return e
}

// recovered is what a call of function i that panicked returns.
func (h *Host) recovered(i int, r any) Errno {
	if _, ok := r.(fault); ok {
		return efault
	}
	h.over, h.err = true, fmt.Errorf("preview1: %s: panic: %v\n%s", h.table[i].Name, r, debug.Stack())
	return Stop
}

// Exited returns the code that the guest gave to proc_exit, if it did.
func (h *Host) Exited() (code uint32, ok bool) { return h.code, h.exited }

// Err returns the host's own failure, such as a panic in one of its functions: a defect of this package. It is nil when the
// guest exited or was stopped.
func (h *Host) Err() error { return h.err }

// Calls returns how many functions the guest has called. It is safe for concurrent use.
func (h *Host) Calls() uint64 { return h.calls.Load() }

// Close closes everything that the guest had open. The streams given by the Config stay open. Close is idempotent; no Call
// may be under way.
func (h *Host) Close() error {
	h.fds.closeAll()
	if h.stop != nil {
		h.stop.Close()
	}
	if h.fs != nil {
		return h.fs.Close()
	}
	return nil
}

// chunk is how many bytes are transferred, or made at random, before the end of the context is looked for: a call for
// gigabytes ends with the guest too.
const chunk = 1 << 20

// begun is where this process's monotonic clock starts.
var begun = time.Now()
