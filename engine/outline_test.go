package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// TestOutline: of a module of known digest only what it declares is read; all else is as Load has it.
func TestOutline(t *testing.T) {
	const header = "\x00asm\x01\x00\x00\x00"
	section := func(id byte, body string) string { return string([]byte{id, byte(len(body))}) + body }
	declared := section(1, "types") + section(2, "imports") + section(3, "functions")
	more := section(5, "memory") + section(7, "exports")
	whole := header + section(0, "\x04name custom") + declared + section(4, "tables") + more + section(9, "elements") + section(10, "code") + section(11, "data")
	for name, c := range map[string]struct {
		text, want string
		invalid    bool
	}{
		"module":              {text: whole, want: header + declared + section(4, "tables") + more},
		"empty module":        {text: header, want: header},
		"cut off":             {text: whole[:len(whole)-1], want: whole[:len(whole)-1]},
		"cut off in a header": {text: header + "\x01", want: header + "\x01"},
		"endless length":      {text: header + "\x01\xff\xff\xff\xff\xff\xff", want: header + "\x01\xff\xff\xff\xff\xff\xff"},
		"component":           {text: "\x00asm\x0d\x00\x01\x00" + declared, want: "\x00asm\x0d\x00\x01\x00" + declared},
		"text":                {text: "(module)", want: "(module)"},
		"no WebAssembly":      {text: "#!/bin/sh", invalid: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "module")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			known := sha256.Sum256([]byte("said"))
			content, err := FromKnown(f, known).Outline(1 << 20)
			if c.invalid {
				var invalid *InvalidModuleError
				if !errors.As(err, &invalid) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || string(content.Bytes) != c.want || content.Size != int64(len(c.text)) || content.Digest != known ||
				content.Format != wasi.FormatOf([]byte(c.text)) {
				t.Errorf("%+v, %v, want %q", content, err, c.want)
			}
			for what, load := range map[string]func(int64) (*Content, error){"Load": FromKnown(f, known).Load, "unknown": FromFile(f).Outline} {
				content, err := load(1 << 20)
				if err != nil || !bytes.Equal(content.Bytes, []byte(c.text)) || (content.Digest == known) != (what == "Load") {
					t.Errorf("%s: %+v, %v", what, content, err)
				}
			}
			var large *TooLargeError
			if _, err := FromKnown(f, known).Outline(int64(len(c.text)) - 1); !errors.As(err, &large) {
				t.Errorf("too large: %v", err)
			}
		})
	}
}
