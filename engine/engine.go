package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// Engine is one WebAssembly runtime. Engines implement it; callers use it. It is safe for concurrent use.
type Engine interface {
	// Info describes the open engine; its capabilities are exact for this build and these Options.
	Info() Info
	// Compile makes a Module of src, from the cache where one was configured and has it. It fails with an
	// *InvalidModuleError for what is not a valid module, an *UnsupportedError for a format or a feature that the
	// engine has not, a *TooLargeError beyond Options.MaxModuleBytes, a *StoppedError when ctx ends, and ErrClosed.
	// A compilation that the engine cannot interrupt goes on in the background after ctx has ended.
	Compile(ctx context.Context, src Source) (Module, error)
	// Close refuses new work, waits for running instances as sql.DB does (end their contexts to be quick), closes
	// the engine's modules and frees it. Close is idempotent.
	Close() error
}

// Module is immutable compiled code. Engines implement it; callers use it. It is safe for concurrent use.
type Module interface {
	// Info describes the module.
	Info() ModuleInfo
	// Start makes a fresh instance and runs it. ctx is the guest's lifetime, not the call's. Start copies cfg; the
	// streams and files in it are in use until Wait returns. All that can be known before the first guest
	// instruction fails here: an invalid Config (*wasi.FieldError), *UnsupportedError, *MissingImportError,
	// *MissingExportError, *SignatureError, *MemoryLimitError, mounts that cannot be opened, ErrClosed. What the guest
	// does, a trap in its start function included, is Wait's.
	Start(ctx context.Context, cfg *wasi.Config) (Instance, error)
	// Close waits for running instances and frees the module. Close is idempotent.
	Close() error
}

// Instance is one run of a guest. Engines implement it; callers use it. It is safe for concurrent use.
type Instance interface {
	// Wait returns when the guest has ended and everything it used is released, which happens without Wait too.
	// It is nil for exit status 0, else an *ExitError, *TrapError or *StoppedError, or the host's own failure. It may
	// be called often and concurrently and always returns the same.
	Wait() error
	// Stats returns what is known of the run now.
	Stats() Stats
}

// Run starts m and waits for it: [Module.Start], then [Instance.Wait].
func Run(ctx context.Context, m Module, cfg *wasi.Config) error {
	inst, err := m.Start(ctx, cfg)
	if err != nil {
		return err
	}
	return inst.Wait()
}

// Info describes an open engine.
type Info struct {
	Name         string             `json:"name"`         // as registered
	Version      string             `json:"version"`      // of the runtime beneath, "1.12.0"
	Capabilities FormatCapabilities `json:"capabilities"` // exact
}

// World is what a module offers to its host.
type World string

const (
	WorldCommand World = "command" // exports _start, or wasi:cli/run: Start runs it
	WorldReactor World = "reactor" // exports functions only: Start runs a named entrypoint, after _initialize
	WorldHTTP    World = "http"    // exports wasi:http/incoming-handler: not run yet
	WorldOther   World = "other"   // exports nothing that could be run
)

// ModuleInfo describes a module.
type ModuleInfo struct {
	Engine       string        `json:"engine"`
	Name         string        `json:"name,omitempty"` // of its Source, for messages
	Format       wasi.Format   `json:"format"`         // text is what it was assembled to
	World        World         `json:"world"`
	Digest       string        `json:"digest"` // "sha256:…" of the bytes given
	Size         int64         `json:"size"`   // of the bytes given
	Imports      []Extern      `json:"imports,omitempty"`
	Exports      []Extern      `json:"exports,omitempty"`
	MemoryBytes  uint64        `json:"memoryBytes"`  // it starts with: linear memory, and tables at 8 bytes an element in whole pages
	Cached       bool          `json:"cached"`       // loaded from the cache rather than compiled
	Capabilities Capabilities  `json:"capabilities"` // of the engine for this format
	CompileTime  time.Duration `json:"compileTime"`  // compiling or loading took this long
}

// Extern is one import or export.
type Extern struct {
	Module string `json:"module,omitempty"` // of imports; of what a component imports or exports in an instance, the instance
	Name   string `json:"name"`
	Kind   string `json:"kind"`           // "func", "memory", "table", "global", "tag"; of components "func", "resource", "module", "component"
	Type   string `json:"type,omitempty"` // functions: "(i32, i64) -> (i32)"; of components as WIT has it: "(u64) -> list<u8>"
}

// EntrypointType is the type an entrypoint must have.
const EntrypointType = "() -> ()"

// Stats is what is known of a run; zero where unknown.
type Stats struct {
	MemoryBytes     uint64        `json:"memoryBytes"`     // linear memory now
	MemoryPeakBytes uint64        `json:"memoryPeakBytes"` // linear memory at most
	HostCalls       uint64        `json:"hostCalls"`       // calls of WASI functions
	Elapsed         time.Duration `json:"elapsed"`         // since Start, until the end
}

// Options opens an engine. The zero value is valid for every engine.
type Options struct {
	// CacheDir keeps compiled code on disk, shared by processes. It is created with mode 0700 where it does not
	// exist, and refused when others may write to it. "" keeps none. The code in it is executed: see package
	// engine/cache.
	CacheDir string
	// CacheMode says how CacheDir is used; "" is CacheReadWrite. Any other without a CacheDir is an error of Open.
	CacheMode CacheMode
	// MaxModuleBytes bounds a module's size in bytes; 0 or less is DefaultMaxModuleBytes. A larger one is a *TooLargeError
	// before it is read.
	MaxModuleBytes int64
	// Uninterruptible leaves out the checks that let a context end a guest in a loop, for a process dedicated to one
	// guest and ended by a signal. Then any context with Done() != nil is refused. Default false.
	Uninterruptible bool
	// DebugInfo reads a module's DWARF, where the engine can, so that backtraces name source lines. It costs start
	// time, milliseconds for each exit on some engines, and on some the capability Interrupt. Default false.
	DebugInfo bool
	// Logger gets what an operator may want to know and a caller cannot act on, such as a damaged cache entry. Nil
	// is silent.
	Logger *slog.Logger
	// Observe is told of the phases of compiling and running. It is called serially and must not block. Nil is none.
	Observe func(Event)
}

// CacheMode is how an engine uses [Options.CacheDir].
type CacheMode string

const (
	// CacheReadWrite takes compiled code from the cache and puts there what had to be compiled, once for each module however
	// many processes want it at the same time: the others wait ([PhaseLock]).
	CacheReadWrite CacheMode = ""
	// CacheReadOnly takes compiled code from the cache and never writes to it. The directory must exist.
	CacheReadOnly CacheMode = "read-only"
	// CacheRequired is CacheReadOnly for a process that must not compile: a module without a usable entry is a
	// *NotCachedError.
	CacheRequired CacheMode = "required"
	// CacheExported is CacheRequired for a directory that [Export] filled. It is trusted: nothing in it is verified, and whoever can
	// write there can run code in this process. Loading from it takes no lock, no procfs and no directory for temporary files, so
	// that it may be on a read-only mount and belong to any user. Its path may lead through /proc/self/fd.
	CacheExported CacheMode = "exported"
)

// DefaultMaxModuleBytes is what Options.MaxModuleBytes means when 0 or less: 1 GiB.
const DefaultMaxModuleBytes = 1 << 30

// ModuleLimit returns MaxModuleBytes with its default applied.
func (o Options) ModuleLimit() int64 {
	if o.MaxModuleBytes <= 0 {
		return DefaultMaxModuleBytes
	}
	return o.MaxModuleBytes
}

// Signal is a context cause that stands for a Unix signal: a guest whose context is ended by
//
//	cancel(engine.Signal(15))
//
// (see [context.WithCancelCause]) has the exit status 128+15.
type Signal int

// Error implements error.
func (s Signal) Error() string { return fmt.Sprintf("signal %d", int(s)) }

// ExitStatus returns 128 and the signal's number, as shells do.
func (s Signal) ExitStatus() int { return 128 + int(s) }
