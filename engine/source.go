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

// Source is where a module's bytes come from: [FromBytes] or [FromFile]. Engines and callers use it; nobody else
// implements it. The bytes are read once, at first use, into private memory: what detection saw is what is looked up
// in the cache, compiled and run, whatever happens to the file meanwhile. It is safe for concurrent use.
type Source interface {
	// Name names the source in messages; it may be "".
	Name() string
	// Load returns the module's bytes. A module of more than max bytes is a *TooLargeError before it is read; an
	// empty file or one that is no regular file is an *InvalidModuleError. The content must not be modified.
	Load(max int64) (*Content, error)

	sealed()
}

// Content is a module's bytes and what was learned when they were read.
type Content struct {
	Bytes  []byte
	Digest [sha256.Size]byte
	Format wasi.Format
}

// DigestString returns "sha256:" and the digest in hexadecimal.
func (c *Content) DigestString() string { return fmt.Sprintf("sha256:%x", c.Digest) }

// FromBytes returns a Source of wasm. The slice is copied at once, so the caller may change it afterwards.
func FromBytes(wasm []byte) Source {
	b := bytes.Clone(wasm)
	return &source{
		size: func() (int64, error) { return int64(len(b)), nil },
		read: func(int64) ([]byte, error) { return b, nil },
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
	s.read = func(size int64) ([]byte, error) {
		b := make([]byte, size)
		n, err := io.ReadFull(io.NewSectionReader(f, 0, math.MaxInt64), b)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
			return nil, fmt.Errorf("engine: read module: %w", err)
		}
		return b[:n], nil // a file that shrank is what is there now
	}
	return s
}

type source struct {
	name string
	size func() (int64, error)
	read func(size int64) ([]byte, error)

	mu      sync.Mutex
	content *Content
}

func (s *source) sealed()      {}
func (s *source) Name() string { return s.name }

func (s *source) Load(max int64) (*Content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.content != nil {
		if n := int64(len(s.content.Bytes)); n > max {
			return nil, &TooLargeError{Name: s.name, Size: n, Max: max}
		}
		return s.content, nil
	}
	size, err := s.size()
	if err != nil {
		return nil, err
	}
	if size > max {
		return nil, &TooLargeError{Name: s.name, Size: size, Max: max}
	}
	b, err := s.read(size)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, &InvalidModuleError{Name: s.name, Err: errors.New("it is empty")}
	}
	s.content = &Content{Bytes: b, Digest: sha256.Sum256(b), Format: wasi.FormatOf(b)}
	return s.content, nil
}
