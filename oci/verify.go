package oci

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Verify checks that the runner is where it was asked to be, from mountinfo: the content of /proc/PID/mountinfo for the process
// that the delegate has created. It has to be called before that process is started. A spec does not tell where mounts end up:
// delegates follow links on the way to a destination, and those are the image's, or another container's on a shared volume. A mount
// that was led to /dev would show the guest the runner's place, or have the delegate execute what a volume has there instead.
//
// The error is a [*SpecError] for such a container, which has to be deleted; any other one means that mountinfo is not
// understood. Verify is pure and may be called concurrently.
func (d *Derived) Verify(mountinfo []byte) error {
	if d.original == "" {
		return errors.New("oci: verify: nothing was derived")
	}
	mounts, err := parseMountinfo(mountinfo)
	if err != nil {
		return fmt.Errorf("oci: verify: %w", err)
	}
	sound := d.isPlaced
	if d.ByDescriptor {
		sound = canNameDescriptors
	}
	if !sound(mounts) {
		return &SpecError{Field: "mounts", Err: errors.New("the runner of the guest is not where it was to be, or not alone there: " +
			"a link in the image or in a volume leads the destination of a mount elsewhere: remove the link")}
	}
	return nil
}

// isPlaced says whether the runner's mounts, and nothing else, are on the tmpfs that the spec has at /dev.
func (d *Derived) isPlaced(mounts []mountinfoLine) bool {
	asked := d.devices
	dev := map[string]bool{}  // of those that are a tmpfs, the id
	var place []mountinfoLine // those at and beneath it, the place first
	for _, m := range mounts {
		switch {
		case m.at == "/dev":
			asked--
			dev[m.id] = m.fsType == "tmpfs"
		case m.at == runnerPlace || strings.HasPrefix(m.at, runnerPlace+"/"):
			place = append(place, m)
		}
	}
	slices.SortFunc(place, func(a, b mountinfoLine) int { return strings.Compare(a.at, b.at) })
	inside := []string{d.Executable}
	if d.delegation.Libraries != "" {
		inside = append(inside, LibraryPath)
	}
	slices.Sort(inside)
	if asked != 0 || len(place) != 1+len(inside) || place[0].at != d.Code || !dev[place[0].parent] || !place[0].readOnly {
		return false
	}
	for i, m := range place[1:] {
		if m.at != inside[i] || m.parent != place[0].id || !m.readOnly {
			return false
		}
	}
	return true
}

// canNameDescriptors says whether /proc is a procfs, with nothing mounted where processes are.
func canNameDescriptors(mounts []mountinfoLine) bool {
	found := false
	for _, m := range mounts {
		switch beneath, ok := strings.CutPrefix(m.at, "/proc/"); {
		case m.at == "/proc" && m.fsType != "proc":
			return false
		case m.at == "/proc":
			found = true
		case ok && beneath != "" && beneath[0] >= '0' && beneath[0] <= '9':
			return false
		}
	}
	return found
}

// mountinfoLine is what matters here of a line of mountinfo (proc_pid_mountinfo(5)).
type mountinfoLine struct {
	id, parent string
	at         string
	readOnly   bool
	fsType     string
}

func parseMountinfo(data []byte) ([]mountinfoLine, error) {
	var mounts []mountinfoLine
	for line := range bytes.Lines(data) {
		fields := strings.Split(strings.TrimSuffix(string(line), "\n"), " ") // other white space is part of names
		dash := slices.Index(fields, "-")
		if dash < 6 || dash+1 >= len(fields) || !strings.HasPrefix(fields[4], "/") {
			return nil, fmt.Errorf("%q is no line of mountinfo", shorten(string(line)))
		}
		mounts = append(mounts, mountinfoLine{
			id: fields[0], parent: fields[1], at: unescaped(fields[4]),
			readOnly: slices.Contains(strings.Split(fields[5], ","), "ro"), fsType: fields[dash+1],
		})
	}
	return mounts, nil
}

// unescaped undoes the kernel's \ooo for space, tab, newline and backslash.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
