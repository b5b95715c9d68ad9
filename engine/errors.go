package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// ErrClosed is what using an engine or a module after its Close returns.
var ErrClosed = errors.New("engine: use of closed engine or module")

// ErrNotBuilt matches every [*NotBuiltError].
var ErrNotBuilt = errors.New("engine: not built into this program")

// Exit statuses for what is not the guest's own. They follow shells and docker: 125 the runtime itself failed, 126
// found but not runnable, 127 not found, 128+n ended by signal n.
const (
	statusHost        = 125
	statusNotRunnable = 126
	statusTrap        = 134 // 128+SIGABRT
	statusKilled      = 137 // 128+SIGKILL
)

// Error says in which engine and operation something failed.
type Error struct {
	Engine string // "wazero"
	Op     string // "open", "compile", "export", "start" or "run"
	Err    error
}

// Error implements error: "wazero: compile: …".
func (e *Error) Error() string { return e.Engine + ": " + e.Op + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// UnknownEngineError is [Open]'s when no driver has the name.
type UnknownEngineError struct {
	Name       string
	Registered []string
}

// Error implements error.
func (e *UnknownEngineError) Error() string {
	have := "none is registered"
	if len(e.Registered) > 0 {
		have = "registered are " + strings.Join(e.Registered, ", ")
	}
	return fmt.Sprintf("engine: unknown engine %q: %s (forgotten import?)", e.Name, have)
}

// ExitStatus returns 126.
func (e *UnknownEngineError) ExitStatus() int { return statusNotRunnable }

// NotBuiltError is [Open]'s for an engine that is known but not part of the program. It matches [ErrNotBuilt] and
// [errors.ErrUnsupported].
type NotBuiltError struct {
	Engine  string
	Tag     string // build tag that adds it
	CGO     bool   // it needs cgo
	Library string // native library it needs at build or run time, "" where the binding brings its own
	Reason  string // what stands in the way even with all of these, in words; "" where nothing does
}

// Error implements error. Where there is a Reason the tag alone would not help, and is not given as advice.
func (e *NotBuiltError) Error() string {
	s := fmt.Sprintf("engine: %s is not built into this program", e.Engine)
	needs := ""
	if e.Tag != "" {
		needs = "-tags " + e.Tag
		if e.CGO {
			needs += " with CGO_ENABLED=1"
		}
		if e.Library != "" {
			needs += " and " + e.Library
		}
	}
	switch {
	case e.Reason != "" && needs != "":
		return s + ": " + e.Reason + " (it will need " + needs + ")"
	case e.Reason != "":
		return s + ": " + e.Reason
	case needs != "":
		return s + "; it needs " + needs
	}
	return s
}

// Is matches ErrNotBuilt and errors.ErrUnsupported.
func (e *NotBuiltError) Is(target error) bool {
	return target == ErrNotBuilt || target == errors.ErrUnsupported
}

// ExitStatus returns 126.
func (e *NotBuiltError) ExitStatus() int { return statusNotRunnable }

// UnsupportedError is a request that the engine cannot honour, made before any guest instruction has run. It matches
// [errors.ErrUnsupported].
type UnsupportedError struct {
	Engine  string
	Format  wasi.Format
	Missing Capabilities // what the request needs and the engine has not; empty when it does not run the format at all
	Others  []string     // registered engines that can
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	var b strings.Builder
	if e.Missing.Empty() {
		fmt.Fprintf(&b, "engine: %s does not run the format %s", e.Engine, e.Format)
	} else {
		fmt.Fprintf(&b, "engine: %s has not what this run needs for format %s:", e.Engine, e.Format)
		for i, c := range e.Missing.sorted {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, " %s (%s)", c, c.Describe())
		}
	}
	switch {
	case e.Format == wasi.FormatPrecompiled:
		b.WriteString("; precompiled code is never run from a file: give the module it was made of")
	case len(e.Others) > 0:
		b.WriteString("; engines that can: " + strings.Join(e.Others, ", "))
	default:
		b.WriteString("; no engine in this program can")
		if e.Format == wasi.FormatText {
			b.WriteString(": assemble it first, for example with wat2wasm")
		}
	}
	return b.String()
}

// Is matches errors.ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// ExitStatus returns 126.
func (e *UnsupportedError) ExitStatus() int { return statusNotRunnable }

// InvalidModuleError is what is not a valid module of its format, or uses a proposal that the engine has not.
type InvalidModuleError struct {
	Name   string      // of its Source
	Format wasi.Format // as far as the first bytes tell
	Err    error       // the engine's or the reader's reason
}

// Error implements error.
func (e *InvalidModuleError) Error() string {
	return fmt.Sprintf("engine: %s is not a valid %s: %v", nameOr(e.Name), formatWord(e.Format), e.Err)
}

// Unwrap returns Err.
func (e *InvalidModuleError) Unwrap() error { return e.Err }

// ExitStatus returns 126.
func (e *InvalidModuleError) ExitStatus() int { return statusNotRunnable }

// TooLargeError is a module beyond [Options.MaxModuleBytes].
type TooLargeError struct {
	Name      string
	Size, Max int64 // bytes
}

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("engine: %s has %d bytes, more than the limit of %d (Options.MaxModuleBytes)", nameOr(e.Name), e.Size, e.Max)
}

// ExitStatus returns 126.
func (e *TooLargeError) ExitStatus() int { return statusNotRunnable }

// NotCachedError is a module without usable compiled code in the cache of an engine that may not compile
// ([CacheRequired], [CacheExported]). Its exit status is that of the host's own failures.
type NotCachedError struct {
	Name string
	Err  error // why what there is cannot be used; nil where there is nothing
}

// Error implements error.
func (e *NotCachedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("engine: the compiled code of %s cannot be used, and this engine may not compile (Options.CacheMode): %v", nameOr(e.Name), e.Err)
	}
	return fmt.Sprintf("engine: %s has no compiled code in the cache, and this engine may not compile (Options.CacheMode): compile it beforehand", nameOr(e.Name))
}

// Unwrap returns Err.
func (e *NotCachedError) Unwrap() error { return e.Err }

// NoExportError is [Export]'s for an engine that has no compiled code to give away. It matches [errors.ErrUnsupported].
type NoExportError struct {
	Engine string
	Reason string
}

// Error implements error.
func (e *NoExportError) Error() string {
	return fmt.Sprintf("engine: %s cannot export compiled code: %s", e.Engine, e.Reason)
}

// Is matches errors.ErrUnsupported.
func (e *NoExportError) Is(target error) bool { return target == errors.ErrUnsupported }

// MissingImportError is an import that no host provides: the module was made for another host.
type MissingImportError struct {
	Module, Name string
	Kind         string // "func", "memory", "table", "global", "instance", "resource"
	Type         string // as imported, for functions
	Want         string // the host's type, where the name is provided with another one; else ""
}

// Error implements error.
func (e *MissingImportError) Error() string {
	if e.component() {
		s := fmt.Sprintf("engine: the guest imports %s", strings.TrimSpace(e.Kind+" "+e.Module+" "+e.Name))
		if e.Want != "" {
			s += fmt.Sprintf(" as %s, the host has it as %s", e.Type, e.Want)
		} else {
			s += ", which this host does not provide"
		}
		return s + ": build the guest for the world wasi:cli/command of WASI 0.2 (wasip2)"
	}
	if e.Want != "" {
		return fmt.Sprintf("engine: the guest imports %s %q %q as %s, the host has it as %s: rebuild the guest for wasi_snapshot_preview1",
			e.Kind, e.Module, e.Name, e.Type, e.Want)
	}
	return fmt.Sprintf("engine: the guest imports %s %q %q, which this host does not provide: build the guest for wasip1 (wasi_snapshot_preview1)",
		e.Kind, e.Module, e.Name)
}

// ExitStatus returns 126.
func (e *MissingImportError) ExitStatus() int { return statusNotRunnable }

// component tells a component's import: the name of an interface, or nothing that an import of a core module is without.
func (e *MissingImportError) component() bool {
	return e.Module == "" || strings.Contains(e.Module, ":")
}

// MissingExportError is an entrypoint, or a memory, that the module does not export.
type MissingExportError struct {
	Name      string
	Functions []string // exported functions that could be entrypoints
}

// Error implements error.
func (e *MissingExportError) Error() string {
	s := fmt.Sprintf("engine: the module does not export %q", e.Name)
	if len(e.Functions) == 0 {
		return s + ", nor any function that could be an entrypoint"
	}
	return s + "; it could be started at " + strings.Join(e.Functions, ", ")
}

// ExitStatus returns 126.
func (e *MissingExportError) ExitStatus() int { return statusNotRunnable }

// SignatureError is an entrypoint that is not a function () -> ().
type SignatureError struct {
	Name string
	Got  string // "(i32) -> ()", or the kind of what is no function
}

// Error implements error.
func (e *SignatureError) Error() string {
	return fmt.Sprintf("engine: the entrypoint %q is %s, but an entrypoint takes and returns nothing: %s", e.Name, e.Got, EntrypointType)
}

// ExitStatus returns 126.
func (e *SignatureError) ExitStatus() int { return statusNotRunnable }

// MemoryLimitError is a module that starts with more memory than the run's limit.
type MemoryLimitError struct {
	Need, Limit uint64 // bytes
}

// Error implements error.
func (e *MemoryLimitError) Error() string {
	return fmt.Sprintf("engine: the module starts with %d bytes of memory, more than the limit of %d: raise the memory limit", e.Need, e.Limit)
}

// ExitStatus returns 126.
func (e *MemoryLimitError) ExitStatus() int { return statusNotRunnable }

func nameOr(name string) string {
	if name == "" {
		return "the module"
	}
	return name
}

func formatWord(f wasi.Format) string {
	switch f {
	case wasi.FormatModule:
		return "WebAssembly module"
	case wasi.FormatComponent:
		return "WebAssembly component"
	case wasi.FormatText:
		return "WebAssembly text"
	}
	return "WebAssembly file"
}
