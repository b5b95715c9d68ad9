package oci

import (
	"strings"
	"testing"
)

func TestParseEntrypoint(t *testing.T) {
	for arg0, want := range map[string][2]string{
		"app.wasm":              {"app.wasm", ""},
		"app.wasm#f":            {"app.wasm", "f"},
		"a#b#c":                 {"a", "b#c"},
		"a#wasi:cli/run@0.2#go": {"a", "wasi:cli/run@0.2#go"},
		"#f":                    {"", "f"},
		"x#":                    {"x", ""},
		"#":                     {"", ""},
		"":                      {"", ""},
		"/a b/ü.wasm#ß":         {"/a b/ü.wasm", "ß"},
	} {
		if path, fn := ParseEntrypoint(arg0); path != want[0] || fn != want[1] {
			t.Errorf("%q: got %q, %q, want %q", arg0, path, fn, want)
		}
	}
}

func FuzzParseEntrypoint(f *testing.F) {
	for _, s := range []string{"app.wasm#f", "a#b#c", "#", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg0 string) {
		path, fn := ParseEntrypoint(arg0)
		if strings.Contains(path, "#") {
			t.Errorf("%q: path %q", arg0, path)
		}
		if joined := path + "#" + fn; joined != arg0 && path != arg0 {
			t.Errorf("%q: got %q, %q", arg0, path, fn)
		}
	})
}
