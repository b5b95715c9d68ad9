//go:build linux

package prepared

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuess: a module has the code that it had the last time, whatever its file is, and what is not its code is found out.
func TestGuess(t *testing.T) {
	s, module, runner := opened(t)
	text := bytes.Repeat([]byte("module. "), 1<<15)
	write(t, module.Name(), string(text))
	if c := s.Guess(module, runner); c != nil {
		t.Fatalf("a guess of nothing: %+v", c)
	}
	made, err := s.Get(t.Context(), module, runner, echo)
	if err != nil {
		t.Fatal(err)
	}
	guessed := func(module *os.File) (*Code, string) {
		t.Helper()
		c := s.Guess(module, runner)
		if c == nil || c.Name != made.Name || c.Size != int64(len(text)) || c.Digest() != made.Digest() {
			t.Fatalf("guessed %+v, made %+v", c, made)
		}
		dir := t.TempDir()
		if err := c.Link(dir); err != nil {
			t.Fatal(err)
		}
		return c, dir
	}
	other := func(at int) *os.File {
		changed := bytes.Clone(text)
		changed[at] ^= 1
		name := filepath.Join(t.TempDir(), "other")
		write(t, name, string(changed))
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}

	c, dir := guessed(module)
	if err := c.Verify(t.Context(), module, dir); err != nil {
		t.Error(err)
	}
	for _, at := range []int{0, len(text) - 1} {
		if c := s.Guess(other(at), runner); c != nil {
			t.Errorf("another module, by its byte %d, is taken for the first: %+v", at, c)
		}
	}
	hidden := other(len(text) - sampleSize - 100)
	c, dir = guessed(hidden)
	if err := c.Verify(t.Context(), hidden, dir); err == nil || !strings.Contains(err.Error(), "another module's") {
		t.Errorf("another module: %v", err)
	}
	file := filepath.Join("key", "compiled")
	if err := os.Remove(filepath.Join(dir, c.Name, file)); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(t.Context(), module, dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without its file: %v", err)
	}
	c, dir = guessed(module)
	if err := os.WriteFile(filepath.Join(c.dir, file), append(text[1:], '.'), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(t.Context(), module, dir); err == nil || !strings.Contains(err.Error(), "is not what was put there") {
		t.Errorf("damaged: %v", err)
	}

	second, err := s.Get(t.Context(), hidden, runner, echo) // from now on it is this one's
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Guess(module, runner); c == nil || c.Name != second.Name {
		t.Errorf("guessed %+v", c)
	}
	if err := os.RemoveAll(second.dir); err != nil {
		t.Fatal(err)
	}
	if c := s.Guess(module, runner); c != nil {
		t.Errorf("guessed what is not there: %+v", c)
	}
	s.sweepGuesses()
	if left, err := os.ReadDir(filepath.Join(s.dir, guesses)); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}
