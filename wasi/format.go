package wasi

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Format is what a file is, told by its first bytes and never by its name. As text and in JSON it is its String.
type Format uint8

const (
	FormatUnknown     Format = iota // nothing an engine runs: a script, an ELF executable, an empty file
	FormatModule                    // a core module, "\0asm" version 1
	FormatComponent                 // a component, "\0asm" layer 1
	FormatText                      // text format: "(module …" or "(component …"
	FormatPrecompiled               // an engine's own image of native code: never run from a guest's or an image's file
)

var formatNames = [...]string{"unknown", "module", "component", "text", "precompiled"}

// String returns "unknown", "module", "component", "text" or "precompiled".
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// MarshalText implements [encoding.TextMarshaler].
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. An unknown name is an error.
func (f *Format) UnmarshalText(text []byte) error {
	for i, n := range formatNames {
		if n == string(text) {
			*f = Format(i)
			return nil
		}
	}
	return fmt.Errorf("wasi: unknown format %q", text)
}

// FormatHead is how many bytes of a file [FormatOf] looks at; fewer is fine where the file is shorter.
const FormatHead = 4096

// FormatOf tells the format of a file from its head. It looks at no more than [FormatHead] bytes and never fails; a
// head that ends in the middle of a comment of the text format is unknown.
func FormatOf(head []byte) Format {
	head = head[:min(len(head), FormatHead)]
	if rest, ok := bytes.CutPrefix(head, []byte("\x00asm")); ok {
		if len(rest) < 4 {
			return FormatUnknown
		}
		switch version, layer := binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:]); {
		case version == 1 && layer == 0:
			return FormatModule
		case layer == 1: // the version of components still counts up; engines check it
			return FormatComponent
		}
		return FormatUnknown
	}
	for _, magic := range []string{
		"\x00aot",          // WAMR
		"WAZERO",           // wazero
		"wasmer-universal", // wasmer
		"\x00wasmer",
		"\x7fELF\x02\x01\x01\xc8", // wasmtime: ELF with its own ABI number, 200
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return FormatPrecompiled
		}
	}
	if isText(head) {
		return FormatText
	}
	return FormatUnknown
}

// isText skips white space and comments, then wants "(module" or "(component" as a whole word.
func isText(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	for {
		b = bytes.TrimLeft(b, " \t\r\n")
		switch {
		case bytes.HasPrefix(b, []byte(";;")):
			_, rest, ok := bytes.Cut(b, []byte("\n"))
			if !ok {
				return false
			}
			b = rest
		case bytes.HasPrefix(b, []byte("(;")):
			depth := 0
			for {
				if len(b) < 2 {
					return false
				}
				if two := string(b[:2]); two == "(;" {
					depth, b = depth+1, b[2:]
				} else if two == ";)" {
					depth, b = depth-1, b[2:]
				} else {
					b = b[1:]
				}
				if depth == 0 {
					break
				}
			}
		default:
			b, ok := bytes.CutPrefix(b, []byte("("))
			if !ok {
				return false
			}
			b = bytes.TrimLeft(b, " \t\r\n")
			for _, word := range []string{"module", "component"} {
				if rest, ok := bytes.CutPrefix(b, []byte(word)); ok {
					return len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n()$;\""), rest[0]) >= 0
				}
			}
			return false
		}
	}
}
