//go:build linux

package subprocess

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

type statusError struct{ error }

func (statusError) ExitStatus() int { return 77 }

func TestWire(t *testing.T) {
	for _, err := range []error{
		nil,
		io.EOF,
		syscall.ENOENT,
		&engine.Error{Engine: "wazero", Op: "run", Err: &engine.ExitError{Code: 256}},
		&engine.UnknownEngineError{Name: "a", Registered: []string{"b", "c"}},
		&engine.NotBuiltError{Engine: "a", Tag: "b", CGO: true, Library: "c", Reason: "d"},
		&engine.UnsupportedError{Engine: "a", Format: wasi.FormatComponent, Missing: engine.NewCapabilities(engine.Mounts, engine.Streams), Others: []string{"b"}},
		&engine.UnsupportedError{Engine: "a", Format: wasi.FormatText},
		&engine.InvalidModuleError{Name: "a\xff", Format: wasi.FormatModule, Err: io.ErrUnexpectedEOF},
		&engine.TooLargeError{Name: "\xfe", Size: 1 << 62, Max: 3},
		&engine.MissingImportError{Module: "a", Name: "b", Kind: "func", Type: "() -> ()", Want: "(i32) -> ()"},
		&engine.MissingExportError{Name: "a", Functions: []string{"b"}},
		&engine.SignatureError{Name: "a", Got: "b"},
		&engine.MemoryLimitError{Need: 1 << 63, Limit: 5},
		&engine.TrapError{Kind: engine.TrapStackOverflow, Message: "a", Backtrace: "b\n\tc\xff"},
		&engine.StoppedError{Err: context.Canceled, Cause: context.DeadlineExceeded},
		errors.Join(
			&wasi.FieldError{Field: "Mounts[0].Host", Value: "/a\xff", Err: &fs.PathError{Op: "open", Path: "/a\xff", Err: syscall.EACCES}},
			&wasi.FieldError{Field: "Limits.MemoryBytes", Value: uint64(1), Err: syscall.EINVAL},
			&wasi.FieldError{Field: "Stdin", Value: nil, Err: fs.ErrClosed}),
		&os.LinkError{Op: "link", Old: "a", New: "b", Err: syscall.EXDEV},
		os.NewSyscallError("fork", syscall.EAGAIN),
		&cache.UntrustedError{Path: "/tmp", Reason: "because"},
	} {
		t.Run(fmt.Sprintf("%T", err), func(t *testing.T) {
			if got := roundTrip(t, err); !reflect.DeepEqual(got, err) {
				t.Errorf("got %#v, want %#v", got, err)
			}
		})
	}
}

func roundTrip(t *testing.T, err error) error {
	t.Helper()
	b, jerr := json.Marshal(encodeError(err))
	if jerr != nil {
		t.Fatal(jerr)
	}
	var w *wireError
	if err := json.Unmarshal(b, &w); err != nil {
		t.Fatal(err)
	}
	got, bad := w.decode()
	if bad != nil {
		t.Fatal(bad)
	}
	return got
}

// TestWireOther checks errors of types that only one process knows.
func TestWireOther(t *testing.T) {
	err := fmt.Errorf("a\xff: %w, %w", statusError{errors.New("b")}, &engine.ExitError{Code: 3})
	got := roundTrip(t, err)
	var exit *engine.ExitError
	if got.Error() != err.Error() || engine.ExitCode(got) != 77 || !errors.As(got, &exit) || exit.Code != 3 {
		t.Errorf("got %v (%d)", got, engine.ExitCode(got))
	}
	if got = roundTrip(t, fmt.Errorf("c: %w", fs.ErrNotExist)); !errors.Is(got, fs.ErrNotExist) || engine.ExitCode(got) != 125 {
		t.Errorf("got %v", got)
	}
	deep := io.EOF
	for range 1000 {
		deep = fmt.Errorf("%w", deep)
	}
	if got = roundTrip(t, deep); got.Error() != "EOF" {
		t.Errorf("got %v", got)
	}
}

// TestPatience checks that a process that never says hello is given up.
func TestPatience(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Engine: "wazero", Path: self, Env: []string{"SUBPROCESS_TEST_ROLE=silent"}}
	_, err = newPatientEngine(context.WithoutCancel(t.Context()), cfg, engine.Options{}, 50*time.Millisecond)
	var broken *ProtocolError
	if !errors.As(err, &broken) || broken.Reason != "it said nothing within 50ms" {
		t.Errorf("got %v", err)
	}
}

// FuzzWire checks that no child makes this process panic, and that what was read can be used.
func FuzzWire(f *testing.F) {
	for _, err := range []error{
		&engine.Error{Engine: "a", Op: "run", Err: &engine.StoppedError{Err: io.EOF, Cause: io.EOF}},
		&wasi.FieldError{Field: "a", Value: uint64(1), Err: errors.Join(io.EOF, syscall.ENOENT)},
		&engine.UnsupportedError{Missing: engine.NewCapabilities(engine.Mounts)},
	} {
		b, err := encodeFrame(kindFailed, 0, encodeError(err))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[4:])
	}
	for _, body := range []any{
		&record{Attrs: []attr{{Key: "a", Group: []attr{{Key: "b"}}}}}, &ended{}, &event{}, &hello{}, &startRequest{Args: []text{"\xff"}},
	} {
		b, err := encodeFrame(kindRecord, 1, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e envelope
		frame := append([]byte{0, 0, byte(len(b) >> 8), byte(len(b))}, b...)
		if len(b) > 1<<16-1 || decodeFrame(bufio.NewReader(bytes.NewReader(frame)), maxFrame, &e) != nil {
			return
		}
		var w *wireError
		if e.body(&w) == nil {
			if err, bad := w.decode(); bad == nil && err != nil {
				_ = err.Error()
				_ = engine.ExitCode(err)
				_ = errors.Is(err, fs.ErrNotExist)
			}
		}
		var r record
		if e.body(&r) == nil {
			for _, a := range r.Attrs {
				_ = a.decode().String()
			}
		}
		var s startRequest
		if e.body(&s) == nil && len(s.Mounts)+len(s.Listeners) == 0 && s.Stdin == nil && s.Stdout == nil && s.Stderr == nil {
			if _, err := s.config(nil); err != nil {
				t.Error(err)
			}
		}
		_ = greet(&e)
	})
}

func TestLastReason(t *testing.T) {
	for _, tt := range []struct {
		name, words string
		signal      engine.Signal
		reason      string
	}{
		{"nothing", "", 0, ""},
		{"last line", "one\ntwo\n\n", 0, "two"},
		{"panic", "hello\npanic: no\n\ngoroutine 1 [running]:\n", 0, "panic: no"},
		{"nil pointer", "panic: runtime error: invalid\n[signal SIGSEGV: segmentation violation code=0x1]\n\ngoroutine 1", 11, "panic: runtime error: invalid"},
		{"native", "SIGABRT: abort\nPC=0x1 m=0 sigcode=0\n", 6, "SIGABRT: abort"},
		{"C++", "terminate called after throwing an instance of 'std::bad_alloc'\nSIGABRT: abort\n", 6, "terminate called after throwing an instance of 'std::bad_alloc'"},
		{"fatal", "fatal error: out of memory\n", 0, "fatal error: out of memory"},
		{"not a signal", "SIGNAL: none\nSIGHUP: no\n", 0, "SIGHUP: no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if signal, reason := lastReason(tt.words); signal != tt.signal || reason != tt.reason {
				t.Errorf("got %d, %q", int(signal), reason)
			}
		})
	}
}
