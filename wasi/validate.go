package wasi

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"
)

// FieldError is one problem of a [Config].
type FieldError struct {
	Field string // Go path of the field: "Mounts[2].Guest"
	Value any    // what stands there
	Err   error  // why it cannot be used
}

// Error implements error.
func (e *FieldError) Error() string {
	return fmt.Sprintf("wasi: %s %q: %v", e.Field, fmt.Sprint(e.Value), e.Err)
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// ExitStatus returns 126: what was asked for cannot be run. Where Err is the operating system's, as for a mount whose host
// path does not exist, it returns 125: the host's own failure.
func (e *FieldError) ExitStatus() int {
	if errno := syscall.Errno(0); errors.As(e.Err, &errno) {
		return 125
	}
	return 126
}

var (
	errNUL       = errors.New("contains a NUL byte")
	errUTF8      = errors.New("is not valid UTF-8")
	errNoEquals  = errors.New(`is not of the form "KEY=value"`)
	errNoKey     = errors.New("has an empty key")
	errNotClean  = errors.New("is not a clean absolute slash-separated path")
	errHostAbs   = errors.New("is not an absolute host path")
	errTwice     = errors.New("is mounted twice")
	errNoSource  = errors.New("names nothing to mount: set one of Host, File, Hidden, Tmpfs")
	errTwoSource = errors.New("names more than one thing to mount: set one of Host or File, Hidden, Tmpfs")
	errNoFile    = errors.New("has no open file")
	errHideRoot  = errors.New("hides the root: leave the mounts out instead")
	errRootOnly  = errors.New("the root has no mount above it by which a guest could come to it")
	errSmall     = errors.New("is less than one page of 64 KiB")
)

// Validate reports every problem of c at once: nil, or an error that joins a [*FieldError] for each (see
// [errors.Join]). It is pure: no file is touched, so a Host that does not exist is found by the run. Engines call it
// before each run.
func (c *Config) Validate() error {
	var errs []error
	bad := func(value any, err error, field string, a ...any) {
		errs = append(errs, &FieldError{Field: fmt.Sprintf(field, a...), Value: value, Err: err})
	}
	text := func(s, field string, a ...any) bool {
		switch {
		case strings.IndexByte(s, 0) >= 0:
			bad(s, errNUL, field, a...)
		case !utf8.ValidString(s):
			bad(s, errUTF8, field, a...)
		default:
			return true
		}
		return false
	}
	text(c.Entrypoint, "Entrypoint")
	for i, a := range c.Args {
		if strings.IndexByte(a, 0) >= 0 { // any other byte is a guest's own business, as in execve
			bad(a, errNUL, "Args[%d]", i)
		}
	}
	for i, e := range c.Env {
		switch k := strings.IndexByte(e, '='); {
		case strings.IndexByte(e, 0) >= 0:
			bad(e, errNUL, "Env[%d]", i)
		case k < 0:
			bad(e, errNoEquals, "Env[%d]", i)
		case k == 0:
			bad(e, errNoKey, "Env[%d]", i)
		}
	}
	if c.Dir != "" && text(c.Dir, "Dir") && !cleanGuest(c.Dir) {
		bad(c.Dir, errNotClean, "Dir")
	}
	seen := make(map[string]bool, len(c.Mounts))
	for i, m := range c.Mounts {
		if text(m.Guest, "Mounts[%d].Guest", i) {
			switch {
			case !cleanGuest(m.Guest):
				bad(m.Guest, errNotClean, "Mounts[%d].Guest", i)
			case seen[m.Guest]:
				bad(m.Guest, errTwice, "Mounts[%d].Guest", i)
			case m.Hidden && m.Guest == "/":
				bad(m.Guest, errHideRoot, "Mounts[%d].Guest", i)
			case m.NoPreopen && m.Guest == "/":
				bad(m.Guest, errRootOnly, "Mounts[%d].NoPreopen", i)
			}
			seen[m.Guest] = true
		}
		if m.Host != "" {
			if strings.IndexByte(m.Host, 0) >= 0 {
				bad(m.Host, errNUL, "Mounts[%d].Host", i)
			} else if !filepath.IsAbs(m.Host) {
				bad(m.Host, errHostAbs, "Mounts[%d].Host", i)
			}
		}
		sources := 0
		for _, set := range []bool{m.Host != "" || m.File != nil, m.Hidden, m.Tmpfs != nil} {
			if set {
				sources++
			}
		}
		switch {
		case sources == 0:
			bad(m.Guest, errNoSource, "Mounts[%d]", i)
		case sources > 1:
			bad(m.Guest, errTwoSource, "Mounts[%d]", i)
		}
	}
	for i, l := range c.Listeners {
		if l.File == nil {
			bad(l.Name, errNoFile, "Listeners[%d].File", i)
		}
	}
	if n := c.Limits.MemoryBytes; n != 0 && n < PageSize {
		bad(n, errSmall, "Limits.MemoryBytes")
	}
	return errors.Join(errs...)
}

func cleanGuest(p string) bool { return strings.HasPrefix(p, "/") && path.Clean(p) == p }
