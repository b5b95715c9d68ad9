package runner

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/wasmoci/wasmoci/wasi"
)

// An order is written down as a line of text with its version, then its fields without names: a number as encoding/binary's uvarint, a
// text as the number of its bytes and they, a list as the number of its elements and they. It has one form, since what is read
// is written once more and compared. JSON is the plainer way, but encoding/json looks at all types before it reads a byte, which takes a runner
// longer than its guest's module does.

// heading is before an order's version.
const heading = "wasmoci order "

// wire writes values down, or reads them: one list of fields is for both. It keeps the first error.
type wire struct {
	b       []byte // what was written, or is still to be read
	reading bool
	err     error
}

var errShort = errors.New("it is cut off")

// fields are o's: all that an order can carry.
func (w *wire) fields(o *Order) {
	w.text(&o.Engine)
	w.text(&o.Module)
	w.text(&o.Digest)
	w.text(&o.CodeDir)
	list(w, &o.Sockets, func(s *Socket) {
		w.text(&s.Name)
		number(w, &s.FD)
		w.text(&s.Address)
	})
	number(w, &o.HeapBytes)
	list(w, &o.StopSignals, func(n *int) { number(w, n) })
	number(w, &o.Gate)

	c := &o.Config
	w.text(&c.Entrypoint)
	list(w, &c.Args, w.text)
	list(w, &c.Env, w.text)
	w.text(&c.Dir)
	list(w, &c.Mounts, func(m *wasi.Mount) {
		w.text(&m.Guest)
		w.text(&m.Host)
		w.flag(&m.ReadOnly)
		w.flag(&m.Hidden)
		w.flag(&m.NoPreopen)
		isTmpfs := m.Tmpfs != nil
		if w.flag(&isTmpfs); !isTmpfs {
			return
		}
		if w.reading {
			m.Tmpfs = new(wasi.Tmpfs)
		}
		number(w, &m.Tmpfs.SizeBytes)
		number(w, &m.Tmpfs.Mode)
	})
	number(w, &c.Limits.MemoryBytes)
}

// number is for what is not negative, which [Order.Validate] sees to.
func number[T int | int64 | uint32 | uint64](w *wire, v *T) {
	if !w.reading {
		w.b = binary.AppendUvarint(w.b, uint64(*v))
		return
	}
	u, n := binary.Uvarint(w.b)
	switch {
	case n <= 0:
		w.fail(errShort)
	case T(u) < 0 || uint64(T(u)) != u:
		w.fail(fmt.Errorf("the number %d is too large for its field", u))
	default:
		*v, w.b = T(u), w.b[n:]
	}
}

func (w *wire) flag(v *bool) {
	var n uint32
	if *v {
		n = 1
	}
	number(w, &n)
	*v = n != 0
}

func (w *wire) text(v *string) {
	size := uint64(len(*v))
	number(w, &size)
	switch {
	case !w.reading:
		w.b = append(w.b, *v...)
	case size > uint64(len(w.b)):
		w.fail(errShort)
	default:
		*v, w.b = string(w.b[:size]), w.b[size:]
	}
}

// list calls field for each element. What is read grows by one at a time: an order is not to ask for more memory than it has bytes for.
func list[T any](w *wire, all *[]T, field func(*T)) {
	size := uint64(len(*all))
	number(w, &size)
	for i := uint64(0); i < size && w.err == nil; i++ {
		if w.reading {
			*all = append(*all, *new(T))
		}
		field(&(*all)[i])
	}
}

// fail keeps err, with nothing more to be read.
func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.b = nil
}

// encode writes o down.
func (o *Order) encode() ([]byte, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	b := o.wired()
	if len(b) > maxOrder {
		return nil, fmt.Errorf("runner: order: it has %d bytes, at most %d are read", len(b), maxOrder)
	}
	return b, nil
}

func (o *Order) wired() []byte {
	w := wire{b: append(strconv.AppendInt([]byte(heading), orderVersion, 10), '\n')}
	w.fields(o)
	return w.b
}

// decode reads what encode has written, and nothing else.
func decode(b []byte) (*Order, error) {
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	text, isOrder := bytes.CutPrefix(line, []byte(heading))
	version, err := strconv.Atoi(string(text))
	if !isOrder || err != nil {
		return nil, errors.New("runner: the order has no version: it is not one")
	}
	if version != orderVersion {
		return nil, &VersionError{version}
	}
	o := new(Order)
	w := wire{b: rest, reading: true}
	w.fields(o)
	if w.err == nil && !bytes.Equal(o.wired(), b) {
		w.err = errors.New("it has something that no order has")
	}
	if w.err != nil {
		return nil, fmt.Errorf("runner: the order cannot be understood: %w", w.err)
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return o, nil
}
