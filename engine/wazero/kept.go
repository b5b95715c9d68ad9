package wazero

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// What the cache keeps of a module is wazero's code, then the module's frame, then the frame's length in eight bytes. wazero reads its
// code from the beginning, and no further than that goes.
//
// The frame is all that wazero looks at in a module whose code it has: the changed module, with a function body that only traps in the
// place of each. So loading neither changes, nor decodes, nor validates what has been compiled already. A module whose debug information
// is read has no frame: that is about the bodies.

// frameOf returns the frame of a module that wazero has compiled.
func frameOf(module []byte) (frame []byte, err error) {
	defer wasm.Recover(&err)
	sections := wasm.Split(module)
	if code := sections.Find(wasm.SectionCode); code != nil {
		r := wasm.Reader(code.Body)
		n := r.Uint()
		body := binary.AppendUvarint(nil, n)
		for range n {
			body = append(body, 3, 0, wasm.OpUnreachable, wasm.OpEnd)
		}
		code.Body = body
	}
	sections = slices.DeleteFunc(sections, func(s wasm.Section) bool { return s.ID == wasm.SectionCustom && !isNames(s) })
	return sections.Module(), nil
}

// kept is the content of an entry whose code the file has.
func kept(code *os.File, frame []byte) io.Reader {
	return io.MultiReader(code, bytes.NewReader(frame), bytes.NewReader(binary.LittleEndian.AppendUint64(nil, uint64(len(frame)))))
}

var errKept = errors.New("it is no code of this program's")

// keptFrame reads the frame from an entry; it is empty, and not nil, where there is none.
func keptFrame(f *os.File) ([]byte, error) {
	const trailer = 8
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	end := st.Size() - trailer
	if end < 0 {
		return nil, errKept
	}
	var length [trailer]byte
	if _, err := f.ReadAt(length[:], end); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(end) {
		return nil, errKept
	}
	frame := make([]byte, n)
	_, err = f.ReadAt(frame, end-int64(n))
	return frame, err
}
