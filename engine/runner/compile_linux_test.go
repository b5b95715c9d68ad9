package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/internal/loader"
)

// TestMain is a compiler that the module has taken over, where it is called as one, or a runtime that is killed while it compiles.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case compiler:
		os.Exit(takenOver())
	case "runtime":
		err := Compilation{Runner: "/proc/self/exe", Engine: "spins", Timeout: time.Minute, MemoryBytes: 1 << 30, DiskBytes: disk}.run(context.Background(), os.Stdin, os.Args[1])
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// takenOver does what the engine is called, after confine.
func takenOver() int {
	within, _ := confinementOf(os.Args[3:])
	before, _ := os.ReadFile("/proc/self/cmdline") // the poller of os is there before the descriptors are looked at
	if err := confine(within); err != nil || len(before) == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	attempt, ok := attempts[os.Args[1]]
	if !ok {
		attempt, ok = leavings[os.Args[1]]
	}
	if !ok {
		return 4
	}
	if err := attempt(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}

// attempts are what a compiler tries. None is to be possible, but the first.
var attempts = map[string]func() error{
	"writes": func() error {
		return errors.Join(os.MkdirAll("code/a/b", 0o700), os.WriteFile("code/a/b/c", []byte("compiled"), 0o600), os.WriteFile("d", make([]byte, disk/4), 0o600))
	},
	"writes a large file": func() error { return os.WriteFile("large", make([]byte, disk+1), 0o600) },
	"writes much": func() error {
		for i := range 16 {
			if err := os.WriteFile(fmt.Sprint(i), make([]byte, disk/8), 0o600); err != nil {
				return err
			}
		}
		return nil
	},
	"makes many files": func() error {
		for i := range 2 * placeNames {
			if err := os.WriteFile(fmt.Sprint(i), nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	},
	"sends more": func() error { return unix.Sendmsg(filePlace, []byte{0}, unix.UnixRights(3), nil, 0) },
	"spins": func() error {
		for {
			time.Sleep(time.Hour)
		}
	},
	"says too much": func() error {
		for range 1 << 10 {
			fmt.Fprint(os.Stderr, strings.Repeat("x", 1<<10))
		}
		return errors.New("")
	},
	"looks around": func() error {
		_, err := os.Stat("/proc/self")
		return err
	},
	"forks": func() error {
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	},
	"makes a file in memory": func() error {
		_, err := unix.MemfdCreate("m", 0)
		return err
	},
	"shares memory": func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_SHARED)
		return err
	},
	"takes memory": func() error {
		_, err := unix.Mmap(-1, 0, 1<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	},
	"limits another":       func() error { return noCall(unix.Prlimit(os.Getpid()+1, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})) },
	"signals another":      func() error { return noCall(unix.Tgkill(os.Getpid()+1, os.Getpid()+1, 0)) },
	"outlives the runtime": func() error { return noCall(unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)) },
	"connects": func() error {
		_, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return err
	},
	"writes to what is inherited": func() error {
		for fd := 4; fd < 64; fd++ {
			if _, err := unix.Write(fd, []byte("x")); err == nil && !isEvent(fd) {
				return nil
			}
		}
		return errors.New("nothing to write to")
	},
}

// leavings are what a compiler leaves, and exits as if all was well.
var leavings = map[string]func() error{
	"leaves nothing":      func() error { return nil },
	"leaves a file":       func() error { return os.WriteFile("code", nil, 0o600) },
	"leaves a link":       func() error { return os.Symlink("/etc", "code") },
	"leaves links":        func() error { return errors.Join(os.Mkdir("code", 0o700), os.Symlink("/etc/passwd", "code/a")) },
	"leaves deep folders": func() error { return os.MkdirAll("code/a/b/c/d/e/f", 0o700) },
	"leaves many folders": func() (err error) {
		for i := range maxFiles + 1 {
			err = errors.Join(err, os.MkdirAll(fmt.Sprint("code/", i), 0o700))
		}
		return err
	},
	"leaves holes": func() (err error) { // files of more bytes than there is room for
		err = os.Mkdir("code", 0o700)
		for i := range 8 {
			f, cerr := os.Create(fmt.Sprint("code/", i))
			err = errors.Join(err, cerr, f.Truncate(disk/4), f.Close())
		}
		return err
	},
}

func TestLoader(t *testing.T) {
	if Loader != loader.Name {
		t.Errorf("runners are started by %s", loader.Name)
	}
}

// TestLeft: of what a compiler leaves, only what an engine makes is taken.
func TestLeft(t *testing.T) {
	for name := range leavings {
		t.Run(name, func(t *testing.T) {
			var failed *CompileError
			if _, err := attempt(t, name); !errors.As(err, &failed) || strings.Contains(err.Error(), "exit status") {
				t.Errorf("%v", err)
			}
		})
	}
}

// noCall is the error of a call that the filter refuses; any other one comes from behind it.
func noCall(err error) error {
	if errors.Is(err, unix.ENOSYS) {
		return err
	}
	return nil
}

// isEvent says whether Go has made fd: what is inherited is a pipe.
func isEvent(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO
}

// disk is what those compilers may write.
const disk = 4 << 20

// attempt compiles with a compiler that attempts something, into dir.
func attempt(t *testing.T, name string) (dir string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	dir = t.TempDir()
	c := Compilation{Runner: self, Engine: name, Name: "module", MemoryBytes: 512 << 20, DiskBytes: disk, Timeout: 20 * time.Second}
	return dir, Compile(t.Context(), module, dir, c)
}

// TestConfined: a compiler that does what its module wants reaches nothing.
func TestConfined(t *testing.T) {
	inherited, err := inherit()
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	dir, err := attempt(t, "writes")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "code/a/b/c")); string(text) != "compiled" {
		t.Errorf("%q, %v", text, err)
	}
	if entries, err := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("beside the code: %v, %v", entries, err)
	}
	for name := range attempts {
		if slices.Contains([]string{"writes", "spins"}, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var failed *CompileError
			_, err := attempt(t, name)
			if !errors.As(err, &failed) || !strings.Contains(failed.Err.Error(), "exit status 2") && !errors.Is(err, ErrCompileMemory) && !errors.Is(err, ErrCompileSize) {
				t.Errorf("it could: %v", err)
			}
			if err != nil && len(err.Error()) > 2*lastWords {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// inherit opens a descriptor that children inherit, as clients of runtimes leave them open.
func inherit() (io.Closer, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], 0); err != nil {
		return nil, err
	}
	return closers{os.NewFile(uintptr(fds[0]), "reader"), os.NewFile(uintptr(fds[1]), "writer")}, nil
}

type closers []io.Closer

func (all closers) Close() (err error) {
	for _, c := range all {
		err = errors.Join(err, c.Close())
	}
	return err
}

// TestCompileTime: a compiler that does not end is ended, by its time and by its runtime's.
func TestCompileTime(t *testing.T) {
	module, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	c := Compilation{Runner: "/proc/self/exe", Engine: "spins", Timeout: 50 * time.Millisecond}
	if err := Compile(t.Context(), module, t.TempDir(), c); !errors.Is(err, ErrCompileTime) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c.Timeout = 0
	if err := Compile(ctx, module, t.TempDir(), c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestCompileKilled: a compiler ends with the process that waits for it, however that ends.
func TestCompileKilled(t *testing.T) {
	dir := t.TempDir()
	waits := exec.CommandContext(t.Context(), "/proc/self/exe")
	waits.Args = []string{"runtime", dir}
	waits.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := waits.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	within(t, "no compiler", func() bool { pid = childOf(waits.Process.Pid); return pid != 0 && confined(pid) })
	if err := waits.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = waits.Wait()
	within(t, "the compiler goes on", func() bool { return !confined(pid) })
}

func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// childOf returns the number of a child that is a compiler; 0 where there is none.
func childOf(pid int) int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range lists {
		text, _ := os.ReadFile(name)
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			return child
		}
	}
	return 0
}

// confined says whether the process pid runs with a filter of system calls.
func confined(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && strings.Contains(string(status), "Seccomp:\t2") && !strings.Contains(string(status), "State:\tZ")
}

// TestJudge: whatever a compiler dies of at its limits, the error says which, and has nothing of its last words.
func TestJudge(t *testing.T) {
	exit := exec.CommandContext(t.Context(), "sh", "-c", "exit 2").Run()
	for words, want := range map[string]error{
		"runtime: out of memory: cannot allocate 4194304-byte block (2 in use)\nfatal error: out of memory": ErrCompileMemory,
		"memory allocation of 122048 bytes failed\nSIGABRT: abort":                                          ErrCompileMemory,
		"terminate called after throwing an instance of 'std::bad_alloc'":                                   ErrCompileMemory,
		"open /code/x: Cannot allocate memory":                                                              ErrCompileMemory,
		"write /code/x: no space left on device":                                                            ErrCompileSize,
		"panic: anything":                                                                                   nil,
	} {
		err := Compilation{Name: "m", Engine: "e"}.judge(t.Context(), t.Context(), exit, words)
		var failed *CompileError
		if !errors.As(err, &failed) {
			t.Fatalf("%s: %v", words, err)
		}
		if want == nil && failed.Status != 125 || want != nil && (!errors.Is(err, want) || failed.Status != 126 || strings.Contains(err.Error(), "\n")) || strings.Contains(err.Error(), "goroutine") {
			t.Errorf("%s: %v, status %d", words, err, failed.Status)
		}
	}
}
