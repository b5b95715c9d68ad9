//go:build linux

package subprocess

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/internal/loader"
)

// forker is the thread that makes an engine's children. The kernel ends them with the thread that forked, and a thread ends
// where a goroutine that was locked to it does: this one is kept.
type forker struct{ jobs chan func() }

func newForker() *forker {
	f := &forker{make(chan func())}
	go func() {
		runtime.LockOSThread()
		for job := range f.jobs {
			job()
		}
		runtime.UnlockOSThread()
	}()
	return f
}

// close lets the thread go. There must be no child any more.
func (f *forker) close() { close(f.jobs) }

// process is a child and its group.
type process struct {
	words *lastWords
	conn  *net.UnixConn // this end of the socket

	mu     sync.Mutex
	proc   *os.Process
	reaped bool

	done chan struct{}      // closed when the following are final: reaped, and words are complete
	ws   syscall.WaitStatus // zero where something else in this process waits for all of its children
}

// fork starts the child that cfg describes, which has the other end of the process's conn.
func (f *forker) fork(cfg Config) (_ *process, err error) {
	var ours, theirs, r, w, cgroup *os.File
	defer func() {
		for _, file := range []*os.File{ours, theirs, w, cgroup} {
			_ = file.Close()
		}
		if err != nil {
			_ = r.Close()
			err = fmt.Errorf("subprocess: start a child: %w", err)
		}
	}()
	if ours, theirs, err = socketpair(); err != nil {
		return nil, err
	}
	if r, w, err = os.Pipe(); err != nil {
		return nil, err
	}
	pidfd := -1
	sys := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd}
	if cfg.Cgroup != "" {
		if cgroup, err = os.Open(cfg.Cgroup); err != nil {
			return nil, fmt.Errorf("open Config.Cgroup: %w", err)
		}
		sys.UseCgroupFD, sys.CgroupFD = true, int(cgroup.Fd())
	}
	path := cfg.Path
	if path == "" {
		path = "/proc/self/exe" // also when the file has been replaced since
	}
	exe, args := loader.Command(path, cfg.Libraries, argv0, cfg.Engine)
	attr := &os.ProcAttr{
		Dir: "/", Env: append([]string{}, cfg.Env...), Sys: sys, // nil would be this process's
		Files: []*os.File{w, w, w, theirs}, // an input that can only be written to needs no /dev/null
	}
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	var proc *os.Process
	forked := make(chan struct{})
	f.jobs <- func() {
		defer close(forked)
		proc, err = os.StartProcess(exe, args, attr)
	}
	<-forked
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	p := &process{proc: proc, words: listen(r), conn: conn.(*net.UnixConn), done: make(chan struct{})}
	go p.reap(pidfd)
	return p, nil
}

// kill ends the group by SIGKILL. It may be called often, and does nothing when the child has been reaped.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.proc.Pid, syscall.SIGKILL)
	}
}

// reap waits for the child, ends what is left of its group while nobody else can have its number, and then lets go of it.
func (p *process) reap(pidfd int) {
	awaitExit(p.proc.Pid, pidfd)
	p.kill()
	p.mu.Lock()
	state, err := p.proc.Wait()
	p.reaped = true
	p.mu.Unlock()
	if err == nil {
		p.ws = state.Sys().(syscall.WaitStatus)
	}
	late := time.Now().Add(stragglers) // what has left the group may hold the other ends
	_ = p.words.r.SetReadDeadline(late)
	_ = p.conn.SetReadDeadline(late)
	<-p.words.done
	close(p.done)
}

// awaitExit returns when the child can be waited for. It keeps no thread where the system has pidfds.
func awaitExit(pid, pidfd int) {
	if pidfd >= 0 {
		_ = unix.SetNonblock(pidfd, true) // for os.NewFile to poll it
		f := os.NewFile(uintptr(pidfd), "pidfd")
		defer f.Close()
		if conn, err := f.SyscallConn(); err == nil {
			_ = conn.Read(func(uintptr) bool {
				var info unix.Siginfo
				err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
				return err != nil || info.Signo != 0
			})
		}
	}
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
}

// stragglers is how long a process that the child made, and which is not in its group, may keep what the child had open.
const stragglers = time.Second

// socketpair returns both ends of a stream socket.
func socketpair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}

// closeInherited closes what the child has open beyond what was meant for it. Whatever this program has opened since it began
// closes on exec, as nothing can that was there before.
func closeInherited() {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil { // where that is not mounted
		var limit unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
			for fd := socketFD + 1; uint64(fd) < min(limit.Cur, 1<<16); fd++ {
				closeIfInherited(fd)
			}
		}
		return
	}
	for _, entry := range fds {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > socketFD {
			closeIfInherited(fd)
		}
	}
}

func closeIfInherited(fd int) {
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
		_ = unix.Close(fd)
	}
}

// inherited is the child's end of the socket.
func inherited() (*net.UnixConn, error) {
	if domain, err := unix.GetsockoptInt(socketFD, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_UNIX {
		return nil, errors.New("subprocess: this program is for subprocess.New to start (Config.Path): descriptor 3 is no Unix socket")
	}
	f := os.NewFile(socketFD, "socket")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}
