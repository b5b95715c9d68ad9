//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMeeting: the FIFO that a first process has open for reading has a reader when that process is gone, so that who opens it to write waits
// for nobody; all others are left alone, as that of a first process that would write to it.
func TestMeeting(t *testing.T) {
	for _, tt := range []struct {
		name, file, redirect string
		reader               bool
	}{
		{"crun's", "exec.fifo", `4<"$1"`, true},
		{"runc's, which is to be written to", "exec.fifo", `4>"$1"`, false},
		{"the container's standard input", "stdin", `4<"$1"`, false},
		{"none", "exec.fifo", `4</dev/null`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			fifo, number := filepath.Join(dir, tt.file), filepath.Join(dir, "pid")
			if err := unix.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			first := exec.CommandContext(t.Context(), "sh", "-c", `exec 3<>"$1" `+tt.redirect+` 3>&-; echo; read -r _`, "sh", fifo)
			stdin, err := first.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			stdout, err := first.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := first.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := stdout.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(number, []byte(strconv.Itoa(first.Process.Pid)), 0o600); err != nil {
				t.Fatal(err)
			}
			meeting := openMeeting(number)
			_ = first.Process.Kill()
			_ = first.Wait()
			if (meeting != nil) != tt.reader {
				t.Fatalf("opened: %t", meeting != nil)
			}
			for _, reader := range []bool{tt.reader, false} {
				fd, err := unix.Open(fifo, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
				if err == nil {
					unix.Close(fd)
				}
				if reader != (err == nil) || !reader && err != unix.ENXIO {
					t.Errorf("there is a reader: %v, want %t", err, reader)
				}
				meeting.Close()
			}
		})
	}
}

// TestMeetingWithNobody: what a pid file has may be no process, any more or at all.
func TestMeetingWithNobody(t *testing.T) {
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "\n", "-1", "0", "*", "x", "..", fmt.Sprint(gone.Process.Pid), fmt.Sprint(os.Getpid())} {
		name := filepath.Join(t.TempDir(), "pid")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if f := openMeeting(name); f != nil {
			t.Errorf("%q: opened %s", content, f.Name())
		}
	}
	if f := openMeeting(filepath.Join(t.TempDir(), "missing")); f != nil {
		t.Errorf("opened %s", f.Name())
	}
}
