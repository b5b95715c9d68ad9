package runner

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxThreads is how many threads all compilers may have that root has started.
const maxThreads = 4096

// confinement is what a compiler is confined to. It is plain data.
type confinement struct {
	memory int64 // bytes
	disk   int64 // bytes
	user   int   // nobody, or 0, which is the only user of a namespace
}

// args is c as arguments of a command.
func (c confinement) args() []string {
	return []string{strconv.FormatInt(c.memory, 10), strconv.FormatInt(c.disk, 10), strconv.Itoa(c.user)}
}

// confinementOf reads what args has written.
func confinementOf(args []string) (c confinement, err error) {
	var extra string
	n, _ := fmt.Sscan(strings.Join(args, " "), &c.memory, &c.disk, &c.user, &extra)
	if n != 3 || c.memory <= 0 || c.disk <= 0 || c.user != 0 && c.user != nobody {
		return c, fmt.Errorf("runner: compile: %q are no bounds for a compiler", args)
	}
	return c, nil
}

// confine makes this process what c says, before it reads what a stranger wrote. Its root directory is an empty one of its own. There is
// no way back.
func confine(c confinement) error {
	place, err := newPlace(c.disk, c.user)
	if err != nil {
		return fmt.Errorf("a file system of its own: %w", err)
	}
	defer place.Close()
	if err := closeInherited(); err != nil {
		return err
	}
	if err := place.Chdir(); err != nil {
		return err
	}
	if err := syscall.Chroot("."); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	threads := uint64(unix.RLIM_INFINITY)
	if c.user != 0 {
		threads = maxThreads
		if err := become(c.user); err != nil {
			return err
		}
	}
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		{unix.RLIMIT_DATA, uint64(c.memory)},
		{unix.RLIMIT_FSIZE, uint64(c.disk)},
		{unix.RLIMIT_NOFILE, 64},
		{unix.RLIMIT_NPROC, threads},
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_MEMLOCK, 0},
		{unix.RLIMIT_MSGQUEUE, 0},
	} {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.resource, &now); err != nil {
			return os.NewSyscallError("getrlimit", err)
		}
		limit := min(l.limit, now.Max)
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return os.NewSyscallError("setrlimit", err)
		}
	}
	for _, p := range []struct {
		option int
		value  uintptr
	}{
		{unix.PR_SET_NO_NEW_PRIVS, 1},
		{unix.PR_SET_DUMPABLE, 0},
		{unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL)}, // becoming another user has unset it
	} {
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, uintptr(p.option), p.value, 0, 0, 0, 0); errno != 0 {
			if errno != syscall.ENOTSUP { // with cgo, whose threads are not all Go's
				return os.NewSyscallError("prctl", errno)
			}
			runtime.LockOSThread()
			if err := unix.Prctl(p.option, p.value, 0, 0, 0); err != nil {
				return os.NewSyscallError("prctl", err)
			}
		}
	}
	gone := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
	if n, err := unix.Poll(gone, 0); err == nil && n > 0 && gone[0].Revents&unix.POLLHUP != 0 {
		return errors.New("the process that waits for it is gone")
	}
	return filterCalls()
}

// closeInherited closes what the caller of the runtime had open: what Go and the runtime open is closed when a program is started.
func closeInherited() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range open {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
	return nil
}

// become leaves the user, the groups and the capabilities of root.
func become(user int) error {
	if err := syscall.Setgroups(nil); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setresgid(user, user, user); err != nil {
		return os.NewSyscallError("setresgid", err)
	}
	if err := syscall.Setresuid(user, user, user); err != nil {
		return os.NewSyscallError("setresuid", err)
	}
	return nil
}

// filterCalls lets the threads of this process make calls that compute, and open files where a directory lets them; any other call
// does not exist for them, as C libraries expect it of what a kernel does not have.
func filterCalls() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 4}, // seccomp_data.arch
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
	}
	for _, nr := range append(calls, common...) {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	}
	for _, c := range partly() {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(c.nr), Jf: 4},
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: uint32(16 + 8*c.arg)}, // its low half
			unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: c.mask},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: c.is, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// namespaces are the flags of clone that make any.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
	unix.CLONE_NEWPID | unix.CLONE_NEWNET

// condition is a call that may be made where an argument is, in the bits of mask, what it is to be.
type condition struct {
	nr       uintptr
	arg      int
	mask, is uint32
}

// partly are calls with conditions, one of which is to be met. Memory that is shared, as what memfd_create makes, does not count for
// RLIMIT_DATA; another process would have limits of its own.
func partly() []condition {
	const all = 1<<32 - 1
	return []condition{
		{nr: unix.SYS_CLONE, arg: 0, mask: namespaces | unix.CLONE_THREAD, is: unix.CLONE_THREAD},
		{nr: unix.SYS_MMAP, arg: 3, mask: unix.MAP_ANONYMOUS},
		{nr: unix.SYS_MMAP, arg: 3, mask: unix.MAP_SHARED},
		{nr: unix.SYS_TGKILL, arg: 0, mask: all, is: uint32(unix.Getpid())},
		{nr: unix.SYS_PRLIMIT64, arg: 0, mask: all},
	}
}

// common are the calls that a compiler needs on every processor.
var common = []uintptr{
	unix.SYS_BRK, unix.SYS_CLOCK_GETRES, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOSE,
	unix.SYS_COPY_FILE_RANGE, unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT,
	unix.SYS_EVENTFD2, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_FCHMOD, unix.SYS_FCHMODAT,
	unix.SYS_FCNTL, unix.SYS_FDATASYNC, unix.SYS_FLOCK, unix.SYS_FSTAT, unix.SYS_FSTATFS, unix.SYS_FSYNC, unix.SYS_FTRUNCATE,
	unix.SYS_FUTEX, unix.SYS_GETCWD, unix.SYS_GETDENTS64, unix.SYS_GETEGID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETPID,
	unix.SYS_GETPPID, unix.SYS_GETRANDOM, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_LINKAT, unix.SYS_LSEEK, unix.SYS_MADVISE,
	unix.SYS_MEMBARRIER, unix.SYS_MINCORE, unix.SYS_MKDIRAT, unix.SYS_MPROTECT, unix.SYS_MREMAP,
	unix.SYS_MUNMAP, unix.SYS_NANOSLEEP, unix.SYS_OPENAT, unix.SYS_PIPE2, unix.SYS_PPOLL, unix.SYS_PREAD64,
	unix.SYS_PWRITE64, unix.SYS_READ, unix.SYS_READLINKAT, unix.SYS_READV, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2,
	unix.SYS_RESTART_SYSCALL, unix.SYS_RSEQ, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
	unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_YIELD, unix.SYS_SET_ROBUST_LIST, unix.SYS_SIGALTSTACK, unix.SYS_STATX, unix.SYS_SYMLINKAT,
	unix.SYS_SYSINFO, unix.SYS_UNAME, unix.SYS_UNLINKAT, unix.SYS_WRITE, unix.SYS_WRITEV,
}
