package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestFileDigest(t *testing.T) {
	for name, size := range map[string]int{"nothing, which cannot be mapped": 0, "little": 1, "pages": 2 * os.Getpagesize(), "much": 3<<20 + 17} {
		t.Run(name, func(t *testing.T) {
			content := bytes.Repeat([]byte("content"), size/7+1)[:size]
			f := fileOf(t, content)
			if got, err := fileDigest(f, int64(size)); err != nil || got != sha256.Sum256(content) {
				t.Errorf("digest %x, error %v", got, err)
			}
		})
	}
}

// TestFileDigestCut: a file that becomes shorter while it is mapped is an error.
func TestFileDigestCut(t *testing.T) {
	page := os.Getpagesize()
	f := fileOf(t, make([]byte, 2*page))
	mapped, err := syscall.Mmap(int(f.Fd()), 0, 2*page, syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Munmap(mapped); err != nil {
			t.Error(err)
		}
	}()
	if err := os.Truncate(f.Name(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := mappedDigest(mapped); !errors.Is(err, errFault) {
		t.Errorf("error %v, want %v", err, errFault)
	}
}

// fileOf opens a new file of that content.
func fileOf(t *testing.T, content []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
