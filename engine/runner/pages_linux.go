package runner

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auxiliary vector: see getauxval(3)
const (
	atPHDR  = 3
	atPHNUM = 5
)

// programHeader is an Elf64_Phdr, see elf(5). Package debug/elf would bring decompression and DWARF along, and initialise them.
type programHeader struct {
	kind, flags                uint32
	off, vaddr, _, _, memsz, _ uint64
}

// headerBytes is the size of an Elf64_Ehdr, which the program headers follow.
const headerBytes = 64

// dropPages gives back the pages of the executable that are not written to: most of them loaded and decoded the module, and
// will not be used again. Those that are come back from the file's page cache, a few microseconds each.
func dropPages() {
	auxv, err := unix.Auxv()
	if err != nil {
		return
	}
	var phdr *programHeader
	var n uintptr
	for _, a := range auxv {
		switch a[0] {
		case atPHDR:
			phdr = *(**programHeader)(unsafe.Pointer(&a[1])) // the kernel's pointer into the executable, not Go's
		case atPHNUM:
			n = a[1]
		}
	}
	if phdr == nil || unsafe.Sizeof(phdr) != 8 {
		return
	}
	headers := unsafe.Slice(phdr, n)
	var base uintptr
	for _, h := range headers {
		if h.kind == unix.PT_LOAD && h.off == 0 {
			base = uintptr(unsafe.Pointer(phdr)) - headerBytes - uintptr(h.vaddr)
		}
	}
	page := uintptr(os.Getpagesize())
	for _, h := range headers {
		if h.kind != unix.PT_LOAD || h.flags&unix.PF_W != 0 {
			continue
		}
		from := (base + uintptr(h.vaddr) + page - 1) &^ (page - 1)
		to := (base + uintptr(h.vaddr+h.memsz)) &^ (page - 1)
		if from < to {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
