package runner

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// filePlace is the descriptor of a compiler's socket for [newPlace].
const filePlace = 4

// placeNames is how many files, directories and links a compiler may have at a time.
const placeNames = 256

// newPlace makes the file system that a compiler of the given user has for its root directory, and sends what is its root to the process
// that waits for it, which nobody else comes to. It is a tmpfs of so many bytes, which the kernel holds to that, and whatever ends both
// processes removes it. It is mounted nowhere.
func newPlace(bytes int64, user int) (*os.File, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	for _, option := range [][2]string{
		{"size", strconv.FormatInt(bytes, 10)},
		{"nr_inodes", strconv.Itoa(placeNames)},
		{"mode", "0700"},
		{"uid", strconv.Itoa(user)},
		{"gid", strconv.Itoa(user)},
	} {
		if err := unix.FsconfigSetString(fs, option[0], option[1]); err != nil {
			return nil, fmt.Errorf("fsconfig: %s=%s: %w", option[0], option[1], err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, os.NewSyscallError("fsconfig", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, os.NewSyscallError("fsmount", err)
	}
	defer unix.Close(mount)
	fd, err := unix.Openat(mount, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	place := os.NewFile(uintptr(fd), "place")
	if err := unix.Sendmsg(filePlace, []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
		place.Close()
		return nil, os.NewSyscallError("sendmsg", err)
	}
	return place, unix.Close(filePlace)
}

// placeSocket returns the two ends of the socket for a compiler's place.
func placeSocket() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}

// receivePlace returns what a compiler that has ended sent before it read anything of its module.
func receivePlace(socket *os.File) (*os.File, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("it sent no directory"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("it sent no directory"), err)
	}
	return os.NewFile(uintptr(fds[0]), "place"), nil
}
