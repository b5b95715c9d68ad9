//go:build linux

package otlp

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAppend: many at once leave whole lines.
func TestAppend(t *testing.T) {
	name := filepath.Join(t.TempDir(), "spans.json")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				if err := Append(name, []byte(strings.Repeat(fmt.Sprint(i), 9999)+"\n")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	for _, line := range lines {
		if len(line) != 9999 || len(bytes.Trim(line, string(line[:1]))) != 0 {
			t.Errorf("a line of %d bytes that is not one's own", len(line))
		}
	}
	if st, err := os.Stat(name); err != nil || st.Mode().Perm()&0o077 != 0 || len(lines) != 160 {
		t.Errorf("%d lines, %v, %v", len(lines), st.Mode(), err)
	}
}

// TestAppendRefuses: what would block, or would be another file, is an error at once.
func TestAppendRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "there"), link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fifo, link, dir, filepath.Join(dir, "missing", "file"), "/dev/null"} {
		if err := Append(name, []byte("x\n")); err == nil {
			t.Errorf("%s was written to", name)
		}
	}
}
