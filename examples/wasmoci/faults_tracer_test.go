//go:build root && linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer runs a command and kills one process of it at one of its system calls that change something. It counts over all threads: the
// counters of `strace --inject=…:when=N` are each thread's own, and a goroutine's calls are on any of them.
type tracer struct {
	others bool // the calls of the processes that the command starts, and not its own, are counted, and the process killed that it waits for
	at     int  // which call, from 1 on
}

// traced is what became of a command.
type traced struct {
	calls  int    // that change something, until the kill
	killed string // the name of the call before which the process was killed; "" where there were not so many
	status syscall.WaitStatus
	hung   bool // it did not end by itself
}

// changing are the system calls that change something: files, mounts, processes. The numbers that package unix has not on every machine are
// those of x86-64.
var changing = func() map[uint64]string {
	calls := map[uint64]string{
		unix.SYS_MKDIRAT: "mkdirat", unix.SYS_MKNODAT: "mknodat", unix.SYS_LINKAT: "linkat", unix.SYS_SYMLINKAT: "symlinkat",
		unix.SYS_RENAMEAT: "renameat", unix.SYS_RENAMEAT2: "renameat2", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_OPENAT: "openat",
		unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "pwrite64", unix.SYS_WRITEV: "writev", unix.SYS_SENDFILE: "sendfile", unix.SYS_COPY_FILE_RANGE: "copy_file_range",
		unix.SYS_SENDMSG: "sendmsg", unix.SYS_SENDTO: "sendto", unix.SYS_SPLICE: "splice",
		unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_TRUNCATE: "truncate", unix.SYS_FALLOCATE: "fallocate", unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync",
		unix.SYS_FCHMOD: "fchmod", unix.SYS_FCHMODAT: "fchmodat", unix.SYS_FCHOWN: "fchown", unix.SYS_FCHOWNAT: "fchownat",
		unix.SYS_CLONE: "clone", unix.SYS_CLONE3: "clone3", unix.SYS_EXECVE: "execve", unix.SYS_EXECVEAT: "execveat", unix.SYS_UNSHARE: "unshare", unix.SYS_SETNS: "setns",
		unix.SYS_MOUNT: "mount", unix.SYS_UMOUNT2: "umount2", unix.SYS_PIVOT_ROOT: "pivot_root", unix.SYS_OPEN_TREE: "open_tree", unix.SYS_MOVE_MOUNT: "move_mount",
		unix.SYS_MOUNT_SETATTR: "mount_setattr", unix.SYS_FSMOUNT: "fsmount", unix.SYS_MEMFD_CREATE: "memfd_create", unix.SYS_FLOCK: "flock",
		unix.SYS_KILL: "kill", unix.SYS_TGKILL: "tgkill", unix.SYS_PIDFD_SEND_SIGNAL: "pidfd_send_signal", unix.SYS_SETXATTR: "setxattr",
		unix.SYS_EXIT_GROUP: "exit_group",
	}
	if runtime.GOARCH == "amd64" {
		for nr, name := range map[uint64]string{
			2: "open", 57: "fork", 58: "vfork", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink",
			90: "chmod", 92: "chown", 94: "lchown", 133: "mknod",
		} {
			calls[nr] = name
		}
	}
	return calls
}()

// call is struct ptrace_syscall_info at the entry of a call.
type call struct {
	Op        uint8
	_         [3]uint8
	_         uint32
	_, _      uint64
	Number    uint64
	Arguments [6]uint64
}

// change is the name of a call that changes something, "" of another. A file that is opened counts where it may be made.
func (c *call) change() string {
	name := changing[c.Number]
	switch {
	case name == "openat" && c.Arguments[2]&(unix.O_CREAT|unix.O_TRUNC) == 0, name == "open" && c.Arguments[1]&(unix.O_CREAT|unix.O_TRUNC) == 0:
		return ""
	}
	return name
}

const ptraceGetSyscallInfo = 0x420e

// run runs a command in dir, whose output is out, until it has ended.
func (tr tracer) run(t *testing.T, dir string, env []string, out *os.File, argv ...string) (r traced) {
	t.Helper()
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	main, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Dir: dir, Env: env, Files: []uintptr{null.Fd(), out.Fd(), out.Fd()}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	options := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if tr.others {
		options |= unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK
	}
	groups := make(map[int]int)            // thread: its process
	direct := map[int]int{main: main}      // process: which of those that the command waits for it belongs to
	hangs := time.AfterFunc(late, func() { // all else is as late as the kernel
		r.hung = true
		_ = syscall.Kill(main, syscall.SIGKILL)
	})
	defer hangs.Stop()
	for ended := false; !ended; {
		var ws syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			t.Fatalf("wait: %v", err)
		}
		if ws.Exited() || ws.Signaled() {
			if delete(groups, tid); tid == main {
				r.status, ended = ws, true
			}
			continue
		}
		first := groups[tid] == 0
		if first {
			pid, parent := family(tid)
			groups[tid] = pid
			if direct[pid] == 0 {
				if direct[pid] = direct[parent]; parent == main || direct[pid] == 0 {
					direct[pid] = pid
				}
			}
			if tid == main {
				if err := syscall.PtraceSetOptions(tid, options); err != nil {
					t.Fatalf("ptrace: %v", err)
				}
			}
		}
		deliver := 0
		switch sig := ws.StopSignal(); {
		case sig == syscall.SIGTRAP|0x80:
			var c call
			if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(tid), unsafe.Sizeof(c), uintptr(unsafe.Pointer(&c)), 0, 0); errno != 0 || c.Op != 1 {
				break
			}
			if name := c.change(); name != "" && r.killed == "" && (groups[tid] != main) == tr.others {
				if r.calls++; r.calls == tr.at {
					r.killed = name
					_ = syscall.Kill(direct[groups[tid]], syscall.SIGKILL)
				}
			}
		case sig == syscall.SIGTRAP, first && sig == syscall.SIGSTOP:
		default:
			deliver = int(sig)
		}
		_ = syscall.PtraceSyscall(tid, deliver) // it may be gone
	}
	release(groups)
	return r
}

// release lets the processes go on that a command has left.
func release(groups map[int]int) {
	for tid, pid := range groups {
		_ = unix.Tgkill(pid, tid, syscall.SIGSTOP)
	}
	for begun := time.Now(); traces() && time.Since(begun) < late; { // there may be some that have not been seen yet
		var ws syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD|unix.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if tid == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		pid := groups[tid]
		if ws.Stopped() {
			if pid == 0 {
				pid, _ = family(tid)
			}
			_ = syscall.PtraceDetach(tid)
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		delete(groups, tid)
	}
}

// traces says whether a thread in this namespace is traced. One that is and has ended keeps its parent and its namespace waiting.
func traces() bool {
	all, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/status")
	return slices.ContainsFunc(all, func(name string) bool {
		_, tracer, found := strings.Cut(readString(name), "TracerPid:\t")
		return found && !strings.HasPrefix(tracer, "0\n")
	})
}

// family is the process of a thread, and that process's parent.
func family(tid int) (pid, parent int) {
	pid = tid
	for line := range strings.Lines(readString(fmt.Sprintf("/proc/%d/status", tid))) {
		_, _ = fmt.Sscanf(line, "Tgid: %d", &pid)
		_, _ = fmt.Sscanf(line, "PPid: %d", &parent)
	}
	return pid, parent
}
