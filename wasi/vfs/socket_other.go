//go:build !linux

package vfs

import (
	"errors"
	"os"
	"syscall"
)

type socket struct{ readable, writable nothing }

// NewSocket is [errors.ErrUnsupported] on this system.
func NewSocket(*os.File, bool) (*Socket, error) { return nil, errors.ErrUnsupported }

func listens(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func (s *Socket) Accept(*Stop, bool) (*Socket, error)            { return nil, syscall.ENOSYS }
func (s *Socket) Receive(*Stop, []byte, bool, bool) (int, error) { return 0, syscall.ENOSYS }
func (s *Socket) Send(*Stop, []byte, bool) (int, error)          { return 0, syscall.ENOSYS }
func (s *Socket) Shutdown(bool, bool) error                      { return syscall.ENOSYS }
func (s *Socket) Close() error                                   { return nil }
