//go:build !linux

package vfs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// There is no confined walk on this operating system, so no mount is opened and no descriptor ever comes into being: New
// refuses all of them, and what is left is the empty synthetic root, for which none of these is called.

func supported() error {
	return fmt.Errorf("vfs: mounts on %s: %w: run on Linux", runtime.GOOS, errors.ErrUnsupported)
}

func sizeLimit() int64                                 { return 0 }
func openHost(string) (int, error)                     { return -1, supported() }
func dupFile(*os.File) (int, error)                    { return -1, supported() }
func dupFD(int) (int, error)                           { return -1, syscall.ENOSYS }
func openProc() (int, error)                           { return -1, syscall.ENOSYS }
func onProc(int) (bool, error)                         { return false, syscall.ENOSYS }
func openBeneath(int, string) (int, error)             { return -1, syscall.ENOSYS }
func openPath(int, string) (int, error)                { return -1, syscall.ENOSYS }
func openDir(int, string) (int, error)                 { return -1, syscall.ENOSYS }
func openList(int) (int, error)                        { return -1, syscall.ENOSYS }
func isGone(error) bool                                { return false }
func reopenAt(int, int, OpenOptions) (int, error)      { return -1, syscall.ENOSYS }
func openByName(int, string, OpenOptions) (int, error) { return -1, syscall.ENOSYS }
func openByPath(string, OpenOptions) (int, error)      { return -1, syscall.ENOSYS }
func settleFlags(int, OpenOptions) error               { return syscall.ENOSYS }
func createAt(int, string, OpenOptions) (int, error)   { return -1, syscall.ENOSYS }
func harmless(uint64) bool                             { return false }
func statFD(int) (info, error)                         { return info{}, syscall.ENOSYS }
func statAt(int, string) (info, uint64, error)         { return info{}, 0, syscall.ENOSYS }
func readLink(int) (string, error)                     { return "", syscall.ENOSYS }
func mkdirAt(int, string, uint32) error                { return syscall.ENOSYS }
func symlinkAt(string, int, string) error              { return syscall.ENOSYS }
func linkAt(int, string, int, string) error            { return syscall.ENOSYS }
func renameAt(int, string, int, string) error          { return syscall.ENOSYS }
func unlinkAt(int, string) error                       { return syscall.ENOSYS }
func rmdirAt(int, string) error                        { return syscall.ENOSYS }
func setTimesAt(int, string, Times) error              { return syscall.ENOSYS }
func setTimesFD(int, Times) error                      { return syscall.ENOSYS }
func (*FS) setTimesPath(int, Times) error              { return syscall.ENOSYS }
func readFD(int, []byte) (int, error)                  { return 0, syscall.ENOSYS }
func writeFD(int, []byte) (int, error)                 { return 0, syscall.ENOSYS }
func preadFD(int, []byte, int64) (int, error)          { return 0, syscall.ENOSYS }
func pwriteFD(int, []byte, int64) (int, error)         { return 0, syscall.ENOSYS }
func pwriteNoAppend(int, []byte, int64) (int, error)   { return 0, syscall.ENOSYS }
func seekFD(int, int64, int) (int64, error)            { return 0, syscall.ENOSYS }
func truncateFD(int, int64) error                      { return syscall.ENOSYS }
func allocateFD(int, int64, int64) error               { return syscall.ENOSYS }
func adviseFD(int, int64, int64, Advice) error         { return syscall.ENOSYS }
func syncFD(int) error                                 { return syscall.ENOSYS }
func dataSyncFD(int) error                             { return syscall.ENOSYS }
func setFlagsFD(int, Flags) error                      { return syscall.ENOSYS }
func readDirFD(int, []byte) (int, error)               { return 0, syscall.ENOSYS }
func parseEntry([]byte) (Entry, int64, []byte)         { return Entry{}, 0, nil }
func closeFD(int)                                      {}
