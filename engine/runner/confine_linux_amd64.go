package runner

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// calls are those that a compiler needs beyond common.
var calls = []uintptr{
	unix.SYS_ARCH_PRCTL, unix.SYS_EPOLL_WAIT, unix.SYS_GETRLIMIT, unix.SYS_NEWFSTATAT, unix.SYS_OPEN, unix.SYS_POLL, unix.SYS_STAT,
	unix.SYS_LSTAT, unix.SYS_UNLINK, unix.SYS_MKDIR, unix.SYS_RMDIR, unix.SYS_RENAME, unix.SYS_READLINK, unix.SYS_ACCESS,
}
