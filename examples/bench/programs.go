package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	ours "github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// programs compares whole programs that compute, one in Go and CPython, with the same on wazero's own API; and a long run in a child
// process with one in this process. It dedicates the process.
func programs(parent context.Context) (rows []row, err error) {
	ctx := context.WithoutCancel(parent)
	ours.Dedicate()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	guest := filepath.Join(dir, "work.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-o", guest, "./examples/bench/testdata/work")
	build.Env, build.Stderr = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	work, err := os.ReadFile(guest)
	if err != nil {
		return nil, err
	}
	interpreter, err := fromArchive(python, "python-3.11.3.wasm")
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "root")
	if err := pythonFiles(root); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		what      string
		wasm      []byte
		args, env []string
	}{
		{"a Go program", work, []string{"work", "2"}, nil},
		{
			"a loop on CPython", interpreter,
			[]string{"python", "-c", "n = 0\nfor i in range(3000000): n += i * i % 7\nprint(n)"},
			[]string{"PYTHONHOME=/usr/local", "PYTHONDONTWRITEBYTECODE=1"},
		},
	} {
		cfg := &wasi.Config{Args: c.args, Env: c.env, Mounts: []wasi.Mount{{Guest: "/", Host: root}}}
		module, closed, err := ourModule(ctx, c.wasm, engine.Options{Uninterruptible: true})
		if err != nil {
			return nil, err
		}
		plain, closedPlain, err := stockProgram(ctx, c.wasm, cfg, root)
		if err != nil {
			closed()
			return nil, err
		}
		r := row{what: c.what + " uninterruptible, against wazero without interruption (best)", limit: 1.05}
		r.measured, r.against, err = best(4, func() error { return engine.Run(ctx, module, cfg) }, plain)
		closedPlain()
		closed()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.what, err)
		}
		rows = append(rows, r)
	}
	r, err := longInChild(ctx, work, filepath.Join(dir, "cache"))
	return append(rows, r), err
}

// longInChild compares a run in a child, its process and loading the code from the cache included, with one in this process.
func longInChild(ctx context.Context, wasm []byte, cache string) (row, error) {
	here, closed, err := ourModule(ctx, wasm, engine.Options{Uninterruptible: true})
	if err != nil {
		return row{}, err
	}
	defer closed()
	eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero", Unchecked: true}, engine.Options{CacheDir: cache})
	if err != nil {
		return row{}, err
	}
	defer eng.Close()
	there, err := eng.Compile(ctx, engine.FromBytes(wasm))
	if err != nil {
		return row{}, err
	}
	cfg := &wasi.Config{Args: []string{"work", "10"}}
	r := row{what: "a Go program unchecked in a child process, against uninterruptible in this one (best)", limit: 1.02}
	r.measured, r.against, err = best(4, func() error { return engine.Run(ctx, there, cfg) }, func() error { return engine.Run(ctx, here, cfg) })
	return r, err
}

// best calls both n times in turns and returns the shortest time of each: what else the machine does counts little in runs of seconds.
func best(n int, a, b func() error) (ba, bb time.Duration, err error) {
	ta, tb, err := turns(n, a, b)
	if err != nil {
		return 0, 0, err
	}
	return slices.Min(ta), slices.Min(tb), nil
}

// stockProgram returns what runs a command through wazero's own API, on wazero's own WASI.
func stockProgram(ctx context.Context, wasm []byte, cfg *wasi.Config, root string) (run func() error, closed func(), err error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithDebugInfoEnabled(false))
	closed = func() { _ = runtime.Close(ctx) }
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		closed()
		return nil, nil, err
	}
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		closed()
		return nil, nil, err
	}
	config := wazero.NewModuleConfig().WithName("").WithArgs(cfg.Args...).WithSysNanotime().WithSysWalltime().
		WithFSConfig(wazero.NewFSConfig().WithDirMount(root, "/"))
	for _, variable := range cfg.Env {
		name, value, _ := bytes.Cut([]byte(variable), []byte("="))
		config = config.WithEnv(string(name), string(value))
	}
	return func() error {
		instance, err := runtime.InstantiateModule(ctx, compiled, config)
		var exit *sys.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		return instance.Close(ctx)
	}, closed, nil
}

// pythonFiles unpacks CPython's library.
func pythonFiles(root string) error {
	packed, err := fromArchive(python, "python-3.11.3.tar.gz")
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	files := tar.NewReader(z)
	for {
		h, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		content, err := io.ReadAll(files)
		if err != nil {
			return err
		}
		name := filepath.Join(root, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
	}
}
