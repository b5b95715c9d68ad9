//go:build linux

package delegate

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec becomes the runtime, with args after its name and everything else as this process has it. It returns only on failure.
func (d Delegate) Exec(args []string) error {
	args = append([]string{d.Path}, args...)
	d.Prepare()
	if <-d.copied.done; d.copied.fd >= 0 {
		_ = syscall.Exec(descriptorPath(d.copied.fd), args, os.Environ())
	}
	err := syscall.Exec(d.Path, args, os.Environ())
	return fmt.Errorf("start %s: %w", d.Path, err)
}

// Run runs the runtime to its end, with args after its name, env, this process's standard streams, and files after them. It does not outlive
// this process. It is what takes the least time: os/exec starts a process of its own first, to find out what the kernel can.
func (d Delegate) Run(args, env []string, files ...*os.File) (ws syscall.WaitStatus, err error) {
	attr := &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	pid, err := d.start(append([]string{d.Path}, args...), attr)
	runtime.KeepAlive(files)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", d.Path, err)
	}
	for {
		if _, err = syscall.Wait4(pid, &ws, 0, nil); err != syscall.EINTR {
			return ws, os.NewSyscallError("wait4", err)
		}
	}
}

func (d Delegate) start(args []string, attr *syscall.ProcAttr) (pid int, err error) {
	d.Prepare()
	if <-d.copied.done; d.copied.fd >= 0 {
		above := uintptr(len(attr.Files))
		for _, fd := range attr.Files {
			above = max(above, fd)
		}
		above += uintptr(len(attr.Files)) + 2 // which ForkExec may use for itself
		if fd, err := unix.FcntlInt(uintptr(d.copied.fd), unix.F_DUPFD_CLOEXEC, int(above)); err == nil {
			pid, err = syscall.ForkExec(descriptorPath(fd), args, attr)
			_ = unix.Close(fd)
			if err == nil {
				return pid, nil
			}
		}
	}
	return syscall.ForkExec(d.Path, args, attr)
}

func descriptorPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
