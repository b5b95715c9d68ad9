package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/wasmoci/wasmoci/wasi"
)

// Source is where a module's bytes come from: [FromBytes], [FromFile] or [FromKnown]. Engines and callers use it; nobody else
// implements it. The bytes are read once, at first use, into private memory: what detection saw is what is looked up
// in the cache, compiled and run, whatever happens to the file meanwhile. It is safe for concurrent use.
type Source interface {
	// Name names the source in messages; it may be "".
	Name() string
	// Load returns the module's bytes. A module of more than max bytes is a *TooLargeError before it is read. What is
	// no WebAssembly by its first [wasi.FormatHead] bytes is an *InvalidModuleError before the rest is read, and so
	// is what is no regular file. The content must not be modified.
	Load(max int64) (*Content, error)
	// Outline is Load for who needs no more of a core module than what it declares. Where the digest is known ([FromKnown]), Bytes are a
	// module of the sections for types, imports, functions, tables, memories, exports and the start function alone, and the others are
	// not read; else it is Load.
	Outline(max int64) (*Content, error)

	sealed()
}

// Content is a module's bytes and what was learned when they were read.
type Content struct {
	Bytes  []byte
	Size   int64 // of the module: more than Bytes of an outline
	Digest [sha256.Size]byte
	Format wasi.Format // never unknown
}

// DigestString returns "sha256:" and the digest in hexadecimal.
func (c *Content) DigestString() string { return fmt.Sprintf("sha256:%x", c.Digest) }

// FromBytes returns a Source of wasm. The slice is copied at once, so the caller may change it afterwards.
func FromBytes(wasm []byte) Source {
	b := bytes.Clone(wasm)
	return &source{
		size: func() (int64, error) { return int64(len(b)), nil },
		read: func(n int64) ([]byte, error) { return b[:n], nil },
	}
}

// FromFile returns a Source of f, which must be a regular file, from its beginning whatever its offset. The caller keeps
// ownership of f and may close it once a Load or Compile has returned.
func FromFile(f *os.File) Source {
	s := &source{name: f.Name()}
	s.size = func() (int64, error) {
		st, err := f.Stat()
		if err != nil {
			return 0, fmt.Errorf("engine: read module: %w", err)
		}
		if !st.Mode().IsRegular() {
			return 0, &InvalidModuleError{Name: s.name, Err: fmt.Errorf("it is no regular file but %s", st.Mode())}
		}
		return st.Size(), nil
	}
	s.read = func(n int64) ([]byte, error) {
		b := make([]byte, n)
		got, err := io.ReadFull(io.NewSectionReader(f, 0, math.MaxInt64), b)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
			return nil, fmt.Errorf("engine: read module: %w", err)
		}
		return b[:got], nil // a file that shrank is what is there now
	}
	return s
}

// FromKnown returns a Source of f as FromFile does, whose content has that digest: the caller has verified it. Nothing is hashed, and an
// engine that takes compiled code from [CacheExported] reads no more of it than it needs, which may be less than Load does. Where f is
// changed after that, the code that was verified runs, if anything does, and what is told of the module may be wrong. Engines
// compile what they read: where others may change f, use FromFile unless all code comes from CacheExported.
func FromKnown(f *os.File, digest [sha256.Size]byte) Source {
	s := FromFile(f).(*source)
	s.known, s.file = &digest, f
	return s
}

type source struct {
	name  string
	known *[sha256.Size]byte // nil: to be computed
	file  *os.File           // of a known digest
	size  func() (int64, error)
	read  func(n int64) ([]byte, error) // the first n bytes

	mu      sync.Mutex
	content *Content
}

func (s *source) sealed()      {}
func (s *source) Name() string { return s.name }

func (s *source) Load(max int64) (*Content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.content != nil {
		if n := s.content.Size; n > max {
			return nil, &TooLargeError{Name: s.name, Size: n, Max: max}
		}
		return s.content, nil
	}
	size, err := s.within(max)
	if err != nil {
		return nil, err
	}
	var b []byte
	var format wasi.Format
	for _, n := range []int64{min(size, wasi.FormatHead), size} { // the head decides whether the rest is read
		if b, err = s.read(n); err != nil {
			return nil, err
		}
		if format = wasi.FormatOf(b); format == wasi.FormatUnknown {
			return nil, &InvalidModuleError{Name: s.name, Err: errNotWasm(b)}
		}
	}
	s.content = &Content{Bytes: b, Size: int64(len(b)), Format: format}
	if s.known != nil {
		s.content.Digest = *s.known
	} else {
		s.content.Digest = sha256.Sum256(b)
	}
	return s.content, nil
}

// within is the size of the module, of up to max bytes.
func (s *source) within(max int64) (int64, error) {
	size, err := s.size()
	if err == nil && size > max {
		err = &TooLargeError{Name: s.name, Size: size, Max: max}
	}
	return size, err
}

// errNotWasm says what a file that is no WebAssembly looks like instead.
func errNotWasm(head []byte) error {
	if len(head) == 0 {
		return errors.New("it is empty")
	}
	for _, known := range []struct{ magic, what string }{
		{"\x7fELF", "it is an ELF file: a native program"},
		{"#!", "it is a script"},
		{"MZ", "it is a Windows program"},
		{"\x1f\x8b", "it is gzip data: unpack it first"},
		{"\x28\xb5\x2f\xfd", "it is zstd data: unpack it first"},
		{"\x00asm", "it is cut off, or of another WebAssembly version"},
	} {
		if bytes.HasPrefix(head, []byte(known.magic)) {
			return errors.New(known.what)
		}
	}
	return errors.New("it does not begin with the WebAssembly magic number")
}
