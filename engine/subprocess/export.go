//go:build linux

package subprocess

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/wasmoci/wasmoci/engine"
)

var _ engine.Exporter = (*subEngine)(nil)

// Export implements engine.Exporter: a child does it.
func (e *subEngine) Export(ctx context.Context, src engine.Source, dir string) error {
	fail := func(err error) error { return e.failed("export", err) }
	if !e.gate.Enter() {
		return fail(engine.ErrClosed)
	}
	defer e.gate.Leave()
	if ctx.Err() != nil {
		return fail(engine.Stopped(ctx))
	}
	if e.opts.CacheDir == "" {
		return fail(&engine.NoExportError{Engine: e.info.Name, Reason: "it was opened without a cache (Options.CacheDir)"})
	}
	content, err := src.Load(e.opts.ModuleLimit())
	if err != nil {
		return fail(err)
	}
	dir, err = filepath.Abs(dir) // the child is in another directory
	if err != nil {
		return fail(err)
	}
	file, err := seal(content.Bytes)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	before, err := os.ReadDir(dir)
	if err != nil {
		return fail(err)
	}
	if err := e.export(ctx, src.Name(), file, dir); err != nil {
		undo(dir, before)
		return err
	}
	return nil
}

// undo removes what a child has left in dir that was ended in the middle of it.
func undo(dir string, before []os.DirEntry) {
	after, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, a := range after {
		if !slices.ContainsFunc(before, func(b os.DirEntry) bool { return a.Name() == b.Name() }) {
			_ = os.RemoveAll(filepath.Join(dir, a.Name()))
		}
	}
}

// export has a child of its own export the module.
func (e *subEngine) export(ctx context.Context, name string, module *os.File, dir string) error {
	c, err := e.spawn(&e.open)
	if err != nil {
		return e.failed("export", err)
	}
	c.module.Store(&engine.ModuleInfo{Name: name})
	fd, err := duplicate(module)
	if err == nil {
		err = c.send(kindExport, &exportRequest{Name: text(name), Dir: text(dir)}, []int{fd})
		closeAll([]int{fd})
	}
	if err != nil {
		return e.failed("export", c.giveUp(err))
	}
	if err = c.awaitOpened(ctx, nil); err == nil {
		err = c.answer(ctx, "export", kindExported, nil)
	}
	c.quit()
	return err
}

// export returns how children open the engine that only run m: where its code can be exported, with that and nothing else, so that they
// neither verify nor lock anything. It is exported when it is first asked for.
func (m *module) export(ctx context.Context) (*openRequest, error) {
	select {
	case m.exporting <- struct{}{}:
	case <-ctx.Done():
		return nil, engine.Stopped(ctx)
	}
	defer func() { <-m.exporting }()
	if m.open != nil {
		return m.open, nil
	}
	open := m.engine.open
	if m.engine.opts.CacheMode == engine.CacheExported {
		m.open = &open
		return m.open, nil
	}
	above, err := m.engine.private("")
	if err == nil {
		m.exported, err = os.MkdirTemp(above, "code-")
	}
	if err == nil {
		err = m.engine.export(ctx, m.info.Name, m.file, m.exported)
	}
	if err == nil {
		open.CacheDir, open.CacheMode = text(m.exported), text(engine.CacheExported)
	} else {
		m.leave()
		if ctx.Err() != nil {
			return nil, engine.Stopped(ctx)
		}
		if log := m.engine.opts.Logger; log != nil && !errors.As(err, new(*engine.NoExportError)) {
			log.Warn("children load the module from the cache, which takes longer", "module", m.info.Name, "error", err)
		}
	}
	m.open = &open
	return m.open, nil
}

// leave removes what was exported of m.
func (m *module) leave() {
	if m.exported != "" {
		_ = os.RemoveAll(m.exported)
	}
}
