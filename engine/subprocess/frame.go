//go:build linux

package subprocess

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds on one frame, in bytes. Large are requests, which have a guest's arguments, and the description of a module.
const (
	maxFrame      = 1 << 20
	maxLargeFrame = 64 << 20
)

// encodeFrame returns a frame; body may be nil.
func encodeFrame(k kind, files int, body any) ([]byte, error) {
	e := envelope{Kind: k, Files: files}
	var err error
	if body != nil {
		if e.Body, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(&e)
	if err != nil {
		return nil, err
	}
	if len(b) > maxLargeFrame {
		return nil, fmt.Errorf("%q is larger than %d bytes", k, maxLargeFrame)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...), nil
}

// errFrame is what the other side wrote and is no frame.
type errFrame struct{ reason string }

func (e *errFrame) Error() string { return e.reason }

// decodeFrame reads the next frame into e. Memory grows with what arrives, not with what is announced. It is io.EOF where the
// other side is gone, an *errFrame for what is no frame.
func decodeFrame(r *bufio.Reader, limit int, e *envelope) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		return err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n > int64(limit) {
		return &errFrame{fmt.Sprintf("it sent a message of %d bytes, more than %d", n, limit)}
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, n); err != nil {
		return err
	}
	if err := json.Unmarshal(b.Bytes(), e); err != nil {
		return &errFrame{"it sent what is no message: " + err.Error()}
	}
	return nil
}

// text is a string of any bytes, which JSON's are not: names of files, arguments, what engines say.
type text string

// MarshalJSON implements json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal([]string{base64.StdEncoding.EncodeToString([]byte(t))})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
		return nil
	}
	var bytes []string
	if err := json.Unmarshal(data, &bytes); err != nil {
		return err
	}
	if len(bytes) != 1 {
		return fmt.Errorf("a text of %d parts", len(bytes))
	}
	b, err := base64.StdEncoding.DecodeString(bytes[0])
	*t = text(b)
	return err
}
