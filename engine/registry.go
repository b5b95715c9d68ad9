package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/wasmoci/wasmoci/wasi"
)

// Driver is an engine as it registers itself. Exactly one of Open and Unavailable is set.
type Driver struct {
	Name         string             // registry name, package name and build tag
	Native       bool               // needs cgo and a native library
	Capabilities FormatCapabilities // upper bound; [Info] of the open engine is exact
	// Open opens the engine. It has no effect on the process beyond the engine's own resources.
	Open func(context.Context, Options) (Engine, error)
	// Dedicate, where an engine has it, applies to this process what a guest without checks for interruption needs of it,
	// for good: Open with Options.Uninterruptible comes after it. The main of a program that is dedicated to one guest
	// calls it, and so does a child process of package engine/subprocess.
	Dedicate func()
	// Unavailable says why the engine is known but not part of this program, a [*NotBuiltError] as a rule.
	Unavailable error
}

// clone returns a driver whose map is not shared with d.
func (d Driver) clone() Driver {
	d.Capabilities = maps.Clone(d.Capabilities)
	return d
}

var registry struct {
	sync.RWMutex
	drivers map[string]Driver
}

// Register makes d known. Engines call it from init and do nothing else there. It panics on misuse, as
// [database/sql.Register] does: no name, both or neither of Open and Unavailable, or two drivers of one name that can
// both be opened. A driver that is Unavailable gives way to one that can be opened, in either order.
func Register(d Driver) {
	switch {
	case d.Name == "":
		panic("engine: Register: driver without a name")
	case (d.Open == nil) == (d.Unavailable == nil):
		panic("engine: Register: " + d.Name + ": set exactly one of Open and Unavailable")
	}
	registry.Lock()
	defer registry.Unlock()
	old, dup := registry.drivers[d.Name]
	if dup && old.Open != nil && d.Open != nil {
		panic("engine: Register: " + d.Name + " is registered twice")
	}
	if dup && d.Open == nil {
		return
	}
	if registry.drivers == nil {
		registry.drivers = make(map[string]Driver)
	}
	registry.drivers[d.Name] = d.clone()
}

// List returns the registered drivers, pure Go ones first, then by name.
func List() []Driver {
	registry.RLock()
	defer registry.RUnlock()
	list := make([]Driver, 0, len(registry.drivers))
	for _, d := range registry.drivers {
		list = append(list, d.clone())
	}
	slices.SortFunc(list, func(a, b Driver) int {
		if a.Native != b.Native {
			if a.Native {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return list
}

// Lookup returns the driver of that name.
func Lookup(name string) (Driver, bool) {
	registry.RLock()
	defer registry.RUnlock()
	d, ok := registry.drivers[name]
	return d.clone(), ok
}

// Open opens the named engine: an [*UnknownEngineError] where none has that name, the driver's Unavailable where it is
// not part of the program. It never opens another one instead. Close the engine when done.
func Open(ctx context.Context, name string, opts Options) (Engine, error) {
	d, ok := Lookup(name)
	if !ok {
		return nil, unknown(name)
	}
	if d.Open == nil {
		return nil, d.Unavailable
	}
	return d.Open(ctx, opts)
}

func unknown(name string) error {
	e := &UnknownEngineError{Name: name}
	for _, d := range List() {
		e.Registered = append(e.Registered, d.Name)
	}
	return e
}

// SelectError is [Select]'s when no driver will do.
type SelectError struct {
	Format  wasi.Format
	Refused []Refusal // every candidate, in the order tried
}

// Refusal says why a candidate was passed over.
type Refusal struct {
	Engine string
	Err    error
}

// Error implements error: a line for each candidate, and one for all that are not built into the program.
func (e *SelectError) Error() string {
	if len(e.Refused) == 0 {
		return "engine: no engine is registered (forgotten import?)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "engine: no engine can run this %s:", e.Format)
	var notBuilt []string
	for _, r := range e.Refused {
		if errors.Is(r.Err, ErrNotBuilt) {
			notBuilt = append(notBuilt, r.Engine)
			continue
		}
		fmt.Fprintf(&b, "\n\t%s: %v", r.Engine, r.Err)
	}
	if len(notBuilt) > 0 {
		fmt.Fprintf(&b, "\n\tnot built: %s", strings.Join(notBuilt, ", "))
	}
	return b.String()
}

// Unwrap returns the reasons.
func (e *SelectError) Unwrap() []error {
	errs := make([]error, len(e.Refused))
	for i, r := range e.Refused {
		errs[i] = r.Err
	}
	return errs
}

// ExitStatus returns 126.
func (e *SelectError) ExitStatus() int { return statusNotRunnable }

// Select returns the first driver that can be opened, runs format and declares all of need: those named in prefer first,
// in that order, then the others in the order of [List]. A name in prefer that is not registered is an error: a
// preference is never forgotten silently. Where none will do the error is a [*SelectError].
func Select(format wasi.Format, need Capabilities, prefer ...string) (Driver, error) {
	var candidates []Driver
	for _, name := range prefer {
		d, ok := Lookup(name)
		if !ok {
			return Driver{}, unknown(name)
		}
		candidates = append(candidates, d)
	}
	for _, d := range List() {
		if !slices.Contains(prefer, d.Name) {
			candidates = append(candidates, d)
		}
	}
	var refused []Refusal
	for _, d := range candidates {
		err := d.can(format, need)
		if err == nil {
			return d, nil
		}
		refused = append(refused, Refusal{d.Name, err})
	}
	return Driver{}, &SelectError{Format: format, Refused: refused}
}

// Can tells whether d can be opened, runs format and declares all of need: nil, or d.Unavailable, or an
// [*UnsupportedError]. The open engine's [Info] is exact and may have less.
func (d Driver) Can(format wasi.Format, need Capabilities) error {
	err := d.can(format, need)
	var unsupported *UnsupportedError
	if d.Open != nil && errors.As(err, &unsupported) {
		unsupported.Others = others(d.Name, format, need)
	}
	return err
}

func (d Driver) can(format wasi.Format, need Capabilities) error {
	if d.Open == nil {
		return d.Unavailable
	}
	have, ok := d.Capabilities[format]
	if !ok {
		return &UnsupportedError{Engine: d.Name, Format: format}
	}
	if missing := have.Missing(need); !missing.Empty() {
		return &UnsupportedError{Engine: d.Name, Format: format, Missing: missing}
	}
	return nil
}
