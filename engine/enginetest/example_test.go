package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// modest is an engine as a third party may have it: it runs on another and can do less, and it says so.
type modest struct{ engine.Engine }

func openModest(ctx context.Context, opts engine.Options) (engine.Engine, error) {
	eng, err := wazero.New(ctx, opts)
	if err != nil {
		return nil, err
	}
	return modest{eng}, nil
}

func (e modest) Info() engine.Info {
	info := e.Engine.Info()
	can := info.Capabilities[wasi.FormatModule].Without(engine.Interrupt, engine.MountReadOnly, engine.MountFile, engine.Entrypoint)
	info.Capabilities = engine.FormatCapabilities{wasi.FormatModule: can}
	return info
}

func (e modest) Compile(ctx context.Context, src engine.Source) (engine.Module, error) {
	m, err := e.Engine.Compile(ctx, src)
	if err != nil {
		return nil, err
	}
	return modestModule{m, e}, nil
}

type modestModule struct {
	engine.Module
	eng modest
}

func (m modestModule) Info() engine.ModuleInfo {
	info := m.Module.Info()
	info.Capabilities = m.eng.Info().Capabilities[info.Format]
	return info
}

// Start refuses what the engine cannot do, with the one call that every engine begins with. What that call cannot see,
// a mount that turns out to be a single file, the engine finds itself.
func (m modestModule) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	info := m.Info()
	if err := engine.Check(ctx, info, cfg); err != nil {
		return nil, err
	}
	if cfg != nil {
		for _, mount := range cfg.Mounts {
			if file, err := isFile(mount); err != nil {
				return nil, err
			} else if file {
				missing := engine.NewCapabilities(engine.MountFile)
				return nil, &engine.UnsupportedError{Engine: info.Engine, Format: info.Format, Missing: missing}
			}
		}
	}
	return m.Module.Start(ctx, cfg)
}

func isFile(m wasi.Mount) (bool, error) {
	st, err := fs.FileInfo(nil), error(nil)
	switch {
	case m.File != nil:
		st, err = m.File.Stat()
	case m.Host != "":
		if st, err = os.Stat(m.Host); errors.Is(err, fs.ErrNotExist) {
			return false, nil // the engine beneath says so better
		}
	default:
		return false, nil
	}
	return err == nil && st.Mode().IsRegular(), err
}

// TestConformance is all that an engine needs to run the suite on itself.
func TestConformance(t *testing.T) { enginetest.Run(t, openModest) }

// An engine outside of this module passes its constructor to Run in a test, as TestConformance above does. What the suite
// asks for, and why, can be read without running it.
func Example() {
	eng, err := openModest(context.Background(), engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	can := eng.Info().Capabilities[wasi.FormatModule]
	for _, c := range enginetest.Cases() {
		if missing := can.Missing(c.Needs); c.Name == "ReadOnly/Changes" {
			fmt.Println("rule:", c.Why)
			fmt.Println("must be refused, for want of:", missing)
		}
	}
	// Output:
	// rule: every change through a read-only mount fails with EROFS, and nothing changes
	// must be refused, for want of: mount-readonly
}
