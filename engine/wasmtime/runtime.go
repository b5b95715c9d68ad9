//go:build wasmtime && cgo

package wasmtime

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
)

// host is Wasmtime as a runtime of package core.
type host struct {
	*library
	threads
	cache *cache.Dir // nil without one
}

func (*host) Version() string { return version }

// Config implements core.Runtime.
func (rt *host) Config() string { return fmt.Sprintf("epochs %t", rt.epochs) }

func (rt *host) Close() error {
	rt.threads.close()
	rt.library.close()
	return nil
}

// Outlined implements core.Outliner.
func (*host) Outlined() {}

// Assemble implements core.Assembler.
func (*host) Assemble(text []byte) ([]byte, error) { return assemble(text) }

// Compile implements core.Runtime.
func (rt *host) Compile(_ context.Context, src *core.Source) (core.Code, error) {
	if src.Format == wasi.FormatComponent {
		return rt.buildComponent(src, func() (*component, error) { return rt.compileComponent(src.Bytes) })
	}
	return rt.build(src, func(imports []int) (*compiled, error) { return rt.compile(src.Bytes, imports) })
}

// Save implements core.Runtime.
func (*host) Save(c core.Code, put func(label string, content io.Reader) error) error {
	keep := func(machine []byte) error { return put("", bytes.NewReader(machine)) }
	if c, ok := c.(*componentCode); ok {
		return c.component.serialize(keep)
	}
	return c.(*code).compiled.serialize(keep)
}

// Load implements core.Runtime. Wasmtime compares its version, its configuration and the processor's features with those in the entry. It
// maps the file, by a path, as the system does with a program, so processes that run one module share the memory of its code.
func (rt *host) Load(_ context.Context, src *core.Source, entry *cache.Entry) (core.Code, error) {
	if src.Format == wasi.FormatComponent {
		return rt.buildComponent(src, func() (*component, error) { return rt.deserializeComponent(rt.cache.Path(entry)) })
	}
	return rt.build(src, func(imports []int) (*compiled, error) { return rt.deserialize(rt.cache.Path(entry), imports) })
}

// build makes code by compiling or loading. What cannot be read is only said after Wasmtime had the chance to say better what is wrong.
func (rt *host) build(src *core.Source, by func(imports []int) (*compiled, error)) (core.Code, error) {
	invalid := func(err error) error {
		return &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: err}
	}
	m, unreadable := src.Module()
	var imports []int
	if unreadable == nil {
		imports = core.HostFunctions(m.Imports)
	}
	made, err := by(imports)
	if err != nil {
		return nil, invalid(err)
	}
	c := &code{host: rt, compiled: made, demand: demandOf(m)}
	err = unreadable
	if err == nil {
		err = c.demand.refused()
	}
	if err != nil {
		made.close()
		return nil, invalid(err)
	}
	return c, nil
}
