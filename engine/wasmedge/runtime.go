//go:build wasmedge && cgo

package wasmedge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
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
		return "shared library, enterable 1"
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
	invalid := func(err error) error {
		return &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: err}
	}
	checked, err := instrument(src.Bytes)
	if err != nil {
		return nil, invalid(err)
	}
	m, r := h.library.load(checked)
	if r.code != resultOK {
		return nil, invalid(errors.New(r.message))
	}
	if !h.compiled {
		return h.code(src, m, checked)
	}
	m.close() // it is valid: what is added below has not made it so
	c, err := h.compile(src)
	if err != nil {
		return nil, fmt.Errorf("compile with LLVM: %w", err)
	}
	return c, nil
}

// compile compiles a valid module. The compiler writes files, in a directory that is gone afterwards.
func (h *host) compile(src *core.Source) (core.Code, error) {
	prepared, err := enterable(src.Bytes)
	if err != nil {
		return nil, err
	}
	dir, remove, err := h.scratch()
	if err != nil {
		return nil, err
	}
	defer remove()
	path := filepath.Join(dir, "guest.so")
	if err := h.library.compile(prepared, path); err != nil {
		return nil, err
	}
	var fresh []byte
	if h.cache != nil {
		if fresh, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	m, r := h.library.loadCompiled(path)
	if r.code != resultOK {
		return nil, errors.New(r.message)
	}
	return h.code(src, m, fresh)
}

// scratch makes a directory for the compiler.
func (h *host) scratch() (path string, remove func(), err error) {
	if h.cache != nil {
		return h.cache.Scratch()
	}
	path, err = os.MkdirTemp("", "wasmoci-")
	return path, func() { _ = os.RemoveAll(path) }, err
}

// Save implements core.Runtime: what is kept is the module as the library gets it, or the shared library that it was compiled to.
func (*host) Save(made core.Code, put func(label string, content io.Reader) error) error {
	c := made.(*code)
	err := put("", bytes.NewReader(c.fresh))
	c.fresh = nil
	return err
}

// Load implements core.Runtime.
func (h *host) Load(_ context.Context, src *core.Source, entry *cache.Entry) (core.Code, error) {
	m, r, err := h.take(entry)
	if err == nil && r.code != resultOK {
		err = errors.New(r.message)
	}
	if err != nil {
		return nil, err
	}
	return h.code(src, m, nil)
}

// take loads an entry: from memory, or as the system loads a library.
func (h *host) take(entry *cache.Entry) (module, result, error) {
	if h.compiled {
		m, r := h.library.loadCompiled(h.cache.Path(entry))
		return m, r, nil
	}
	st, err := entry.File.Stat()
	if err != nil {
		return module{}, result{}, err
	}
	checked := make([]byte, st.Size())
	if _, err := io.ReadFull(entry.File, checked); err != nil {
		return module{}, result{}, err
	}
	m, r := h.library.load(checked)
	return m, r, nil
}

// code makes code of src, of which m is what has been loaded, and fresh what the cache has not.
func (h *host) code(src *core.Source, m module, fresh []byte) (core.Code, error) {
	original, err := src.Module()
	if err != nil {
		m.close()
		return nil, err
	}
	c := &code{library: h.library, module: m, alone: h.compiled, fresh: fresh, pages: original.MemoryPages}
	for _, f := range core.HostFunctions(original.Imports) {
		c.imports = append(c.imports, uint32(f))
	}
	return c, nil
}
