package vfs

import (
	"strings"
	"syscall"
	"unicode/utf8"
)

// checkName refuses a component of a guest's path that the operating system goos would take for something else than a name
// in a directory, or that it takes for another name than is written: what the walk holds against the mount tree must be
// what the kernel looks up. It is a pure rule; whether one file has several names is found by comparing files (place.covered).
func checkName(goos, name string) error {
	if len(name) > maxName {
		return syscall.ENAMETOOLONG
	}
	switch goos {
	case "windows":
		return checkWindowsName(name)
	case "darwin", "ios":
		return checkDarwinName(name)
	}
	return nil // bytes without a slash and without NUL, and nothing else to it
}

// checkWindowsName refuses what the Win32 name space gives a meaning: separators, drives and streams, devices in every
// directory, wildcards, and endings that are cut off.
func checkWindowsName(name string) error {
	if !utf8.ValidString(name) {
		return syscall.EILSEQ
	}
	if name == "." || name == ".." {
		return nil
	}
	if strings.ContainsAny(name, "<>:\"|?*\\") || strings.IndexFunc(name, isControl) >= 0 {
		return syscall.EINVAL
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return syscall.EINVAL
	}
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return syscall.EINVAL
	}
	if port, ok := strings.CutPrefix(base, "COM"); ok && isPort(port) {
		return syscall.EINVAL
	}
	if port, ok := strings.CutPrefix(base, "LPT"); ok && isPort(port) {
		return syscall.EINVAL
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 }

// isPort tells the number of a device: a digit, or one of the superscript digits that count as one.
func isPort(s string) bool {
	return len(s) == 1 && s[0] >= '0' && s[0] <= '9' || s == "¹" || s == "²" || s == "³"
}

// checkDarwinName refuses code points that HFS+ leaves out when it compares names, and bytes that no file system there has
// in a name.
func checkDarwinName(name string) error {
	if !utf8.ValidString(name) {
		return syscall.EILSEQ
	}
	if strings.IndexFunc(name, isIgnorable) >= 0 {
		return syscall.EILSEQ
	}
	return nil
}

func isIgnorable(r rune) bool {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return true
	}
	return false
}
