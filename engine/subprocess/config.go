package subprocess

import (
	"errors"
	"fmt"
)

// Config says which engine runs in which process. It is plain data.
type Config struct {
	// Engine is the name under which the engine is registered in the child. It is required.
	Engine string
	// Path is the executable whose main calls [Serve] or [Init], absolute or relative to the working directory; it is not looked
	// up in PATH. "" is this program itself, whose main has to call Init first.
	Path string
	// Libraries is the directory of the shared libraries of an executable that is not static, and of the loader that is to load them, ld.so
	// (engine/runner.Loader), absolute or relative to the working directory. "" is an executable that finds what it needs by itself.
	// It needs Path.
	Libraries string
	// Env is the child's environment, as in [os/exec.Cmd], for what a native library needs, such as LD_LIBRARY_PATH. Nil is an
	// empty environment: nothing is inherited. Guests never see it.
	Env []string
	// Cgroup is the directory of a cgroup, version 2, in which children begin (Linux 5.7). "" is that of this process.
	Cgroup string
	// Unchecked opens the engine in the child with Options.Uninterruptible, after its Driver's Dedicate: guests run without
	// checks for interruption, and are ended by SIGKILL all the same. An engine that does not declare
	// [engine.Unchecked] refuses. Default false.
	Unchecked bool
	// Once is for programs that run a module once: without Options.CacheDir nothing is written to disk, and there is no private cache from
	// which the children of further runs could load; they compile anew. With a CacheDir it changes nothing. Default false.
	Once bool
}

func (c Config) validate() error {
	if c.Engine == "" {
		return errors.New("subprocess: Config.Engine is empty: name the engine that the child opens")
	}
	if c.Path == "" && c.Libraries != "" {
		return errors.New("subprocess: Config.Libraries is of the executable Config.Path, which is empty")
	}
	if c.Path == "" && !entered.Load() {
		return fmt.Errorf("subprocess: this program cannot be its own child: call subprocess.Init first in main, or set Config.Path: %w", errors.ErrUnsupported)
	}
	return nil
}
