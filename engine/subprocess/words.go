//go:build linux

package subprocess

import (
	"io"
	"os"
)

// maxWords is how much is kept of what a child says.
const maxWords = 32 << 10

// lastWords keeps the end of what is written to a pipe.
type lastWords struct {
	r    *os.File
	done chan struct{} // closed when b is final
	b    []byte
}

func listen(r *os.File) *lastWords {
	w := &lastWords{r: r, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer r.Close()
		_, _ = io.Copy(w, r)
	}()
	return w
}

// Write implements io.Writer.
func (w *lastWords) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	if over := len(w.b) - maxWords; over > 0 {
		w.b = append(w.b[:0], w.b[over:]...)
	}
	return len(p), nil
}

// String waits for the end, and returns what was kept.
func (w *lastWords) String() string {
	<-w.done
	return string(w.b)
}
