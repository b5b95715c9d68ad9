package preview2

import (
	"errors"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// errorCodes is the enum error-code of wasi:filesystem/types.
var errorCodes = []string{
	"access", "would-block", "already", "bad-descriptor", "busy", "deadlock", "quota", "exist", "file-too-large",
	"illegal-byte-sequence", "in-progress", "interrupted", "invalid", "io", "is-directory", "loop", "too-many-links",
	"message-size", "name-too-long", "no-device", "no-entry", "no-lock", "insufficient-memory", "insufficient-space",
	"not-directory", "not-empty", "not-recoverable", "unsupported", "no-tty", "no-such-device", "overflow", "not-permitted",
	"pipe", "read-only", "invalid-seek", "text-file-busy", "cross-device",
}

var codes = map[syscall.Errno]Enum{
	syscall.EACCES: "access", syscall.EAGAIN: "would-block", syscall.EALREADY: "already", syscall.EBADF: "bad-descriptor",
	syscall.EBUSY: "busy", syscall.EDEADLK: "deadlock", syscall.EDQUOT: "quota", syscall.EEXIST: "exist",
	syscall.EFBIG: "file-too-large", syscall.EILSEQ: "illegal-byte-sequence", syscall.EINPROGRESS: "in-progress",
	syscall.EINTR: "interrupted", syscall.EINVAL: "invalid", syscall.EIO: "io", syscall.EISDIR: "is-directory",
	syscall.ELOOP: "loop", syscall.EMLINK: "too-many-links", syscall.EMSGSIZE: "message-size",
	syscall.ENAMETOOLONG: "name-too-long", syscall.ENODEV: "no-device", syscall.ENOENT: "no-entry", syscall.ENOLCK: "no-lock",
	syscall.ENOMEM: "insufficient-memory", syscall.EMFILE: "insufficient-memory", syscall.ENFILE: "insufficient-memory",
	syscall.ENOSPC: "insufficient-space", syscall.ENOTDIR: "not-directory", syscall.ENOTEMPTY: "not-empty",
	syscall.ENOTSUP: "unsupported", syscall.ENOSYS: "unsupported", syscall.ENOTTY: "no-tty", syscall.ENXIO: "no-such-device",
	syscall.EOVERFLOW: "overflow", syscall.EPERM: "not-permitted", syscall.EPIPE: "pipe", syscall.EROFS: "read-only",
	syscall.ESPIPE: "invalid-seek", syscall.ETXTBSY: "text-file-busy", syscall.EXDEV: "cross-device",
}

// codeOf translates what package vfs returns, a plain syscall.Errno. What WASI has no word for is io.
func codeOf(err error) Enum {
	var e syscall.Errno
	if errors.As(err, &e) {
		if code, ok := codes[e]; ok {
			return code
		}
	}
	return "io"
}

// filed is the result of an operation on a file or a directory.
func filed(v Value, err error) (Value, error) {
	switch {
	case err == nil:
		return Result{Value: v}, nil
	case errors.Is(err, vfs.ErrStopped):
		return nil, ErrStopped
	}
	return Result{Err: true, Value: codeOf(err)}, nil
}
