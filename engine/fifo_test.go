//go:build unix

package engine

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestSourceFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0) // both ends, so that opening does not wait either
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make(chan error, 1)
	go func() {
		_, err := FromFile(f).Load(100)
		got <- err
	}()
	select {
	case err := <-got:
		if !errors.As(err, new(*InvalidModuleError)) {
			t.Errorf("got %v (%T), want an *InvalidModuleError", err, err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for somebody to write")
	}
}
