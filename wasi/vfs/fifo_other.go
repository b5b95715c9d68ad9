//go:build !linux

package vfs

import "syscall"

// There are no mounts, and so no FIFO is ever opened.

func (*Stop) awaitWriter(int) error         { return syscall.ENOSYS }
func (*File) readPipe([]byte) (int, error)  { return 0, syscall.ENOSYS }
func (*File) writePipe([]byte) (int, error) { return 0, syscall.ENOSYS }
func (f *File) pipe(bool) Pollable          { return steady{f, false} }
