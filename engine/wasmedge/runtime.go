//go:build wasmedge && cgo

package wasmedge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// interpreter is libwasmedge as a runtime of package core.
type interpreter struct{ library *library }

func (i *interpreter) Version() string { return i.library.version }

// Config implements core.Keeper. The number is one more for each change of what instrument makes.
func (*interpreter) Config() string { return "interpreter, instrumented 2" }

// Close implements core.Runtime.
func (i *interpreter) Close() error {
	i.library.close()
	return nil
}

// Compile implements core.Runtime.
func (i *interpreter) Compile(_ context.Context, src *core.Source) (core.Code, error) {
	checked, err := instrument(src.Bytes)
	if err == nil {
		var c core.Code
		if c, err = i.load(src, checked); err == nil {
			return c, nil
		}
	}
	return nil, &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: err}
}

// Save implements core.Keeper: what is kept is the instrumented module.
func (*interpreter) Save(made core.Code, put func(label string, content io.Reader) error) error {
	c := made.(*code)
	err := put("", bytes.NewReader(c.fresh))
	c.fresh = nil
	return err
}

// Load implements core.Keeper.
func (i *interpreter) Load(_ context.Context, src *core.Source, entry *cache.Entry) (core.Code, error) {
	st, err := entry.File.Stat()
	if err != nil {
		return nil, err
	}
	checked := make([]byte, st.Size())
	if _, err := io.ReadFull(entry.File, checked); err != nil {
		return nil, err
	}
	c, err := i.load(src, checked)
	if err != nil {
		return nil, err
	}
	c.(*code).fresh = nil
	return c, nil
}

// load makes code of src, of which checked is the instrumented form.
func (i *interpreter) load(src *core.Source, checked []byte) (core.Code, error) {
	original, err := wasm.Read(src.Bytes)
	if err != nil {
		return nil, err
	}
	if len(checked) > math.MaxInt32 {
		return nil, errors.New("it is too large")
	}
	c := &code{library: i.library, fresh: checked, pages: original.MemoryPages}
	for _, f := range core.HostFunctions(original.Imports) {
		c.imports = append(c.imports, uint32(f))
	}
	m, r := i.library.load(checked)
	if r.code != resultOK {
		return nil, errors.New(r.message)
	}
	c.module = m
	return c, nil
}
