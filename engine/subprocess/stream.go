//go:build linux

package subprocess

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// A stream that is no file stays in the parent. Each operation is a question and an answer on a socket of its own, both with a
// head of two big-endian words: a question has how many bytes are wanted or follow, and whether they follow; an answer how
// many were done, and how it ended: 0, ended, or an errno. The bytes read come behind the answer.
const (
	streamChunk = 64 << 10
	streamHead  = 8

	wanted  = 0 // a question: up to so many bytes are wanted
	follow  = 1 // a question: so many bytes follow, to be written
	endOfIn = 1 << 31
)

// streamServer answers the questions of one child about one stream.
type streamServer struct {
	in   vfs.Input
	out  vfs.Output
	stop *vfs.Stop
	conn net.Conn
}

// serve answers until the child is gone, or breaks the protocol.
func (s *streamServer) serve() {
	defer s.conn.Close()
	buf := make([]byte, streamHead+streamChunk)
	for {
		if _, err := io.ReadFull(s.conn, buf[:streamHead]); err != nil {
			return
		}
		n, what := binary.BigEndian.Uint32(buf), binary.BigEndian.Uint32(buf[4:])
		if n > streamChunk { // compared before it is an int, which may have 32 bits and a sign
			return
		}
		data := buf[streamHead : streamHead+int(n)]
		var done int
		var err error
		switch {
		case what == wanted && s.in != nil:
			done, err = s.in.Read(s.stop, data)
			data = data[:done]
		case what == follow && s.out != nil:
			if _, err := io.ReadFull(s.conn, data); err != nil {
				return
			}
			done, err = s.out.Write(s.stop, data)
			data = nil
		default:
			return
		}
		if errors.Is(err, vfs.ErrStopped) { // the child is about to be killed: its guest is not to see the end of a stream before
			_, _ = io.Copy(io.Discard, s.conn)
			return
		}
		binary.BigEndian.PutUint32(buf, uint32(done))
		binary.BigEndian.PutUint32(buf[4:], encodeStreamError(err))
		if _, err := s.conn.Write(buf[:streamHead+len(data)]); err != nil {
			return
		}
	}
}

func encodeStreamError(err error) uint32 {
	var errno syscall.Errno
	switch {
	case err == nil:
		return 0
	case err == io.EOF:
		return endOfIn
	case errors.As(err, &errno) && errno != 0 && errno < endOfIn:
		return uint32(errno)
	}
	return uint32(syscall.EIO)
}

func decodeStreamError(code uint32) error {
	switch code {
	case 0:
		return nil
	case endOfIn:
		return io.EOF
	}
	return syscall.Errno(code)
}

// remoteStream is the child's side: a Reader and a Writer that asks.
type remoteStream struct {
	mu   sync.Mutex
	conn net.Conn
	head [streamHead]byte
}

func newRemoteStream(f *os.File) (*remoteStream, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return &remoteStream{conn: conn}, nil
}

// Read implements io.Reader.
func (s *remoteStream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.ask(wanted, len(p[:min(len(p), streamChunk)]), nil)
	if n > 0 {
		if _, err := io.ReadFull(s.conn, p[:n]); err != nil {
			return 0, err
		}
	}
	return n, err
}

// Write implements io.Writer.
func (s *remoteStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for total < len(p) {
		chunk := p[total:min(len(p), total+streamChunk)]
		n, err := s.ask(follow, len(chunk), chunk)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *remoteStream) ask(what uint32, n int, data []byte) (int, error) {
	binary.BigEndian.PutUint32(s.head[:], uint32(n))
	binary.BigEndian.PutUint32(s.head[4:], what)
	question := net.Buffers{s.head[:], data}
	if _, err := question.WriteTo(s.conn); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(s.conn, s.head[:]); err != nil {
		return 0, err
	}
	done := int(binary.BigEndian.Uint32(s.head[:]))
	return min(done, n), decodeStreamError(binary.BigEndian.Uint32(s.head[4:]))
}
