//go:build real

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealLanguages compiles one program in each language for the host and as a guest, which must print the same. What is
// not the same is what a bundle is for, a mount that may only be read, and how a failure ends: a guest's is a trap.
func TestRealLanguages(t *testing.T) {
	const sources = "testdata/real/languages/"
	for _, tt := range []struct {
		name          string
		native, guest []string // compilers; the output and the source follow
		source        string
	}{
		{"C", []string{"gcc", "-O2"}, []string{"clang", "--target=wasm32-wasi", "-O2"}, "files.c"},
		{"C++", []string{"g++", "-O2", "-fno-exceptions"}, []string{"clang++", "--target=wasm32-wasi", "-O2", "-fno-exceptions"}, "files.cpp"},
		// Debian's own, which has the library for guests; another may come first in PATH.
		{"Rust", []string{"/usr/bin/rustc", "-O"}, []string{"/usr/bin/rustc", "-O", "--target", "wasm32-wasi"}, "files.rs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"one", "zwei ü", ""}
			b := newRealBundle(t, append([]string{"/guest.wasm", "/out", "/in"}, args...)...)
			native := filepath.Join(t.TempDir(), "native")
			must(t, compiler(t, tt.native, native, sources+tt.source))
			must(t, compiler(t, tt.guest, b.rootfs("guest.wasm"), sources+tt.source))

			out, in := t.TempDir(), t.TempDir()
			write(t, filepath.Join(in, "greeting"), []byte("hello, guest\n"))
			host := runLanguage(t, 42, native, append([]string{out, in}, args...)...)
			const nativeLine, guestLine = "read-only writable\n", "read-only Read-only file system\n"
			if !strings.Contains(host, nativeLine) {
				t.Fatalf("the native program does not say %q, but\n%s", nativeLine, host)
			}
			want := strings.Replace(host, nativeLine, guestLine, 1)
			if got := runLanguage(t, 42, "wasmoci", "run", "--no-container", "--bundle", b.dir); got != want {
				t.Errorf("the guest printed\n%s\nwant\n%s", got, want)
			}
			if _, err := os.Stat(filepath.Join(b.dir, "in", "new")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the guest wrote to a read-only mount: %v", err)
			}
			sameFiles(t, b.out, out)

			aborts := newRealBundle(t, "/guest.wasm", "/out", "/in", "abort")
			if err := os.Rename(b.rootfs("guest.wasm"), aborts.rootfs("guest.wasm")); err != nil {
				t.Fatal(err)
			}
			if stdout, stderr, status := wasmoci(t, "run", "--no-container", "--bundle", aborts.dir); status != 134 || stdout != "" {
				t.Errorf("a failure ended with status %d, want 134; stdout %q, stderr %q", status, stdout, stderr)
			}
		})
	}
}

func compiler(t *testing.T, command []string, output, source string) *exec.Cmd {
	return exec.CommandContext(t.Context(), command[0], append(command[1:], "-o", output, source)...)
}

// runLanguage runs a program, native or the one that runs the guest, with the same input, and returns what it printed.
func runLanguage(t *testing.T, status int, name string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "WHO=world")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("first line\nsecond line\nlast"), &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status || errs.String() != "to stderr\n" {
		t.Fatalf("%s: status %d, want %d; stderr %q\n%s", name, got, status, &errs, &out)
	}
	return out.String()
}

// sameFiles compares what two runs have left in their directories.
func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	is, err := os.ReadDir(got)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(is) != len(list) {
		t.Fatalf("the guest has left %v, want %v", is, list)
	}
	for i, e := range list {
		if is[i].Name() != e.Name() || is[i].Type() != e.Type() {
			t.Errorf("the guest has left %v, want %v", is[i], e)
		} else if e.Type().IsRegular() {
			a, b := read(t, open(t, filepath.Join(got, e.Name()))), read(t, open(t, filepath.Join(want, e.Name())))
			if !bytes.Equal(a, b) {
				t.Errorf("%s has %q, want %q", e.Name(), a, b)
			}
		}
	}
}
