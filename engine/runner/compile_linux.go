package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/loader"
)

// compiler is the name that a runner is called by when it is to compile. In a container it is called by a path.
const compiler = "wasmoci-compile"

// nobody is the user and the group of a compiler that root starts.
const nobody = 65534

// lastWords bounds what is kept of a compiler's standard error.
const lastWords = 16 << 10

func (c Compilation) run(ctx context.Context, module *os.File, dir string) error {
	limited, cancel := context.WithTimeoutCause(ctx, c.Timeout, ErrCompileTime)
	defer cancel()
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	attr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNS
	user := errors.ErrUnsupported
	if os.Geteuid() == 0 {
		if user = os.Chown(dir, nobody, nobody); user == nil {
			user = os.Chown(dir, 0, 0)
		}
		if user != nil && !errors.Is(user, unix.EINVAL) { // that is a user namespace without such a user
			return fmt.Errorf("runner: compile: %w", user)
		}
	}
	who := nobody
	if user != nil {
		who = 0
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	input, alive, err := os.Pipe() // its end tells a compiler that nobody waits for it any more
	if err != nil {
		return fmt.Errorf("runner: compile: %w", err)
	}
	defer input.Close()
	defer alive.Close()
	socket, theirs, err := placeSocket()
	if err != nil {
		return fmt.Errorf("runner: compile: %w", err)
	}
	defer socket.Close()
	defer theirs.Close()
	path, args := loader.Command(c.Runner, c.Libraries, append([]string{compiler, c.Engine, c.Name}, confinement{c.MemoryBytes, c.DiskBytes, who}.args()...)...)
	cmd := exec.CommandContext(limited, path)
	cmd.Args = args
	cmd.Dir = "/"
	cmd.Env = []string{}
	words := &tail{}
	cmd.Stdin, cmd.Stderr = input, words
	cmd.ExtraFiles = []*os.File{module, theirs}
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = attr
	runtime.LockOSThread() // whose death is the child's
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		if user != nil {
			err = fmt.Errorf("%w (without a user namespace nothing keeps a compiler from this user's files)", err)
		}
		return c.judge(ctx, limited, fmt.Errorf("start %s: %w", c.Runner, err), "")
	}
	done := make(chan struct{})
	go c.report(done)
	err = cmd.Wait()
	close(done)
	if err := c.judge(ctx, limited, err, words.kept.String()); err != nil {
		return err
	}
	place, err := receivePlace(socket)
	if err != nil {
		return fmt.Errorf("runner: compile %s: the compiler's directory: %w", c.Name, err)
	}
	defer place.Close()
	if err := adopt(place, filepath.Join(dir, "code"), c.DiskBytes); err != nil {
		return &CompileError{Name: c.Name, Engine: c.Engine, Status: 125, Err: fmt.Errorf("the compiled code: %w", err)}
	}
	return nil
}

// report calls Progress each second until done.
func (c Compilation) report(done <-chan struct{}) {
	if c.Progress == nil {
		return
	}
	begun, tick := time.Now(), time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			c.Progress(time.Since(begun))
		}
	}
}

// judge makes an error of how a compiler has ended.
func (c Compilation) judge(ctx, limited context.Context, err error, words string) error {
	var exit *exec.ExitError
	fail := func(status int, err error) error {
		return &CompileError{Name: c.Name, Engine: c.Engine, Status: status, Err: err}
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("runner: compile %s: %w", c.Name, context.Cause(ctx))
	case err == nil:
		return nil
	case limited.Err() != nil:
		return fail(126, fmt.Errorf("%w: more than %v", ErrCompileTime, c.Timeout))
	case !errors.As(err, &exit):
		return fmt.Errorf("runner: compile %s: %w", c.Name, err)
	case slices.ContainsFunc(noMemory, func(said string) bool { return strings.Contains(words, said) }):
		return fail(126, fmt.Errorf("%w: more than %d MiB", ErrCompileMemory, c.MemoryBytes>>20))
	case strings.Contains(words, unix.ENOSPC.Error()) || strings.Contains(words, unix.EFBIG.Error()):
		return fail(126, fmt.Errorf("%w: more than %d MiB", ErrCompileSize, c.DiskBytes>>20))
	case exit.ExitCode() == 126:
		return fail(126, errors.New(plain(words)))
	}
	return fail(125, fmt.Errorf("the compiler failed (%v): %s", exit, plain(words)))
}

// noMemory is what compilers say whose limit of memory is reached: Go's runtime, the C library's callers, Rust's, and C++'s; and where there
// was none for a thread's stack.
var noMemory = []string{
	"out of memory", "annot allocate memory", "memory allocation of ", "bad_alloc",
	"failed to create new OS thread", "pthread_create failed", "ThreadPoolBuildError",
}

// plain is what a compiler has said without the names before each line.
func plain(words string) string {
	var lines []string
	for line := range strings.Lines(words) {
		line = strings.TrimPrefix(strings.TrimSpace(line), program+": ")
		if strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(line, "PC=") { // what follows is for whoever made the engine
			break
		}
		if line != "" && len(lines) < 8 {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// tail keeps the beginning of what is written to it.
type tail struct{ kept bytes.Buffer } // no embedded one, whose ReadFrom io.Copy would prefer

func (t *tail) Write(p []byte) (int, error) {
	t.kept.Write(p[:min(len(p), max(0, lastWords-t.kept.Len()))])
	return len(p), nil
}

// compile is the main of a compiler: the arguments are those that Compilation.run gives, the module is descriptor 3, and 4 the socket for
// its place.
func compile() int {
	if len(os.Args) < 3 {
		return failed(errors.New("runner: compile: this is for a container runtime to call"))
	}
	within, err := confinementOf(os.Args[3:])
	if err != nil {
		return failed(err)
	}
	if err := export(os.Args[1], os.Args[2], within); err != nil {
		return failed(err)
	}
	return 0
}

// failed reports err and returns the exit status.
func failed(err error) int {
	engine.Report(os.Stderr, program, err)
	return engine.ExitCode(err)
}

func export(name, module string, within confinement) error {
	unix.CloseOnExec(3)
	endAborted()
	opts, err := Dedicate(name)
	if err != nil {
		return err
	}
	if err := confine(within); err != nil {
		return fmt.Errorf("runner: compile: give up privileges: %w", err)
	}
	const code = "/code"
	opts.CacheDir = "/cache"
	opts.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})) // it compiles where it cannot write, too
	if err := os.Mkdir(code, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(code, 0o755); err != nil {
		return err
	}
	eng, err := engine.Open(context.Background(), name, opts)
	if err != nil {
		return err
	}
	return engine.Export(context.Background(), eng, engine.FromFile(os.NewFile(3, module)), code)
}
