//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/signal"
	"slices"
	"syscall"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

// openRunners has engines that are not part of the program opened in their runners, where these are installed, for what runs no container:
// the same executables are engines' processes, too.
func (r *ociRuntime) openRunners() error {
	s, err := r.operator()
	if err != nil {
		return err
	}
	for _, known := range engine.List() {
		path, unsound := s.Runner(known.Name), s.Sound(known.Name)
		if known.Open != nil || errors.Is(unsound, fs.ErrNotExist) {
			continue
		}
		d := subprocess.Driver(known, subprocess.Config{Path: path, Libraries: s.Libraries(known.Name), Once: true})
		open := d.Open
		d.Open = func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
			if unsound != nil {
				return nil, fmt.Errorf("runner of engine %q: %w", known.Name, unsound)
			}
			signal.Ignore(syscall.SIGTSTP) // a guest in a child, which has no terminal of its own, would go on alone, and read what the shell is to read
			eng, err := open(ctx, opts)
			return eng, judgeRunner(known.Name, path, err)
		}
		engine.Register(d)
	}
	return nil
}

// judgeRunner says of an error of opening an engine in its runner when the runner is at fault.
func judgeRunner(name, path string, err error) error {
	var (
		exec     *fs.PathError
		protocol *subprocess.ProtocolError
		crash    *subprocess.CrashError
		unknown  *engine.UnknownEngineError
	)
	switch {
	case errors.As(err, &exec) && exec.Op == "fork/exec" && !slices.ContainsFunc(scarce, func(e syscall.Errno) bool { return errors.Is(err, e) }),
		errors.As(err, &protocol), errors.As(err, &crash):
		return &badRunnerError{name, path, err}
	case errors.Is(err, engine.ErrNotBuilt), errors.As(err, &unknown): // in the runner, which calls itself this program
		return &badRunnerError{name, path, fmt.Errorf("%s: %w", path, err)}
	}
	return err
}

// scarce are the errors of starting a process for which its executable can do nothing.
var scarce = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM}

// unavailable is why an engine cannot be opened that is neither part of the program nor installed, after openRunners.
func (r *ociRuntime) unavailable(d engine.Driver) error {
	var why *engine.NotBuiltError
	s, err := r.operator()
	if err != nil || !errors.As(d.Unavailable, &why) {
		return d.Unavailable
	}
	return &notInstalledError{why, s.Runner(d.Name)}
}

// notInstalledError is an engine that is not part of the program and has no runner on this machine.
type notInstalledError struct {
	*engine.NotBuiltError
	runner string
}

// Error implements error. Without a tag it is this very program that has no such engine, and what other programs could do is of no use.
func (e *notInstalledError) Error() string {
	advice := fmt.Sprintf("its runner, %s (make install RUNNERS=%s)", e.runner, e.Engine)
	if e.Tag == "" {
		return fmt.Sprintf("engine: %s is not built into this program; it needs %s", e.Engine, advice)
	}
	return fmt.Sprintf("%v, or %s", e.NotBuiltError, advice)
}
