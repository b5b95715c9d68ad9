package core

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

// slow is a runtime that takes its time to compile and runs nothing.
type slow struct {
	compiled *atomic.Int64
	foreign  bool // what it loads is of another version
}

type empty struct{}

func (empty) Run(context.Context, *Run) error { return nil }
func (empty) Close() error                    { return nil }

func (s slow) Version() string { return "1" }
func (s slow) Config() string  { return "" }
func (s slow) Close() error    { return nil }

func (s slow) Compile(context.Context, *Source) (Code, error) {
	s.compiled.Add(1)
	time.Sleep(20 * time.Millisecond)
	return empty{}, nil
}

func (s slow) Save(_ Code, put func(string, io.Reader) error) error {
	return put("", strings.NewReader("code"))
}

func (s slow) Load(context.Context, *Source, *cache.Entry) (Code, error) {
	if s.foreign {
		return nil, errors.New("of another version")
	}
	return empty{}, nil
}

const none = "\x00asm\x01\x00\x00\x00"

func openSlow(t *testing.T, rt slow, opts engine.Options) (engine.Engine, error) {
	t.Helper()
	e, err := Open("slow", engine.FormatCapabilities{wasi.FormatModule: {}}, opts, func(*cache.Dir) (Runtime, error) { return rt, nil })
	if err == nil {
		t.Cleanup(func() { _ = e.Close() })
	}
	return e, err
}

// TestOneCompilation: of sixteen engines that want a module at once, one compiles it, and the others say that they wait.
func TestOneCompilation(t *testing.T) {
	var compiled, waited atomic.Int64
	opts := engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache"), Observe: func(ev engine.Event) {
		if ev.Phase == engine.PhaseLock {
			waited.Add(1)
		}
	}}
	var all sync.WaitGroup
	for range 16 {
		e, err := openSlow(t, slow{compiled: &compiled}, opts)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			m, err := e.Compile(t.Context(), engine.FromBytes([]byte(none)))
			if err != nil {
				t.Error(err)
				return
			}
			_ = m.Close()
		})
	}
	all.Wait()
	if n := compiled.Load(); n != 1 {
		t.Errorf("%d compiled", n)
	}
	if waited.Load() == 0 {
		t.Error("nobody waited")
	}
}

// TestWaitingEnds: an engine that waits for another's compilation is released by its context.
func TestWaitingEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	ctx, cancel := context.WithCancel(t.Context())
	e, err := openSlow(t, slow{compiled: new(atomic.Int64)}, engine.Options{CacheDir: dir, Observe: func(ev engine.Event) {
		if ev.Phase == engine.PhaseLock {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	src := engine.FromBytes([]byte(none))
	content, err := src.Load(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := d.Lock(t.Context(), cache.Key{Module: content.Digest, Engine: "slow", Version: "1", CPU: cache.CPU()}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := e.Compile(ctx, src); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestCacheModes(t *testing.T) {
	filled, unfilled := filepath.Join(t.TempDir(), "cache"), filepath.Join(t.TempDir(), "cache")
	fill, err := openSlow(t, slow{compiled: new(atomic.Int64)}, engine.Options{CacheDir: filled})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fill.Compile(t.Context(), engine.FromBytes([]byte(none))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(unfilled, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir string
		mode      engine.CacheMode
		foreign   bool
		compiled  int64
		refused   bool
	}{
		{"read-write hit", filled, engine.CacheReadWrite, false, 0, false},
		{"read-only hit", filled, engine.CacheReadOnly, false, 0, false},
		{"read-only miss", unfilled, engine.CacheReadOnly, false, 1, false},
		{"read-only foreign", filled, engine.CacheReadOnly, true, 1, false},
		{"required hit", filled, engine.CacheRequired, false, 0, false},
		{"required miss", unfilled, engine.CacheRequired, false, 0, true},
		{"required foreign", filled, engine.CacheRequired, true, 0, true},
		{"read-write foreign", filled, engine.CacheReadWrite, true, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := listing(t, c.dir)
			var compiled atomic.Int64
			e, err := openSlow(t, slow{compiled: &compiled, foreign: c.foreign}, engine.Options{CacheDir: c.dir, CacheMode: c.mode})
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Compile(t.Context(), engine.FromBytes([]byte(none)))
			var refused *engine.NotCachedError
			if errors.As(err, &refused) != c.refused || err != nil && !c.refused {
				t.Errorf("got %v", err)
			}
			if c.refused && (refused.Err != nil) != c.foreign {
				t.Errorf("the reason is %v", refused.Err)
			}
			if c.refused && engine.ExitCode(err) != 125 {
				t.Errorf("exit code %d, want 125", engine.ExitCode(err))
			}
			if compiled.Load() != c.compiled {
				t.Errorf("%d compiled, want %d", compiled.Load(), c.compiled)
			}
			if after := listing(t, c.dir); c.mode != engine.CacheReadWrite && !bytes.Equal(before, after) {
				t.Errorf("the directory was\n%sand is\n%s", before, after)
			}
		})
	}
}

func TestCacheModesRefused(t *testing.T) {
	for _, opts := range []engine.Options{
		{CacheMode: engine.CacheRequired},
		{CacheMode: engine.CacheReadOnly, CacheDir: filepath.Join(t.TempDir(), "missing")},
		{CacheMode: engine.CacheExported},
		{CacheMode: engine.CacheExported, CacheDir: filepath.Join(t.TempDir(), "missing")},
		{CacheMode: "sometimes", CacheDir: t.TempDir()},
	} {
		var in *engine.Error
		if _, err := openSlow(t, slow{}, opts); !errors.As(err, &in) || in.Op != "open" {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// listing is every name below dir, with its time.
func listing(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			b.WriteString(path + " " + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
