package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Compilation is how [Compile] has a module compiled. It is plain data.
type Compilation struct {
	// Runner is the absolute path of the runner's executable, which compiles too: what it makes is what it can load.
	Runner string
	// Libraries is the absolute path of a directory with the shared libraries of an executable that is not static, and with what loads
	// them, [Loader]; "" where there is none.
	Libraries string
	// Engine is the registry name of the engine.
	Engine string
	// Name is the module's name for messages.
	Name string
	// MemoryBytes is the most that the compiler may allocate; 0 is 4 GiB.
	MemoryBytes int64
	// DiskBytes is the most that the compiler may write, of files that there are at a time; 0 is [CodeBytes] of the module.
	DiskBytes int64
	// Timeout is how long it may take; 0 is 10 minutes.
	Timeout time.Duration
	// Progress is called each second with the time that has passed; nil is not called.
	Progress func(elapsed time.Duration)
}

// Loader is the file name of the dynamic loader of runners that are not static, in the directory of their libraries.
const Loader = "ld.so" // loader.Name, in api.txt as what it is

// CompileError is a compilation that failed.
type CompileError struct {
	Name   string // of the module
	Engine string
	Status int   // 126 where the module is at fault, 125 otherwise
	Err    error // why, in the compiler's words
}

// Error implements error.
func (e *CompileError) Error() string {
	return fmt.Sprintf("runner: compile %s for %s: %v", e.Name, e.Engine, e.Err)
}

// Unwrap returns Err.
func (e *CompileError) Unwrap() error { return e.Err }

// ExitStatus returns Status.
func (e *CompileError) ExitStatus() int { return e.Status }

// Causes of a CompileError.
var (
	// ErrCompileTime means that the compilation took longer than Timeout.
	ErrCompileTime = errors.New("it takes too long")
	// ErrCompileMemory means that the compiler ran out of its memory.
	ErrCompileMemory = errors.New("it takes too much memory")
	// ErrCompileSize means that the compiler wrote more than it may.
	ErrCompileSize = errors.New("it makes too much code")
)

// CodeBytes is the most that a compiler may write for a module of so many bytes: 64 MiB and sixteen times the module, and never more than
// 4 GiB. Measured, code has up to five times the bytes of a module, and there are up to three copies of it for a moment.
func CodeBytes(module int64) int64 { return 64*mib + 16*min(module, (4<<30-64*mib)/16) }

// Compile compiles module into the empty directory dir, whose subdirectory "code" is then an [Order]'s CodeDir: regular files and
// directories, a few, which belong to this process's user. What is in the files was made by a process that may have been taken over by the
// module, so give it to nobody but runners of this very module.
//
// The module is compiled in a child, the runner's executable, which is nobody: where this process is root it has the user and the group
// 65534, else it is alone in a user namespace. Its root directory is a file system in memory of a size that is bounded, which goes with it;
// it has other namespaces of its own, without a network, no new privileges, a filter of system calls that lets it open files and compute,
// no environment, no descriptors but module, and limits of memory and time. It is killed when ctx ends, at the Timeout, and with this
// process. Compile needs Linux 5.2, with /proc, and user namespaces where this process is not root. The error is a [*CompileError], the
// end of ctx, or what the child could not be started for.
func Compile(ctx context.Context, module *os.File, dir string, c Compilation) error {
	if c.MemoryBytes == 0 {
		c.MemoryBytes = 4 << 30
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Minute
	}
	if c.DiskBytes == 0 {
		st, err := module.Stat()
		if err != nil {
			return fmt.Errorf("runner: compile: %w", err)
		}
		c.DiskBytes = CodeBytes(st.Size())
	}
	return c.run(ctx, module, dir)
}
