package wasi_test

import (
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestEnviron(t *testing.T) {
	backing := []string{"A=1", "kept"}
	for _, c := range []struct {
		name string
		cfg  wasi.Config
		want []string
	}{
		{"nothing", wasi.Config{}, nil},
		{"the root", wasi.Config{Dir: "/", Env: []string{"A=1"}}, []string{"A=1"}},
		{"a directory", wasi.Config{Dir: "/srv", Env: backing[:1]}, []string{"A=1", "PWD=/srv"}},
		{"one's own PWD", wasi.Config{Dir: "/srv", Env: []string{"PWD=/x"}}, []string{"PWD=/x"}},
		{"a name that ends like it", wasi.Config{Dir: "/srv", Env: []string{"OLDPWD=/x"}}, []string{"OLDPWD=/x", "PWD=/srv"}},
	} {
		if got := c.cfg.Environ(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if backing[1] != "kept" {
		t.Error("the slice behind Env was written to")
	}
}
