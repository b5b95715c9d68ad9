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
	"strconv"
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
	work, err := goProgram(ctx, dir)
	if err != nil {
		return nil, err
	}
	interpreter, err := cpython(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range []*program{work, interpreter} {
		cfg := p.config(1)
		module, closed, err := ourModule(ctx, p.wasm, engine.Options{Uninterruptible: true})
		if err != nil {
			return nil, err
		}
		plain, closedPlain, err := stockProgram(ctx, p.wasm, cfg, p.root)
		if err != nil {
			closed()
			return nil, err
		}
		r := row{what: p.what + " uninterruptible, against wazero without interruption (best)", limit: 1.05}
		// Both execute the same code. Of many runs of a second some are left alone by what else the machine does, of few long ones none.
		r.measured, r.against, err = best(16, func() error { return engine.Run(ctx, module, cfg) }, plain)
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

// program is a guest that computes for about as many seconds as it is asked to, on wazero.
type program struct {
	what string
	wasm []byte
	root string // its root directory
	env  []string
	args func(seconds int) []string
}

func (p *program) config(seconds int) *wasi.Config {
	return &wasi.Config{Args: p.args(seconds), Env: p.env, Mounts: []wasi.Mount{{Guest: "/", Host: p.root}}}
}

// goProgram builds a program in Go, below dir.
func goProgram(ctx context.Context, dir string) (*program, error) {
	guest := filepath.Join(dir, "work.wasm")
	if err := buildWork(ctx, guest, "GOOS=wasip1", "GOARCH=wasm"); err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(guest)
	return &program{
		what: "a Go program", wasm: wasm, root: dir,
		args: func(seconds int) []string { return []string{"work", strconv.Itoa(seconds)} },
	}, err
}

// buildWork builds the program in Go for the system that env names.
func buildWork(ctx context.Context, path string, env ...string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./examples/bench/testdata/work")
	build.Env, build.Stderr = append(append(os.Environ(), "CGO_ENABLED=0"), env...), os.Stderr
	return build.Run()
}

// cpython unpacks CPython, whose library becomes a directory below dir.
func cpython(dir string) (*program, error) {
	wasm, err := fromArchive(python, "python-3.11.3.wasm")
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "root")
	return &program{
		what: "a loop on CPython", wasm: wasm, root: root,
		env: []string{"PYTHONHOME=/usr/local", "PYTHONDONTWRITEBYTECODE=1"},
		args: func(seconds int) []string {
			return []string{"python", "-c", fmt.Sprintf("n = 0\nfor i in range(%d): n += i * i %% 7\nprint(n)", seconds*700_000)}
		},
	}, pythonFiles(root)
}

// longInChild compares a run in a child, its process and loading the code from the cache included, with one in this process.
func longInChild(ctx context.Context, work *program, cache string) (row, error) {
	here, closed, err := ourModule(ctx, work.wasm, engine.Options{Uninterruptible: true})
	if err != nil {
		return row{}, err
	}
	defer closed()
	eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero", Unchecked: true}, engine.Options{CacheDir: cache})
	if err != nil {
		return row{}, err
	}
	defer eng.Close()
	there, err := eng.Compile(ctx, engine.FromBytes(work.wasm))
	if err != nil {
		return row{}, err
	}
	cfg := work.config(10)
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
