//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/engine/runner"
)

// TestRecordFile: a file with room for a record has it at its beginning, and nothing else changes; nor does the runner's end where
// somebody has made the file smaller.
func TestRecordFile(t *testing.T) {
	for name, c := range map[string]struct {
		shrink int64
		want   string
	}{
		"room":   {runner.RecordBytes, `{"status":143,"kind":"signal","detail":"signal 15"`},
		"shrunk": {0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := recordFile(t)
			s := launch{guest: "spin", cmd: func(c *exec.Cmd) { c.ExtraFiles[3] = file }}.start(t)
			s.awaitReady()
			if err := file.Truncate(c.shrink); err != nil {
				t.Fatal(err)
			}
			s.signal(syscall.SIGTERM)
			if status := s.wait(); status != 143 {
				t.Errorf("status %d; %s", status, s.errs.String())
			}
			data, err := os.ReadFile(file.Name())
			if err != nil {
				t.Fatal(err)
			}
			line, rest, _ := bytes.Cut(data, []byte("\n"))
			if !strings.HasPrefix(string(line), c.want) || len(data) != int(c.shrink) || len(bytes.Trim(rest, "\n")) > 0 {
				t.Errorf("the record is %q, of %d bytes", bytes.TrimRight(data, "\n"), len(data))
			}
		})
	}
}

// recordFile makes a file with room for a record.
func recordFile(t *testing.T) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "record"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := file.Write(bytes.Repeat([]byte("\n"), runner.RecordBytes)); err != nil {
		t.Fatal(err)
	}
	return file
}
