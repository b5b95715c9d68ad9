//go:build linux

package subprocess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"sync"
	"syscall"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

// wireError is an error on its way between processes: a sentinel, a number, a type of the table with its fields, or else its
// text, its exit status and what it wraps.
type wireError struct {
	Sentinel string                     `json:"sentinel,omitempty"`
	Errno    uintptr                    `json:"errno,omitempty"`
	Type     string                     `json:"type,omitempty"`
	Fields   map[string]json.RawMessage `json:"fields,omitempty"`

	Text   text         `json:"text,omitempty"`
	Status int          `json:"status,omitempty"`
	Wraps  []*wireError `json:"wraps,omitempty"`
	Joined bool         `json:"joined,omitempty"` // errors.Join of Wraps
}

// sentinels are values that errors.Is compares with.
var sentinels = sync.OnceValue(func() map[string]error {
	return map[string]error{
		"context.Canceled":         context.Canceled,
		"context.DeadlineExceeded": context.DeadlineExceeded,
		"io.EOF":                   io.EOF,
		"io.ErrUnexpectedEOF":      io.ErrUnexpectedEOF,
		"fs.ErrInvalid":            fs.ErrInvalid,
		"fs.ErrPermission":         fs.ErrPermission,
		"fs.ErrExist":              fs.ErrExist,
		"fs.ErrNotExist":           fs.ErrNotExist,
		"fs.ErrClosed":             fs.ErrClosed,
		"os.ErrDeadlineExceeded":   os.ErrDeadlineExceeded,
		"errors.ErrUnsupported":    errors.ErrUnsupported,
		"engine.ErrClosed":         engine.ErrClosed,
	}
})

// wireTypes are the error types that come back as what they were. Their fields are exported.
var wireTypes = sync.OnceValue(func() map[string]reflect.Type {
	return map[string]reflect.Type{
		"engine.Error":              reflect.TypeFor[engine.Error](),
		"engine.UnknownEngineError": reflect.TypeFor[engine.UnknownEngineError](),
		"engine.NotBuiltError":      reflect.TypeFor[engine.NotBuiltError](),
		"engine.UnsupportedError":   reflect.TypeFor[engine.UnsupportedError](),
		"engine.InvalidModuleError": reflect.TypeFor[engine.InvalidModuleError](),
		"engine.TooLargeError":      reflect.TypeFor[engine.TooLargeError](),
		"engine.NotCachedError":     reflect.TypeFor[engine.NotCachedError](),
		"engine.NoExportError":      reflect.TypeFor[engine.NoExportError](),
		"engine.MissingImportError": reflect.TypeFor[engine.MissingImportError](),
		"engine.MissingExportError": reflect.TypeFor[engine.MissingExportError](),
		"engine.SignatureError":     reflect.TypeFor[engine.SignatureError](),
		"engine.MemoryLimitError":   reflect.TypeFor[engine.MemoryLimitError](),
		"engine.ExitError":          reflect.TypeFor[engine.ExitError](),
		"engine.TrapError":          reflect.TypeFor[engine.TrapError](),
		"engine.StoppedError":       reflect.TypeFor[engine.StoppedError](),
		"wasi.FieldError":           reflect.TypeFor[wasi.FieldError](),
		"cache.UntrustedError":      reflect.TypeFor[cache.UntrustedError](),
		"fs.PathError":              reflect.TypeFor[fs.PathError](),
		"os.LinkError":              reflect.TypeFor[os.LinkError](),
		"os.SyscallError":           reflect.TypeFor[os.SyscallError](),
	}
})

var wireNames = sync.OnceValue(func() map[reflect.Type]string {
	names := make(map[reflect.Type]string)
	for name, t := range wireTypes() {
		names[reflect.PointerTo(t)] = name
	}
	return names
})

var errorType = reflect.TypeFor[error]()

// maxWraps bounds how deep errors wrap errors on the wire.
const maxWraps = 64

// encodeError returns err for the wire; nil for nil.
func encodeError(err error) *wireError { return encodeWrapped(err, 0) }

func encodeWrapped(err error, depth int) *wireError {
	if err == nil {
		return nil
	}
	for name, s := range sentinels() {
		if err == s { //nolint:errorlint // the value itself
			return &wireError{Sentinel: name}
		}
	}
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // the value itself
		return &wireError{Errno: uintptr(errno)}
	}
	if depth > maxWraps {
		return &wireError{Text: text(err.Error())}
	}
	if name, ok := wireNames()[reflect.TypeOf(err)]; ok && !reflect.ValueOf(err).IsNil() {
		if w, ok := encodeFields(name, reflect.ValueOf(err).Elem(), depth); ok {
			return w
		}
	}
	w := &wireError{Text: text(err.Error())}
	if s, ok := err.(interface{ ExitStatus() int }); ok { //nolint:errorlint // its own, not that of what it wraps
		w.Status = s.ExitStatus()
	}
	switch u := err.(type) { //nolint:errorlint // this error's own
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			w.Wraps = []*wireError{encodeWrapped(inner, depth+1)}
		}
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			w.Wraps = append(w.Wraps, encodeWrapped(inner, depth+1))
		}
		w.Joined = reflect.TypeOf(err) == reflect.TypeOf(errors.Join(io.EOF))
	}
	return w
}

func encodeFields(name string, v reflect.Value, depth int) (*wireError, bool) {
	w := &wireError{Type: name, Fields: make(map[string]json.RawMessage)}
	for i := range v.NumField() {
		var field any
		switch f := v.Field(i); {
		case f.Type() == errorType:
			inner, _ := f.Interface().(error)
			field = encodeWrapped(inner, depth+1)
		case f.Kind() == reflect.Interface:
			field = encodeValue(f.Interface())
		case f.Kind() == reflect.String:
			field = text(f.String())
		default:
			field = f.Interface()
		}
		b, err := json.Marshal(field)
		if err != nil {
			return nil, false
		}
		w.Fields[v.Type().Field(i).Name] = b
	}
	return w, true
}

// decode returns the error that was encoded, which may be hostile: an *errFrame then, beside nil.
func (w *wireError) decode() (error, error) { return w.unwrap(0) }

func (w *wireError) unwrap(depth int) (error, error) {
	switch {
	case w == nil:
		return nil, nil
	case depth > maxWraps+1:
		return nil, &errFrame{"it sent an error that wraps too deep"}
	case w.Sentinel != "":
		if s := sentinels()[w.Sentinel]; s != nil {
			return s, nil
		}
		return nil, &errFrame{fmt.Sprintf("it sent the unknown error %q", w.Sentinel)}
	case w.Errno != 0:
		return syscall.Errno(w.Errno), nil
	case w.Type != "":
		return w.typed(depth)
	}
	var wraps []error
	for _, inner := range w.Wraps {
		err, bad := inner.unwrap(depth + 1)
		if bad != nil {
			return nil, bad
		}
		wraps = append(wraps, err)
	}
	if w.Joined {
		if joined := errors.Join(wraps...); joined != nil {
			return joined, nil
		}
	}
	err := remoteError{string(w.Text), wraps}
	if w.Status != 0 {
		return &remoteStatusError{err, w.Status}, nil
	}
	return &err, nil
}

func (w *wireError) typed(depth int) (error, error) {
	t, ok := wireTypes()[w.Type]
	if !ok {
		return nil, &errFrame{fmt.Sprintf("it sent an error of the unknown type %q", w.Type)}
	}
	p := reflect.New(t)
	for i := range t.NumField() {
		raw, ok := w.Fields[t.Field(i).Name]
		if !ok {
			return nil, &errFrame{fmt.Sprintf("it sent an error of type %s without its field %s", w.Type, t.Field(i).Name)}
		}
		var err error
		switch f := p.Elem().Field(i); {
		case f.Type() == errorType:
			var inner *wireError
			if err = json.Unmarshal(raw, &inner); err == nil {
				wrapped, bad := inner.unwrap(depth + 1)
				if bad != nil {
					return nil, bad
				}
				if wrapped == nil && t != reflect.TypeFor[engine.NotCachedError]() { // all others call what they wrap
					wrapped = errors.New("unknown error")
				}
				if wrapped != nil {
					f.Set(reflect.ValueOf(wrapped))
				}
			}
		case f.Kind() == reflect.Interface:
			var value wireValue
			if err = json.Unmarshal(raw, &value); err == nil {
				if v := value.value(); v != nil {
					f.Set(reflect.ValueOf(v))
				}
			}
		case f.Kind() == reflect.String:
			var s text
			err = json.Unmarshal(raw, &s)
			f.SetString(string(s))
		default:
			err = json.Unmarshal(raw, f.Addr().Interface())
		}
		if err != nil {
			return nil, &errFrame{fmt.Sprintf("it sent an error of type %s whose field %s is wrong: %v", w.Type, t.Field(i).Name, err)}
		}
	}
	return p.Interface().(error), nil
}

// wireValue is the Value of a wasi.FieldError.
type wireValue struct {
	Kind string `json:"kind"` // "nil", "string", "uint64", or "text" for what is only printed
	Text text   `json:"text,omitempty"`
}

func encodeValue(v any) wireValue {
	switch v := v.(type) {
	case nil:
		return wireValue{Kind: "nil"}
	case string:
		return wireValue{"string", text(v)}
	case uint64:
		return wireValue{"uint64", text(strconv.FormatUint(v, 10))}
	}
	return wireValue{"text", text(fmt.Sprint(v))}
}

func (w wireValue) value() any {
	switch w.Kind {
	case "nil":
		return nil
	case "uint64":
		if n, err := strconv.ParseUint(string(w.Text), 10, 64); err == nil {
			return n
		}
	}
	return string(w.Text)
}

// remoteError is an error of a type that this package does not know, in the other process.
type remoteError struct {
	text  string
	wraps []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.wraps }

// remoteStatusError is one that had an exit status of its own.
type remoteStatusError struct {
	remoteError
	status int
}

func (e *remoteStatusError) ExitStatus() int { return e.status }
