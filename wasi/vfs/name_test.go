package vfs

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// TestCheckName: names by which a guest on another system would reach what the walk did not compare. On Linux each of them
// is a name like any other.
func TestCheckName(t *testing.T) {
	for _, c := range []struct {
		why, name       string
		windows, darwin error
	}{
		{"an ordinary name", "hello.txt", nil, nil},
		{"a hidden file", ".profile", nil, nil},
		{"letters beyond ASCII", "grüße-你好", nil, nil},
		{"decomposed letters", "u\u0308", nil, nil},
		{"upper case: the file is compared", "HIDDEN", nil, nil},
		{"a short name: the file is compared", "PROGRA~1", nil, nil},
		{"begins like a device", "console", nil, nil},
		{"a port with two digits", "COM10", nil, nil},

		{"a separator that would go up", `..\secret`, syscall.EINVAL, nil},
		{"a separator at the front", `\secret`, syscall.EINVAL, nil},
		{"a share", `\\server\share`, syscall.EINVAL, nil},
		{"a path without rules", `\\?\C:\secret`, syscall.EINVAL, nil},
		{"a drive", "C:", syscall.EINVAL, nil},
		{"a path on a drive", `C:\secret`, syscall.EINVAL, nil},
		{"relative to a drive", "C:secret", syscall.EINVAL, nil},
		{"another stream of a file", "file:stream", syscall.EINVAL, nil},
		{"the main stream of a file by its name", "file::$DATA", syscall.EINVAL, nil},
		{"a directory by its stream", "hidden::$INDEX_ALLOCATION", syscall.EINVAL, nil},
		{"a dot that is cut off", "hidden.", syscall.EINVAL, nil},
		{"dots that are cut off", "hidden...", syscall.EINVAL, nil},
		{"a space that is cut off", "hidden ", syscall.EINVAL, nil},
		{"three dots", "...", syscall.EINVAL, nil},
		{"up with a space", ".. ", syscall.EINVAL, nil},
		{"the console", "CON", syscall.EINVAL, nil},
		{"the console in small letters", "con", syscall.EINVAL, nil},
		{"the console with an extension", "con.txt", syscall.EINVAL, nil},
		{"the console with a space and an extension", "con .txt", syscall.EINVAL, nil},
		{"the console's input", "CONIN$", syscall.EINVAL, nil},
		{"a device that swallows", "nul", syscall.EINVAL, nil},
		{"a serial port", "COM1", syscall.EINVAL, nil},
		{"a serial port, superscript", "com²", syscall.EINVAL, nil},
		{"a printer", "lpt9.log", syscall.EINVAL, nil},
		{"wildcards", "*.txt", syscall.EINVAL, nil},
		{"a wildcard of DOS", "hidden<", syscall.EINVAL, nil},
		{"a control character", "a\tb", syscall.EINVAL, nil},

		{"a joiner that is not compared", "hid\u200dden", nil, syscall.EILSEQ},
		{"a direction that is not compared", "hidden\u202e", nil, syscall.EILSEQ},
		{"a byte order mark that is not compared", "\ufeffhidden", nil, syscall.EILSEQ},
		{"shaping that is not compared", "hid\u206aden", nil, syscall.EILSEQ},
		{"invalid UTF-8", "hid\xffden", syscall.EILSEQ, syscall.EILSEQ},
		{"half of a surrogate pair", "hid\xed\xa0\x80den", syscall.EILSEQ, syscall.EILSEQ},
		{"too long", strings.Repeat("x", 256), syscall.ENAMETOOLONG, syscall.ENAMETOOLONG},
	} {
		t.Run(c.why, func(t *testing.T) {
			var linux error
			if len(c.name) > maxName {
				linux = syscall.ENAMETOOLONG
			}
			for goos, want := range map[string]error{"linux": linux, "windows": c.windows, "darwin": c.darwin} {
				if got := checkName(goos, c.name); !errors.Is(got, want) {
					t.Errorf("%s: %q is %v, want %v", goos, c.name, got, want)
				}
			}
		})
	}
}
