package engine

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/wasmoci/wasmoci/wasi"
)

// declaring are the sections of a module (core specification, 5.5.2) that an outline has.
var declaring = [...]bool{1: true, 2: true, 3: true, 4: true, 5: true, 7: true, 8: true}

// Outline implements Source.
func (s *source) Outline(max int64) (*Content, error) {
	if s.known == nil {
		return s.Load(max)
	}
	size, err := s.within(max)
	if err != nil {
		return nil, err
	}
	b, err := outline(s.file, size)
	if err != nil { // Load says what is wrong
		return s.Load(max)
	}
	return &Content{Bytes: b, Size: size, Digest: *s.known, Format: wasi.FormatModule}, nil
}

var errNoOutline = errors.New("engine: it is no core module, or cut off")

// outline reads the outline of a core module of size bytes.
func outline(module io.ReaderAt, size int64) ([]byte, error) {
	out := make([]byte, 8, 4096) // magic number and version
	if n, _ := module.ReadAt(out, 0); wasi.FormatOf(out[:n]) != wasi.FormatModule {
		return nil, errNoOutline
	}
	for at := int64(len(out)); at < size; {
		var section [1 + binary.MaxVarintLen32]byte
		got, _ := module.ReadAt(section[:], at)
		if got < 2 {
			return nil, errNoOutline
		}
		length, n := binary.Uvarint(section[1:got])
		end := at + 1 + int64(n) + int64(length)
		if n <= 0 || length > 1<<32-1 || end > size {
			return nil, errNoOutline
		}
		if id := int(section[0]); id < len(declaring) && declaring[id] {
			old := len(out)
			out = append(out, make([]byte, end-at)...)
			if _, err := module.ReadAt(out[old:], at); err != nil && err != io.EOF {
				return nil, err
			}
		}
		at = end
	}
	return out, nil
}
