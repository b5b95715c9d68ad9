package cache

import (
	"crypto/sha256"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
)

var errFault = errors.New("it cannot be read, or became shorter meanwhile")

// fileDigest is the digest of f, which is at its beginning and size bytes long. To read it would take a fifth as long as hashing does,
// so it is mapped, if it can be.
func fileDigest(f *os.File, size int64) ([sha256.Size]byte, error) {
	if int64(int(size)) != size {
		return readDigest(f)
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
	if err != nil {
		return readDigest(f)
	}
	defer func() { _ = syscall.Munmap(mapped) }()
	return mappedDigest(mapped)
}

// mappedDigest is the digest of a mapped file. A page that is not there is an error, not the end of the process.
func mappedDigest(mapped []byte) (digest [sha256.Size]byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of this goroutine
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = errFault
		default:
			panic(r)
		}
	}()
	const uninterrupted = 1 << 20 // bytes: Go cannot stop a goroutine that hashes
	h := sha256.New()
	for part := range slices.Chunk(mapped, uninterrupted) {
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
