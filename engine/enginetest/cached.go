package enginetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/wasmoci/wasmoci/engine"
)

var cacheCases = []Case{
	{
		Name: "Cache/Reused",
		Why:  "what one engine compiled another finds in the cache, says so, and runs the same",
		drive: func(t *trial) {
			dir := filepath.Join(t.TempDir(), "made", "here")
			for i := range 2 {
				t.stdout = newSink()
				t.cfg.Stdout = t.stdout
				var phases []engine.Phase
				eng := t.fresh(engine.Options{CacheDir: dir, Observe: func(e engine.Event) { phases = append(phases, e.Phase) }})
				m := t.compile(eng, "hello")
				t.same(engine.Run(t.endless(), m, t.cfg), nil)
				if got := t.stdout.String(); got != helloLine {
					t.Errorf("run %d: got %q, want %q", i, got, helloLine)
				}
				if m.Info().Cached != (i == 1) {
					t.Errorf("run %d: Cached is %v", i, m.Info().Cached)
				}
				if compiled := slices.Contains(phases, engine.PhaseCompile); compiled != (i == 0) {
					t.Errorf("run %d: the phases are %q", i, phases)
				}
				t.same(eng.Close(), nil)
			}
			if st, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o700 {
				t.Errorf("the cache's directory is %v, %v; want mode 0700", st.Mode(), err)
			}
		},
	},
	{
		Name: "Cache/Damaged",
		Why:  "an entry of the cache that was changed is not run: the module is compiled again",
		drive: func(t *trial) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, damage := range []func([]byte) []byte{
				slices.Clone[[]byte],
				func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
				func(b []byte) []byte { b[len(b)-1] ^= 0x80; return b },
				func(b []byte) []byte { b[0] ^= 1; return b },
				func(b []byte) []byte { return b[:len(b)/2] },
				func([]byte) []byte { return nil },
			} {
				t.stdout = newSink()
				t.cfg.Stdout = t.stdout
				eng := t.fresh(engine.Options{CacheDir: dir})
				t.same(engine.Run(t.endless(), t.compile(eng, "hello"), t.cfg), nil)
				if got := t.stdout.String(); got != helloLine {
					t.Errorf("got %q, want %q", got, helloLine)
				}
				t.same(eng.Close(), nil)
				spoil(t, dir, damage)
			}
		},
	},
	{
		Name: "Cache/OthersMayWrite",
		Why:  "a cache that others may write to is refused: its content is executed",
		drive: func(t *trial) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			eng, err := t.open(t.endless(), engine.Options{CacheDir: dir})
			if err != nil {
				return
			}
			defer func() { t.same(eng.Close(), nil) }()
			if _, err := eng.Compile(t.endless(), t.source("hello")); err == nil && runtime.GOOS != "windows" {
				t.Error("a cache directory of mode 0777 is used")
			}
		},
	},
}

// spoil changes every file of a cache.
func spoil(t *trial, dir string, damage func([]byte) []byte) {
	t.Helper()
	entries := 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil || len(b) == 0 { // a lock
			return err
		}
		entries++
		if err := os.Chmod(p, 0o600); err != nil {
			return err
		}
		return os.WriteFile(p, damage(b), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if entries == 0 {
		t.Error("the cache has kept nothing")
	}
}
