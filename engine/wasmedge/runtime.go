//go:build wasmedge && cgo

package wasmedge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// host is libwasmedge as a runtime of package core.
type host struct {
	library  *library
	compiled bool       // rather than interpreted
	cache    *cache.Dir // nil without one
}

// Version tells how guests are run, too.
func (h *host) Version() string {
	if h.compiled {
		return h.library.version + " (compiled)"
	}
	return h.library.version + " (interpreted)"
}

// Config implements core.Runtime. The number is one more for each change of what instrument or enterable make.
func (h *host) Config() string {
	if h.compiled {
		return "compiled, enterable 1"
	}
	return "interpreter, instrumented 2"
}

// Close implements core.Runtime.
func (h *host) Close() error {
	h.library.close()
	return nil
}

// Compile implements core.Runtime.
func (h *host) Compile(_ context.Context, src *core.Source) (core.Code, error) {
	kept, err := h.prepare(src.Bytes)
	var c core.Code
	if err == nil {
		c, err = h.load(src, kept)
	}
	var failed *compileError
	switch {
	case errors.As(err, &failed):
		return nil, err
	case err != nil:
		return nil, &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: err}
	}
	return c, nil
}

// prepare makes what is kept of a module.
func (h *host) prepare(module []byte) ([]byte, error) {
	if !h.compiled {
		return instrument(module)
	}
	// What is added must not make valid what is not.
	if plain, err := instrument(module); err != nil {
		return nil, err
	} else if m, r := h.library.load(plain); r.code != resultOK {
		return nil, errors.New(r.message)
	} else {
		m.close()
	}
	prepared, err := enterable(module)
	if err != nil {
		return nil, err
	}
	return h.compile(prepared)
}

// compileError is a failure of the compiler, or of what it needs: no fault of the module's.
type compileError struct{ err error }

func (e *compileError) Error() string { return "compile with LLVM: " + e.err.Error() }
func (e *compileError) Unwrap() error { return e.err }

// compile returns a module with its native code in it. The compiler writes that to a file, and to another one beside it.
func (h *host) compile(module []byte) ([]byte, error) {
	dir, remove, err := h.scratch()
	if err != nil {
		return nil, &compileError{err}
	}
	defer remove()
	path := filepath.Join(dir, "compiled.wasm")
	if err := h.library.compile(module, path); err != nil {
		return nil, &compileError{err}
	}
	compiled, err := os.ReadFile(path)
	if err != nil {
		return nil, &compileError{err}
	}
	return compiled, nil
}

// scratch makes a directory for the compiler.
func (h *host) scratch() (path string, remove func(), err error) {
	if h.cache != nil {
		return h.cache.Scratch()
	}
	path, err = os.MkdirTemp("", "wasmoci-")
	return path, func() { _ = os.RemoveAll(path) }, err
}

// Save implements core.Runtime: what is kept is the module as the library gets it, with its native code in it where it has some.
func (*host) Save(made core.Code, put func(label string, content io.Reader) error) error {
	c := made.(*code)
	err := put("", bytes.NewReader(c.fresh))
	c.fresh = nil
	return err
}

// Load implements core.Runtime.
func (h *host) Load(_ context.Context, src *core.Source, entry *cache.Entry) (core.Code, error) {
	st, err := entry.File.Stat()
	if err != nil {
		return nil, err
	}
	kept := make([]byte, st.Size())
	if _, err := io.ReadFull(entry.File, kept); err != nil {
		return nil, err
	}
	c, err := h.load(src, kept)
	if err != nil {
		return nil, err
	}
	c.(*code).fresh = nil
	return c, nil
}

// load makes code of src, of which kept is what prepare has made.
func (h *host) load(src *core.Source, kept []byte) (core.Code, error) {
	original, err := wasm.Read(src.Bytes)
	if err != nil {
		return nil, err
	}
	if len(kept) > math.MaxInt32 {
		return nil, errors.New("it is too large")
	}
	c := &code{library: h.library, alone: h.compiled, fresh: kept, pages: original.MemoryPages}
	for _, f := range core.HostFunctions(original.Imports) {
		c.imports = append(c.imports, uint32(f))
	}
	m, r := h.library.load(kept)
	if r.code != resultOK {
		return nil, errors.New(r.message)
	}
	c.module = m
	return c, nil
}
