package preview2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// ErrStopped is what [Host.Call] returns when the guest must end.
var ErrStopped = errors.New("preview2: the guest is to be stopped")

// Host is the world of one guest. One guest thread calls it at a time; Calls may be called from anywhere.
type Host struct {
	stop     *vfs.Stop
	fs       *vfs.FS
	args     List
	env      List
	dir      string
	stdin    vfs.Input
	stdout   vfs.Output
	stderr   vfs.Output
	preopens []vfs.Preopen

	resources resources
	opened    int // files and directories
	calls     atomic.Uint64

	exited    bool
	code      uint32
	violation error
	err       error
}

// New opens what cfg grants: mounts are opened, nothing is read. ctx is the guest's lifetime: when it ends, a call that
// blocks returns ErrStopped at once and every further one does. cfg must be valid ([wasi.Config.Validate]) and must not have
// Listeners, which WASI 0.2 has no place for; an error about a stream, a mount or a string that is no UTF-8 is a
// [*wasi.FieldError], several joined. Close the Host when the guest has ended.
func New(ctx context.Context, cfg *wasi.Config) (_ *Host, err error) {
	h := &Host{dir: cfg.Dir}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if len(cfg.Listeners) > 0 {
		return nil, &wasi.FieldError{Field: "Listeners", Value: len(cfg.Listeners), Err: errors.ErrUnsupported}
	}
	for i, a := range cfg.Args {
		if !utf8.ValidString(a) {
			return nil, &wasi.FieldError{Field: fmt.Sprintf("Args[%d]", i), Value: a, Err: errNotUTF8}
		}
		h.args = append(h.args, a)
	}
	for i, e := range cfg.Environ() {
		if !utf8.ValidString(e) {
			return nil, &wasi.FieldError{Field: fmt.Sprintf("Env[%d]", i), Value: e, Err: errNotUTF8}
		}
		key, value, _ := strings.Cut(e, "=")
		h.env = append(h.env, Tuple{key, value})
	}
	if h.stdin, err = vfs.NewInput(cfg.Stdin); err != nil {
		return nil, streamFailed("Stdin", cfg.Stdin, err)
	}
	if h.stdout, err = vfs.NewOutput(cfg.Stdout); err != nil {
		return nil, streamFailed("Stdout", cfg.Stdout, err)
	}
	if h.stderr, err = vfs.NewOutput(cfg.Stderr); err != nil {
		return nil, streamFailed("Stderr", cfg.Stderr, err)
	}
	if len(cfg.Mounts) > 0 {
		if h.fs, err = vfs.New(cfg.Mounts); err != nil {
			return nil, err
		}
		h.preopens = h.fs.Preopens()
	}
	h.stop = vfs.NewStop(ctx)
	return h, nil
}

var errNotUTF8 = errors.New("it is not UTF-8, which a component's strings are")

func streamFailed(field string, stream any, err error) error {
	if f, ok := stream.(*os.File); ok && f != nil {
		stream = f.Name()
	}
	return &wasi.FieldError{Field: field, Value: stream, Err: err}
}

// violation is the panic of a guest that broke a rule, which Call recovers.
type violation string

func violate(format string, args ...any) { panic(violation(fmt.Sprintf(format, args...))) }

// Call calls function i of [Table]. It returns nil for a function without a result. The arguments are of the types that the
// table says; byte slices among them are not kept.
func (h *Host) Call(i int, args []Value) (v Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case violation:
			h.violation = fmt.Errorf("preview2: %s %s: %s", table[i].Interface, table[i].Name, string(r))
			err = ErrStopped
		default:
			h.err = fmt.Errorf("preview2: %s %s: panic: %v\n%s", table[i].Interface, table[i].Name, r, debug.Stack())
			err = ErrStopped
		}
	}()
	h.calls.Add(1)
	if h.err != nil || h.violation != nil || h.exited || h.stop.Ended() {
		return nil, ErrStopped
	}
	return table[i].call(h, args)
}

// Drop gives up a resource that the guest owned.
func (h *Host) Drop(r Resource) {
	switch v := h.resources.remove(r.Type, r.Rep).(type) {
	case *descriptor:
		h.release(v)
	case *entries:
		h.release(v.d)
	case *input:
		h.release(v.d)
	case *output:
		h.release(v.d)
	}
}

// Exited returns the code that the guest gave to wasi:cli/exit, if it did: 0 or 1 by exit, any byte by exit-with-code.
func (h *Host) Exited() (code uint32, ok bool) { return h.code, h.exited }

// Violation says what rule the guest broke, for which WASI 0.2 has a trap; nil if none.
func (h *Host) Violation() error { return h.violation }

// Err returns the host's own failure, such as a panic in one of its functions: a defect of this package. It is nil when the
// guest exited, was stopped, or broke a rule.
func (h *Host) Err() error { return h.err }

// Calls returns how many functions the guest has called. It is safe for concurrent use.
func (h *Host) Calls() uint64 { return h.calls.Load() }

// Close closes everything that the guest had open. The streams given by the Config stay open. Close is idempotent; no Call
// may be under way.
func (h *Host) Close() error {
	h.resources = resources{}
	if h.stop != nil {
		h.stop.Close()
	}
	if h.fs != nil {
		return h.fs.Close() // and all that is open in it
	}
	return nil
}

// chunk is how many bytes one call transfers.
const chunk = 64 << 10

// begun is where this process's monotonic clock starts.
var begun = time.Now()
