package enginetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var exportCases = []Case{
	{
		Name: "Export/Loaded",
		Why:  "what was exported is loaded without compiling, from a directory that nobody may write to, and runs the same",
		drive: func(t *trial) {
			dir, ok := t.exported("hello")
			if !ok {
				return
			}
			before := readFiles(t, dir)
			var phases []engine.Phase
			eng := t.fresh(engine.Options{CacheDir: dir, CacheMode: engine.CacheExported, Observe: func(e engine.Event) { phases = append(phases, e.Phase) }})
			m := t.compile(eng, "hello")
			for range 2 {
				t.stdout = newSink()
				t.cfg.Stdout = t.stdout
				t.same(engine.Run(t.endless(), m, t.cfg), nil)
				if got := t.stdout.String(); got != helloLine {
					t.Errorf("got %q, want %q", got, helloLine)
				}
			}
			if !m.Info().Cached || slices.Contains(phases, engine.PhaseCompile) {
				t.Errorf("Cached is %v, the phases are %q", m.Info().Cached, phases)
			}
			t.same(eng.Close(), nil)
			before.differ(t, readFiles(t, dir))
		},
	},
	{
		Name:   "Export/Trap",
		Why:    "a guest whose code was exported traps as it does otherwise, with the same trace",
		guest:  "trap",
		config: wasi.Config{Args: []string{"trap", "m"}},
		drive: func(t *trial) {
			dir, ok := t.exported("trap")
			if !ok {
				return
			}
			want := t.wait(t.start(t.endless()))
			m := t.compile(t.fresh(engine.Options{CacheDir: dir, CacheMode: engine.CacheExported}), "trap")
			got := engine.Run(t.endless(), m, t.cfg)
			t.same(got, engine.TrapMemoryBounds)
			if got == nil || want == nil || got.Error() != want.Error() {
				t.Errorf("got %v, want %v", got, want)
			}
			if got, want := m.Info().Exports, t.module("trap").Info().Exports; !slices.Equal(got, want) {
				t.Errorf("its exports are %v, want %v", got, want)
			}
		},
	},
	{
		Name:   "Export/Known",
		Why:    "a module whose digest is known is the same module, and nothing but that digest tells which it is",
		config: wasi.Config{Args: []string{"hello"}},
		drive: func(t *trial) {
			dir, ok := t.exported("hello")
			if !ok {
				return
			}
			content, err := t.source("hello").Load(engine.DefaultMaxModuleBytes)
			t.same(err, nil)
			name := filepath.Join(t.TempDir(), "hello")
			t.same(os.WriteFile(name, content.Bytes, 0o600), nil)
			f, err := os.Open(name)
			t.same(err, nil)
			defer f.Close()
			eng := t.fresh(engine.Options{CacheDir: dir, CacheMode: engine.CacheExported})
			m, err := eng.Compile(t.endless(), engine.FromKnown(f, content.Digest))
			t.same(err, nil)
			t.same(engine.Run(t.endless(), m, t.cfg), nil)
			if got := t.stdout.String(); got != helloLine {
				t.Errorf("got %q, want %q", got, helloLine)
			}
			got, want := m.Info(), t.compile(eng, "hello").Info()
			got.Name, got.CompileTime = want.Name, want.CompileTime
			if !reflect.DeepEqual(got, want) {
				t.Errorf("it is %+v, want %+v", got, want)
			}
			_, err = eng.Compile(t.endless(), engine.FromKnown(f, [sha256.Size]byte{1}))
			if missing := (*engine.NotCachedError)(nil); !errors.As(err, &missing) {
				t.Errorf("another's digest: got %v, want an *engine.NotCachedError", err)
			}
		},
	},
	{
		Name: "Export/Changed",
		Why:  "a file that has become another since its digest was found says wrong things about the module, and no more comes of it",
		drive: func(t *trial) {
			dir, ok := t.exported("entrypoints")
			if !ok {
				return
			}
			content, err := t.source("entrypoints").Load(engine.DefaultMaxModuleBytes)
			t.same(err, nil)
			eng := t.fresh(engine.Options{CacheDir: dir, CacheMode: engine.CacheExported})
			const function, memory = 0, 2
			many := make([]declared, 5000)
			for i := range many {
				many[i].name = strconv.Itoa(i)
			}
			for name, c := range map[string]struct {
				entrypoint string
				exports    []declared
				says       string // where it can be called
			}{
				"more exports":     {"_start", append(slices.Clone(many), declared{"_start", function}), "start\n"},
				"another memory":   {"_start", append(slices.Clone(many), declared{"memory", memory}, declared{"_start", function}), "start\n"},
				"other kinds":      {"_start", []declared{{"_start", function}, {"other", function}, {"memory", memory}}, "start\n"},
				"what is no entry": {"answer", []declared{{"answer", function}}, ""},
				"another type":     {"takes", append(slices.Clone(many[:6]), declared{"takes", function}), ""},
				"another result":   {"gives", append(slices.Clone(many[:7]), declared{"gives", function}), ""},
			} {
				file := filepath.Join(t.TempDir(), "changed")
				t.same(os.WriteFile(file, declaring(c.exports), 0o600), nil)
				f, err := os.Open(file)
				t.same(err, nil)
				t.stdout = newSink()
				t.cfg.Stdout, t.cfg.Entrypoint = t.stdout, c.entrypoint
				m, err := eng.Compile(t.endless(), engine.FromKnown(f, content.Digest))
				if err == nil {
					err = engine.Run(t.endless(), m, t.cfg)
				}
				f.Close()
				if got := t.stdout.String(); err == nil && got != c.says || err != nil && got != "" {
					t.Errorf("%s: it ends with %v, having written %q", name, err, got)
				}
			}
		},
	},
	{
		Name: "Export/Another",
		Why:  "a module that was not exported is not compiled either",
		drive: func(t *trial) {
			exported, ok := t.exported("hello")
			if !ok {
				return
			}
			eng := t.fresh(engine.Options{CacheDir: exported, CacheMode: engine.CacheExported})
			_, err := eng.Compile(t.endless(), t.source("spin"))
			var missing *engine.NotCachedError
			if !errors.As(err, &missing) || missing.Err != nil {
				t.Errorf("got %v, want an *engine.NotCachedError without a reason", err)
			}
			dir := t.TempDir()
			var no *engine.NoExportError
			if err := engine.Export(t.endless(), eng, t.source("hello"), dir); !errors.As(err, &no) || !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("export what is exported: got %v, want an *engine.NoExportError", err)
			}
			t.empty(dir)
		},
	},
	{
		Name: "Export/NoCache",
		Why:  "an engine that keeps no code says that it cannot export any",
		drive: func(t *trial) {
			dir := t.TempDir()
			err := engine.Export(t.endless(), t.fresh(engine.Options{}), t.source("hello"), dir)
			var no *engine.NoExportError
			if !errors.As(err, &no) || no.Engine != t.eng.Info().Name || engine.ExitCode(err) != 125 {
				t.Errorf("got %v, want an *engine.NoExportError of %s, and exit status 125", err, t.eng.Info().Name)
			}
			t.empty(dir)
		},
	},
	{
		Name: "Export/Refused",
		Why:  "what cannot be exported leaves nothing, and says why",
		drive: func(t *trial) {
			cache, dir := filepath.Join(t.TempDir(), "cache"), t.TempDir()
			eng := t.fresh(engine.Options{CacheDir: cache})
			if _, ok := eng.(engine.Exporter); !ok {
				return
			}
			var invalid *engine.InvalidModuleError
			if err := engine.Export(t.endless(), eng, engine.FromBytes([]byte("gopher")), dir); !errors.As(err, &invalid) {
				t.Errorf("no module: got %v, want an *engine.InvalidModuleError", err)
			}
			ended, cancel := context.WithCancel(t.endless())
			cancel()
			if err := engine.Export(ended, eng, t.source("hello"), dir); !errors.Is(err, context.Canceled) {
				t.Errorf("an ended context: got %v", err)
			}
			if err := engine.Export(t.endless(), eng, t.source("hello"), filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("no directory: got %v, want fs.ErrNotExist", err)
			}
			var missing *engine.NotCachedError
			required := t.fresh(engine.Options{CacheDir: cache, CacheMode: engine.CacheRequired})
			if err := engine.Export(t.endless(), required, t.source("spin"), dir); !errors.As(err, &missing) {
				t.Errorf("not in a cache that must have it: got %v, want an *engine.NotCachedError", err)
			}
			t.empty(dir)
		},
	},
	{
		Name:      "Export/Component",
		Why:       "components are exported as modules are",
		guest:     crab,
		component: true,
		drive: func(t *trial) {
			dir, ok := t.exported(crab)
			if !ok {
				return
			}
			eng := t.fresh(engine.Options{CacheDir: dir, CacheMode: engine.CacheExported})
			m := t.compile(eng, crab)
			t.same(engine.Run(t.endless(), m, t.cfg), nil)
			if !m.Info().Cached {
				t.Error("Cached is false")
			}
		},
	},
}

// declared is what a module exports: its only function, or its only memory.
type declared struct {
	name string
	kind byte
}

// declaring returns a module with these exports, which imports what the guest "entrypoints" does.
func declaring(exports []declared) []byte {
	const (
		i32, none = "\x7f", "\x00"
		types     = "\x04" + "\x60" + none + none + "\x60\x04" + i32 + i32 + i32 + i32 + "\x01" + i32 +
			"\x60\x02" + i32 + i32 + "\x01" + i32 + "\x60\x01" + i32 + none
		from    = "\x16wasi_snapshot_preview1"
		imports = "\x03" + from + "\x08fd_write\x00\x01" + from + "\x0eargs_sizes_get\x00\x02" + from + "\x09proc_exit\x00\x03"
	)
	list := binary.AppendUvarint(nil, uint64(len(exports)))
	for _, e := range exports {
		list = append(binary.AppendUvarint(list, uint64(len(e.name))), e.name...)
		list = append(list, e.kind)
		if e.kind == 0 {
			list = append(list, 3) // functions that are imported have the first numbers
		} else {
			list = append(list, 0)
		}
	}
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, section := range []struct {
		id   byte
		body string
	}{{1, types}, {2, imports}, {3, "\x01\x00"}, {5, "\x01\x00\x01"}, {7, string(list)}, {10, "\x01\x02\x00\x0b"}} {
		module = append(binary.AppendUvarint(append(module, section.id), uint64(len(section.body))), section.body...)
	}
	return module
}

// exported exports a guest to a directory that nobody may write to. Where the engine does not export, it sees to it that it says so.
func (t *trial) exported(name string) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	eng := t.fresh(engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache")})
	err := engine.Export(t.endless(), eng, t.source(name), dir)
	if _, can := eng.(engine.Exporter); !can {
		if !errors.As(err, new(*engine.NoExportError)) {
			t.Errorf("got %v, want an *engine.NoExportError", err)
		}
		t.empty(dir)
		return "", false
	}
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	t.same(eng.Close(), nil)
	var folders []string
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o644)
		if d.IsDir() {
			want = 0o755
			folders = append(folders, p)
		}
		if p != dir && runtime.GOOS != "windows" && st.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, want %v", p, st.Mode(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range folders {
		if err := os.Chmod(p, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, p := range folders {
			if err := os.Chmod(p, 0o755); err != nil {
				t.Error(err)
			}
		}
	})
	return dir, true
}

// empty checks that nothing is in dir.
func (t *trial) empty(dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%s has %v, %v; want nothing", dir, left, err)
	}
}
