package runner

import (
	"debug/elf"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auxiliary vector: see getauxval(3)
const (
	atPHDR  = 3
	atPHNUM = 5
)

// dropPages gives back the pages of the executable that are not written to: most of them loaded and decoded the module, and
// will not be used again. Those that are come back from the file's page cache, a few microseconds each.
func dropPages() {
	auxv, err := unix.Auxv()
	if err != nil {
		return
	}
	var phdr *elf.Prog64
	var n uintptr
	for _, a := range auxv {
		switch a[0] {
		case atPHDR:
			phdr = *(**elf.Prog64)(unsafe.Pointer(&a[1])) // the kernel's pointer into the executable, not Go's
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
		if elf.ProgType(h.Type) == elf.PT_LOAD && h.Off == 0 {
			base = uintptr(unsafe.Pointer(phdr)) - unsafe.Sizeof(elf.Header64{}) - uintptr(h.Vaddr)
		}
	}
	page := uintptr(os.Getpagesize())
	for _, h := range headers {
		if elf.ProgType(h.Type) != elf.PT_LOAD || elf.ProgFlag(h.Flags)&elf.PF_W != 0 {
			continue
		}
		from := (base + uintptr(h.Vaddr) + page - 1) &^ (page - 1)
		to := (base + uintptr(h.Vaddr+h.Memsz)) &^ (page - 1)
		if from < to {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
