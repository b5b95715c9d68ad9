//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// guest is a bundle whose container is WebAssembly.
type guest struct {
	bundle *oci.Bundle
	module *os.File
	path   string // of the module, in the container
	engine string // that was named; "" where none was
	format wasi.Format
	native bool // it is none, but its annotations say so to others
}

// guestOf looks what the container of a bundle is: nil for a native one, and for what the delegate is to refuse.
func (r *ociRuntime) guestOf(dir string) (g *guest, err error) {
	end := r.begin("decide")
	defer func() { end(err, decided(g, err)...) }()
	b, err := oci.LoadBundle(dir)
	if err != nil {
		if r.looksWasm(dir) {
			return nil, err
		}
		return nil, nil // the delegate's to judge
	}
	g = &guest{bundle: b}
	g.module, g.path, err = b.Locate()
	found, derr := r.detect(b.Spec, g.module)
	switch {
	case err != nil && found.Kind == oci.Refused:
		return nil, derr
	case err != nil && found.Kind == oci.Native:
		return nil, nil
	case err != nil:
		return nil, err
	case found.Kind == oci.Wasm:
		go hasten()
		g.engine = found.Engine
		g.format, err = formatOf(g.module)
		return g, err
	}
	defer g.module.Close()
	if derr != nil {
		return nil, derr
	}
	if err := runnable(g.module, g.path, found); err != nil {
		return nil, err
	}
	if b.Claimed() {
		return &guest{bundle: b, native: true}, nil
	}
	return nil, nil
}

// formatOf is what the head of a module says.
func formatOf(module *os.File) (wasi.Format, error) {
	head := make([]byte, wasi.FormatHead)
	n, err := module.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return wasi.FormatOf(head[:n]), err
}

// detect decides what spec's process is, with its file, or with nil where that was not found.
func (r *ociRuntime) detect(spec *specs.Spec, module *os.File) (oci.Detection, error) {
	s, err := r.operator()
	if err != nil {
		return oci.Detection{}, err
	}
	opts := oci.DetectOptions{Argv0: os.Args[0], Engine: s.Engine, Policy: s.Policy}
	if module == nil {
		found := oci.Detect(spec, opts)
		return found, found.Err()
	}
	found, err := (&oci.Bundle{Spec: spec}).Detect(module, opts)
	var native *oci.NativeError
	if errors.As(err, &native) {
		err = nil
	}
	return found, err
}

// looksWasm says whether a config.json that is no valid spec is meant for WebAssembly, so that its errors are worth telling: a delegate
// that is less strict would run the module.
func (r *ociRuntime) looksWasm(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "config.json"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false
	}
	var spec specs.Spec
	data, err := io.ReadAll(io.LimitReader(f, oci.MaxConfigBytes))
	if err != nil || json.Unmarshal(data, &spec) != nil {
		return false
	}
	b := &oci.Bundle{Spec: &spec}
	if b.Dir, err = filepath.Abs(dir); err != nil {
		return false
	}
	module, _, err := b.Locate()
	if err == nil {
		defer module.Close()
	}
	found, _ := r.detect(&spec, module)
	return found.Kind != oci.Native
}

// runnerFor returns the executable and the engine for a guest: the engine that was named, and no other; where none was, the first that
// has a runner and can run what the module is.
func runnerFor(s *operator.Settings, g *guest) (exe, name string, err error) {
	if strings.Trim(g.engine, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" { // it may be an annotation of the image's, and becomes part of a path
		return "", "", unknownEngineError(g.engine)
	}
	if g.engine != "" {
		exe = s.Runner(g.engine)
		if err := s.Sound(g.engine); err != nil {
			return "", "", &missingRunnerError{g.engine, g.format, installed(s), err}
		}
		return exe, g.engine, nil
	}
	for _, d := range engine.List() {
		if _, can := d.Capabilities[g.format]; !can {
			continue
		}
		exe := s.Runner(d.Name)
		serr := s.Sound(d.Name)
		if serr == nil {
			return exe, d.Name, nil
		}
		if name == "" || !errors.Is(serr, fs.ErrNotExist) && errors.Is(err, fs.ErrNotExist) {
			name, err = d.Name, serr
		}
	}
	return "", "", &missingRunnerError{name, g.format, installed(s), err}
}

// missingRunnerError is an engine that has no runner on this machine.
type missingRunnerError struct {
	engine    string
	format    wasi.Format
	installed []string
	err       error
}

// Error implements error. It does not speak of files: podman takes what was not found for the container's program.
func (e *missingRunnerError) Error() string {
	there := "there is no other"
	if len(e.installed) > 0 {
		there = "installed are " + strings.Join(e.installed, ", ")
	}
	why := e.err
	var file *fs.PathError
	if errors.Is(why, fs.ErrNotExist) && errors.As(why, &file) {
		why = errors.New(file.Path + " is missing")
	}
	what := fmt.Sprintf("no runner for engine %q, which would run this (%s): %v", e.engine, e.format, why)
	if _, known := engine.Lookup(e.engine); !known {
		return fmt.Sprintf("%s, and no engine has this name: take another, or none; %s", what, there)
	}
	return fmt.Sprintf("%s: install it there (make install RUNNERS=%s), name its directory as runners in the configuration, or take another engine; %s", what, e.engine, there)
}
func (e *missingRunnerError) Unwrap() error   { return e.err }
func (e *missingRunnerError) ExitStatus() int { return 126 }
