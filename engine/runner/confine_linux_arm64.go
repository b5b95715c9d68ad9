package runner

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// calls are those that a compiler needs beyond common.
var calls = []uintptr{unix.SYS_FSTATAT, unix.SYS_GETRLIMIT}
