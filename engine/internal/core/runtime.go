package core

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
	"github.com/wasmoci/wasmoci/wasi/preview2"
)

// Runtime is one WebAssembly runtime, as its adapter supplies it. It is used concurrently; Close comes last and once.
type Runtime interface {
	// Version is the native runtime's; it is part of a cache key.
	Version() string
	// Compile validates and compiles. What is no valid module is an *engine.InvalidModuleError, what needs a feature that
	// the runtime has not an *engine.UnsupportedError. ctx does not end.
	Compile(ctx context.Context, src *Source) (Code, error)
	// Config names what of the configuration changes the code; it is part of the cache key.
	Config() string
	// Save hands what Load takes to put, with a label (see [cache.Dir.Put]). To put nothing is not an error.
	Save(c Code, put func(label string, content io.Reader) error) error
	// Load makes code of an entry that Save wrote, whose content has been verified or was exported, and which it does not close. An error
	// means that it must be compiled again: the entry is of another version, or of another machine. ctx does not end.
	// Where the source's digest was known ([engine.FromKnown]), nobody has compared src with the entry: its file may have become another
	// since. What src says, a runtime has to check against the code before it relies on it.
	Load(ctx context.Context, src *Source, entry *cache.Entry) (Code, error)
	// Close frees the runtime; no code of it is left.
	Close() error
}

// Assembler is a [Runtime] that understands the text format. What it assembles is compiled like any binary.
type Assembler interface {
	Runtime
	// Assemble translates text into a binary: a core module, or a component.
	Assemble(text []byte) ([]byte, error)
}

// Placer is a [Runtime] that reads its code by a name of its own.
type Placer interface {
	Runtime
	// Place is where, beneath a folder for it alone, exported code has to be whose entry has this label.
	Place(label string) string
}

// Outliner is a [Runtime] whose Load needs no more of a core module than its outline ([engine.Source].Outline).
type Outliner interface {
	Runtime
	Outlined()
}

// Source is a module to compile.
type Source struct {
	Name   string      // for messages
	Format wasi.Format // one for which the engine has capabilities
	Bytes  []byte      // not to be modified

	read       bool
	module     wasm.Module
	unreadable error
}

// Module is what [wasm.Read] says of the bytes, which are those of a core module. They are read once, for adapter and package; not
// concurrently.
func (s *Source) Module() (wasm.Module, error) {
	if !s.read {
		s.module, s.unreadable = wasm.Read(s.Bytes)
		s.read = true
	}
	return s.module, s.unreadable
}

// Code is a compiled module. It is used concurrently; Close comes last and once.
type Code interface {
	// Run makes a fresh instance, runs its start function, then _initialize if r says so, then the entrypoint, and gives
	// back all that the instance took. It returns nil when the entrypoint returned; ErrStopped when the guest was ended by
	// preview1.Stop or by the end of ctx; else an *engine.TrapError or another error. ctx is the guest's lifetime.
	Run(ctx context.Context, r *Run) error
	Close() error
}

// Describer is a [Code] of a format that core cannot read by itself, such as components.
type Describer interface {
	// Describe fills in Imports, Exports and MemoryBytes. The functions of an instance have its name as their Module.
	Describe(info *engine.ModuleInfo) error
}

// ErrStopped is what [Code.Run] returns for a guest that was ended from outside, or by leaving a host function. Why is known
// to its host and its context.
var ErrStopped = errors.New("core: the guest was stopped")

// Run is one run of a guest.
type Run struct {
	Config     *wasi.Config   // a copy, checked
	Host       *preview1.Host // nil for components
	Component  *preview2.Host // nil for core modules
	Entrypoint string         // never "" for core modules
	Initialize bool           // _initialize is exported and comes first
	// MemoryLimit in bytes is in whole pages; 0 is none.
	MemoryLimit uint64

	begin     func()
	now, peak atomic.Uint64
}

// world is what both hosts have in common.
type world interface {
	Exited() (code uint32, ok bool)
	Err() error
	Calls() uint64
	Close() error
}

// world is the host of the run, whichever it is.
func (r *Run) world() world {
	if r.Component != nil {
		return r.Component
	}
	return r.Host
}

// Begin tells that guest code comes next: all instances are made.
func (r *Run) Begin() { r.begin() }

// Resized tells how large the guest's linear memory is now, in bytes. It may be called as often as somebody looks, by one
// goroutine at a time.
func (r *Run) Resized(bytes uint64) {
	if bytes == r.now.Load() {
		return
	}
	r.now.Store(bytes)
	if bytes > r.peak.Load() {
		r.peak.Store(bytes)
	}
}
