package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
)

var _ engine.Exporter = (*coreEngine)(nil)

// Export implements engine.Exporter.
func (e *coreEngine) Export(ctx context.Context, src engine.Source, dir string) error {
	err := e.export(ctx, src, dir)
	if err == nil || errors.As(err, new(*engine.Error)) { // of compiling
		return err
	}
	return &engine.Error{Engine: e.name, Op: "export", Err: err}
}

func (e *coreEngine) export(ctx context.Context, src engine.Source, dir string) error {
	no := func(reason string) error { return &engine.NoExportError{Engine: e.name, Reason: reason} }
	if !e.gate.Enter() {
		return engine.ErrClosed
	}
	defer e.gate.Leave()
	switch {
	case ctx.Err() != nil:
		return engine.Stopped(ctx)
	case e.cache == nil:
		return no("it was opened without a cache (Options.CacheDir)")
	case e.opts.CacheMode == engine.CacheExported:
		return no("what it has is exported already (Options.CacheMode): copy that directory")
	}
	content, err := e.content(src)
	if err != nil {
		return err
	}
	key := e.key(content.Digest)
	entry, err := e.cache.Get(key)
	if err != nil {
		if e.opts.CacheMode != engine.CacheReadWrite {
			if errors.Is(err, cache.ErrMiss) {
				err = nil
			}
			return &engine.NotCachedError{Name: src.Name(), Err: err}
		}
		m, err := e.Compile(ctx, src)
		if err != nil {
			return err
		}
		if err := m.Close(); err != nil {
			return err
		}
		if made, ok := m.(*module); ok && made.unkept != nil {
			return fmt.Errorf("the code of %s cannot be kept: %w", src.Name(), made.unkept)
		}
		if entry, err = e.cache.Get(key); err != nil {
			return no("its cache does not have the code of " + src.Name() + " even after compiling: " + err.Error())
		}
	}
	defer entry.File.Close()
	place := "code"
	if p, ok := e.rt.(Placer); ok {
		place = p.Place(entry.Label)
	}
	return e.cache.Export(key, entry, dir, place)
}
