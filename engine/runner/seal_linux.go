package runner

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Seal writes o into a file in memory that nobody can change any more, for a runner to inherit. The caller closes it. An order that
// [Order.Validate] refuses is refused, and so is one on a system other than Linux ([errors.ErrUnsupported]).
func (o Order) Seal() (*os.File, error) {
	b, err := o.encode()
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("wasmoci-order", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("runner: seal the order: %w", os.NewSyscallError("memfd_create", err))
	}
	f := os.NewFile(uintptr(fd), "order")
	if _, err = f.Write(b); err == nil {
		const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("runner: seal the order: %w", err)
	}
	return f, nil
}
