package preview1

import (
	"io"
	"sync"
	"syscall"
)

// Errno is what a function answers: 0 or an errno of the specification, or [Stop].
type Errno uint32

// Stop is no errno: it tells the adapter to end the guest. The reason is in the Host.
const Stop Errno = 1 << 16

// The specification's numbers; only those that this host answers.
const (
	success      Errno = 0
	e2big        Errno = 1
	eacces       Errno = 2
	eagain       Errno = 6
	ebadf        Errno = 8
	ebusy        Errno = 10
	econnaborted Errno = 13
	econnreset   Errno = 15
	edquot       Errno = 19
	eexist       Errno = 20
	efault       Errno = 21
	efbig        Errno = 22
	eilseq       Errno = 25
	eintr        Errno = 27
	einval       Errno = 28
	eio          Errno = 29
	eisdir       Errno = 31
	eloop        Errno = 32
	emfile       Errno = 33
	emlink       Errno = 34
	enametoolong Errno = 37
	enfile       Errno = 41
	enobufs      Errno = 42
	enodev       Errno = 43
	enoent       Errno = 44
	enomem       Errno = 48
	enospc       Errno = 51
	enosys       Errno = 52
	enotconn     Errno = 53
	enotdir      Errno = 54
	enotempty    Errno = 55
	enotsock     Errno = 57
	enotsup      Errno = 58
	enotty       Errno = 59
	enxio        Errno = 60
	eoverflow    Errno = 61
	eperm        Errno = 63
	epipe        Errno = 64
	erange       Errno = 68
	erofs        Errno = 69
	espipe       Errno = 70
	estale       Errno = 72
	etimedout    Errno = 73
	etxtbsy      Errno = 74
	exdev        Errno = 75
	enotcapable  Errno = 76
)

// errnos is made for the first error.
var errnos = sync.OnceValue(func() map[syscall.Errno]Errno {
	return map[syscall.Errno]Errno{
		syscall.E2BIG: e2big, syscall.EACCES: eacces, syscall.EAGAIN: eagain, syscall.EBADF: ebadf, syscall.EBUSY: ebusy,
		syscall.ECONNABORTED: econnaborted, syscall.ECONNRESET: econnreset, syscall.ENOBUFS: enobufs, syscall.ENOTCONN: enotconn,
		syscall.EDQUOT: edquot, syscall.EEXIST: eexist, syscall.EFAULT: efault, syscall.EFBIG: efbig, syscall.EILSEQ: eilseq,
		syscall.EINTR: eintr, syscall.EINVAL: einval, syscall.EIO: eio, syscall.EISDIR: eisdir, syscall.ELOOP: eloop,
		syscall.EMFILE: emfile, syscall.EMLINK: emlink, syscall.ENAMETOOLONG: enametoolong, syscall.ENFILE: enfile,
		syscall.ENODEV: enodev, syscall.ENOENT: enoent, syscall.ENOMEM: enomem, syscall.ENOSPC: enospc,
		syscall.ENOSYS: enosys, syscall.ENOTDIR: enotdir, syscall.ENOTEMPTY: enotempty, syscall.ENOTSOCK: enotsock,
		syscall.ENOTSUP: enotsup, syscall.ENOTTY: enotty, syscall.ENXIO: enxio, syscall.EOVERFLOW: eoverflow,
		syscall.EPERM: eperm, syscall.EPIPE: epipe, syscall.ERANGE: erange, syscall.EROFS: erofs, syscall.ESPIPE: espipe,
		syscall.ESTALE: estale, syscall.ETIMEDOUT: etimedout, syscall.ETXTBSY: etxtbsy, syscall.EXDEV: exdev,
	}
})

// errnoOf translates what package vfs returns: a plain syscall.Errno, or io.EOF from streams.
func errnoOf(err error) Errno {
	if err == nil || err == io.EOF {
		return success
	}
	if e, ok := err.(syscall.Errno); ok {
		if e, ok := errnos()[e]; ok {
			return e
		}
	}
	return eio
}
