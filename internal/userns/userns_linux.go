package userns

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// overflow is the number that the kernel shows for a user who has none in this namespace.
var overflow = sync.OnceValue(func() int {
	text, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	n, perr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || perr != nil {
		return 65534
	}
	return n
})

// span is a line of uid_map: count users from inside on are those from outside on in the namespace above.
type span struct{ inside, outside, count int64 }

// spans are this namespace's users; nil where that cannot be told, as without a procfs.
var spans = sync.OnceValue(func() (all []span) {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var s [3]int64
		fields := strings.Fields(line)
		if len(fields) != len(s) {
			continue
		}
		for i, f := range fields {
			if s[i], err = strconv.ParseInt(f, 10, 64); err != nil {
				break
			}
		}
		if err == nil {
			all = append(all, span{s[0], s[1], s[2]})
		}
	}
	if all == nil {
		all = []span{} // nobody has a number
	}
	return all
})

// Unmapped says whether uid, as the owner of a file is shown, may stand for owners who have no number in this user namespace. It may
// still be somebody's own number, too: see [Owns].
func Unmapped(uid int) bool {
	all := spans()
	everybody := len(all) == 1 && all[0] == span{0, 0, 1<<32 - 1}
	return all != nil && !everybody && uid == overflow()
}

// Outside returns the number of this namespace's user uid in the one above: what a shell outside calls this user. A user without one
// keeps the number.
func Outside(uid int) int {
	for _, s := range spans() {
		if n := int64(uid) - s.inside; n >= 0 && n < s.count {
			return int(s.outside + n)
		}
	}
	return uid
}

// Owns says whether this process may act as the owner of the directory path, which has to be readable: the kernel compares who they
// are, and not the numbers that are shown. Root of a namespace may act for everybody who has a number there.
func Owns(path string) bool {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOATIME|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	_ = syscall.Close(fd)
	return true
}
