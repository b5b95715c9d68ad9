package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

var header = []byte("\x00asm\x01\x00\x00\x00")

func writeFile(t *testing.T, content []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return openFile(t, name)
}

func openFile(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // the test may have closed it
	return f
}

func TestSource(t *testing.T) {
	f := writeFile(t, header)
	if _, err := f.Seek(4, 0); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]Source{"bytes": FromBytes(header), "file": FromFile(f)} {
		t.Run(name, func(t *testing.T) {
			c, err := src.Load(int64(len(header)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(c.Bytes, header) || c.Format != wasi.FormatModule || c.Digest != sha256.Sum256(header) {
				t.Errorf("got %+v", c)
			}
			if want := fmt.Sprintf("sha256:%x", sha256.Sum256(header)); c.DigestString() != want {
				t.Errorf("the digest is %q, want %q", c.DigestString(), want)
			}
			again, err := src.Load(1 << 30)
			if err != nil || again != c {
				t.Errorf("loaded again: %p, %v, want %p", again, err, c)
			}
			var large *TooLargeError // a smaller limit holds for what was read before, too
			if _, err := src.Load(7); !errors.As(err, &large) || large.Size != 8 || large.Max != 7 {
				t.Errorf("got %v, want a *TooLargeError of 8 bytes", err)
			}
		})
	}
	if got := FromFile(f).Name(); got != f.Name() {
		t.Errorf("the source is named %q, want %q", got, f.Name())
	}
	if pos, err := f.Seek(0, 1); err != nil || pos != 4 {
		t.Errorf("the file's offset is %d, %v; want it where it was", pos, err)
	}
}

func TestSourceCopies(t *testing.T) {
	wasm := bytes.Clone(header)
	src := FromBytes(wasm)
	clear(wasm)
	if c, err := src.Load(100); err != nil || !bytes.Equal(c.Bytes, header) {
		t.Errorf("got %v, %v: the caller's slice was kept", c, err)
	}
}

func TestSourceReplaced(t *testing.T) {
	f := writeFile(t, header)
	src := FromFile(f)
	evil := filepath.Join(filepath.Dir(f.Name()), "evil")
	if err := errors.Join(os.WriteFile(evil, []byte("evil"), 0o600), os.Rename(evil, f.Name())); err != nil {
		t.Fatal(err)
	}
	c, err := src.Load(100)
	if err != nil || !bytes.Equal(c.Bytes, header) {
		t.Fatalf("got %v, %v: want what was opened, not what has its name now", c, err)
	}
	g := writeFile(t, header)
	src = FromFile(g)
	if _, err := src.Load(100); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(g.Name(), []byte("evil"), 0o600), g.Close()); err != nil {
		t.Fatal(err)
	}
	if c, err := src.Load(100); err != nil || !bytes.Equal(c.Bytes, header) {
		t.Errorf("got %v, %v: want what was read first, not what is there now", c, err)
	}
}

func TestSourceShrinks(t *testing.T) {
	f := writeFile(t, bytes.Repeat(header, 10))
	src := &source{name: "shrunk", size: func() (int64, error) { return 80, nil }, read: FromFile(f).(*source).read}
	if err := os.Truncate(f.Name(), 8); err != nil {
		t.Fatal(err)
	}
	if c, err := src.Load(100); err != nil || !bytes.Equal(c.Bytes, header) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestSourceRefuses(t *testing.T) {
	dir := t.TempDir()
	sparse := writeFile(t, nil)
	if err := os.Truncate(sparse.Name(), 2<<30); err != nil {
		t.Fatal(err)
	}
	closed := writeFile(t, header)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	disguised := writeFile(t, []byte("\x7fELF\x02\x01\x01"))
	if err := os.Truncate(disguised.Name(), 1<<30); err != nil {
		t.Fatal(err)
	}
	isInvalid := func(err error) bool { return errors.As(err, new(*InvalidModuleError)) && ExitCode(err) == 126 }
	for name, tt := range map[string]struct {
		src Source
		ok  func(error) bool
	}{
		"no bytes":                     {FromBytes(nil), isInvalid},
		"empty file":                   {FromFile(writeFile(t, nil)), isInvalid},
		"1 GiB that is no WebAssembly": {FromFile(disguised), isInvalid},
		"directory":                    {FromFile(openFile(t, dir)), isInvalid},
		"closed file": {FromFile(closed), func(err error) bool {
			return errors.Is(err, fs.ErrClosed) && ExitCode(err) == 125
		}},
		"2 GiB with nothing in it": {FromFile(sparse), func(err error) bool {
			var large *TooLargeError
			return errors.As(err, &large) && large.Size == 2<<30 && large.Max == DefaultMaxModuleBytes && ExitCode(err) == 126
		}},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			c, err := tt.src.Load(Options{}.ModuleLimit())
			if !tt.ok(err) {
				t.Errorf("got %v, %v (%T)", c, err, err)
			}
			if took := time.Since(begun); took > time.Second {
				t.Errorf("it was refused after %v: it was read", took)
			}
		})
	}
}

// TestSourceTooLarge checks that a source which is too large is not read at all.
func TestSourceTooLarge(t *testing.T) {
	src := &source{
		size: func() (int64, error) { return 101, nil },
		read: func(int64) ([]byte, error) { t.Error("it was read"); return nil, nil },
	}
	if _, err := src.Load(100); !errors.As(err, new(*TooLargeError)) {
		t.Errorf("got %v", err)
	}
}

// TestSourceNotWasm checks that the head decides, and that the rest of what is no WebAssembly is not read.
func TestSourceNotWasm(t *testing.T) {
	for content, want := range map[string]string{
		"":                    "it is empty",
		"\x7fELF\x02\x01\x01": "it is an ELF file: a native program",
		"#!/bin/sh":           "it is a script",
		"MZ":                  "it is a Windows program",
		"\x1f\x8b":            "it is gzip data: unpack it first",
		"\x28\xb5\x2f\xfd":    "it is zstd data: unpack it first",
		"\x00asm":             "it is cut off, or of another WebAssembly version",
		"hello":               "it does not begin with the WebAssembly magic number",
	} {
		large := &source{
			size: func() (int64, error) { return 1 << 20, nil },
			read: func(n int64) ([]byte, error) {
				if n > wasi.FormatHead {
					t.Errorf("%q: %d bytes were read", content, n)
				}
				return []byte(content), nil
			},
		}
		for _, src := range []Source{FromBytes([]byte(content)), large} {
			_, err := src.Load(1 << 30)
			want := "engine: the module is not a valid WebAssembly file: " + want
			if !errors.As(err, new(*InvalidModuleError)) || err.Error() != want || ExitCode(err) != 126 {
				t.Errorf("got  %v (%T)\nwant %s", err, err, want)
			}
		}
	}
}

// TestSourceChanges: a file that is something else when the rest of it is read is refused too.
func TestSourceChanges(t *testing.T) {
	src := &source{
		size: func() (int64, error) { return 1 << 20, nil },
		read: func(n int64) ([]byte, error) {
			if n > wasi.FormatHead {
				return []byte("#!/bin/sh"), nil
			}
			return header, nil
		},
	}
	if c, err := src.Load(1 << 30); !errors.As(err, new(*InvalidModuleError)) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestSourceConcurrent(t *testing.T) {
	src := FromFile(writeFile(t, header))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if c, err := src.Load(100); err != nil || c.Format != wasi.FormatModule {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
	all.Wait()
}

func TestModuleLimit(t *testing.T) {
	if got := (Options{}).ModuleLimit(); got != 1<<30 {
		t.Errorf("the default is %d, want 1 GiB", got)
	}
	if got := (Options{MaxModuleBytes: -1}).ModuleLimit(); got != 1<<30 {
		t.Errorf("a negative limit is %d, want the default", got)
	}
	if got := (Options{MaxModuleBytes: 5}).ModuleLimit(); got != 5 {
		t.Errorf("the limit is %d, want 5", got)
	}
}
