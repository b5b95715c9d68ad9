//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
)

// TestPackaged: the operator's file that a package installs changes nothing, has every setting but the one for programs elsewhere, and what it
// says in comments can be said.
func TestPackaged(t *testing.T) {
	text, err := os.ReadFile("../../packaging/config.toml")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`(?m)^#([a-z["])`).ReplaceAllString(string(text), "$1")
	for name, text := range map[string]string{"as it is": string(text), "all of it": said} {
		file := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, defaults := operator.Defaults(operator.User{Root: true}, "/usr/libexec/wasmoci"), operator.Defaults(operator.User{Root: true}, "/usr/libexec/wasmoci")
		if err := s.Read(file, true); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		for _, key := range s.Keys {
			if from := s.From[key]; (from == file) != (name == "all of it" && key != "runners") {
				t.Errorf("%s: %s comes from %s", name, key, from)
			}
			if v := defaults.Value(key); v != "" && s.Value(key) != v {
				t.Errorf("%s: %s is %q, and not the default %q", name, key, s.Value(key), v)
			}
		}
	}
	if strings.Contains(said, "\n#\n") {
		t.Error("an empty comment")
	}
}
