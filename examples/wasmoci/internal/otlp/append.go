//go:build linux

package otlp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long Append waits for others that write to the file.
const patience = time.Second

// Append adds a line to a file, which it makes, for its owner alone, where it does not exist. Lines of several processes do not mix. What
// is no regular file is refused: nobody waits for a reader, and for a second at most for who
// holds a lock on it. A failure leaves no part of a line.
func Append(name string, line []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", name)
	}
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			break
		}
		if err != unix.EINTR && (err != unix.EWOULDBLOCK || time.Since(begun) > patience) {
			return fmt.Errorf("lock %s: %w", name, err)
		}
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err = f.Write(line); err != nil {
		err = errors.Join(err, f.Truncate(end))
	}
	return err
}
