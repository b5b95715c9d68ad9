//go:build linux

package main

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

// useRunners has this process find runners in dir alone, when it looks beside itself and finds none.
func useRunners(dir string) { installations = []string{dir} }

// TestJudgeRunner: to install a runner anew is said where that helps.
func TestJudgeRunner(t *testing.T) {
	start := func(err error) error { return &fs.PathError{Op: "fork/exec", Path: "/r", Err: err} }
	for name, c := range map[string]struct {
		err error
		bad bool
	}{
		"missing":          {start(syscall.ENOENT), true},
		"not executable":   {start(syscall.EACCES), true},
		"no executable":    {start(syscall.ENOEXEC), true},
		"descriptors":      {start(syscall.EMFILE), false},
		"the machine's":    {start(syscall.ENFILE), false},
		"processes":        {start(syscall.EAGAIN), false},
		"memory":           {start(syscall.ENOMEM), false},
		"a protocol":       {&subprocess.ProtocolError{}, true},
		"a crash":          {&subprocess.CrashError{}, true},
		"a cache":          {&fs.PathError{Op: "mkdir", Path: "/c", Err: syscall.EACCES}, false},
		"another engine's": {&engine.NotBuiltError{Engine: "gopher", Tag: "gopher"}, true},
		"an old one":       {&engine.UnknownEngineError{}, true},
		"none":             {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.err
			if err != nil {
				err = &engine.Error{Engine: "gopher", Op: "open", Err: err}
			}
			got := judgeRunner("gopher", "/r", err)
			var bad *badRunnerError
			if errors.As(got, &bad) != c.bad || !errors.Is(got, err) || c.bad && !strings.Contains(got.Error(), "install /r anew") {
				t.Errorf("%v", got)
			}
		})
	}
}
