package oci

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// editor changes values in a text of JSON, which is known to be well formed, and leaves the rest as it was written. It keeps the
// first error.
type editor struct {
	text  string
	edits []edit // of parts that do not overlap
	err   error
}

// part is where a value is in the text. The zero part is one that is not there.
type part struct{ from, to int }

// edit puts something else in the place of a part.
type edit struct {
	part
	with []byte
}

// object is an object in the text.
type object struct {
	part
	members map[string]part
}

// top reads the object that all of the text is, and does not take white space behind it for a part of it.
func (e *editor) top() object {
	return e.object(part{0, len(strings.TrimRight(e.text, " \t\r\n"))})
}

// object reads an object; what is not there, or null, has no members.
func (e *editor) object(p part) object {
	o := object{p, make(map[string]part)}
	e.each(p, '{', '}', func(r *specReader) (err error) {
		key, err := r.key()
		if err == nil {
			o.members[key], err = r.part()
		}
		return err
	})
	return o
}

// list reads an array; what is not there, or null, has no elements.
func (e *editor) list(p part) (all []part) {
	e.each(p, '[', ']', func(r *specReader) error {
		element, err := r.part()
		all = append(all, element)
		return err
	})
	return all
}

// each calls read at each member or element of p, if that begins with open.
func (e *editor) each(p part, open, end byte, read func(*specReader) error) {
	r := specReader{text: e.text, at: p.from}
	if p == (part{}) || r.next() != open {
		return
	}
	r.at++
	for n := 0; ; n++ {
		more, err := r.more(end, n)
		if more {
			err = read(&r)
		}
		if e.fail(err); err != nil || !more {
			return
		}
	}
}

// part skips a value, and returns where it is.
func (r *specReader) part() (part, error) {
	r.next()
	from := r.at
	_, err := r.skip()
	return part{from, r.at}, err
}

// set gives a member of o another value, or adds it. Once for each name.
func (e *editor) set(o object, name string, v any) {
	if old, there := o.members[name]; there {
		e.edits = append(e.edits, edit{old, e.json(v)})
		return
	}
	e.add(o.part, len(o.members), slices.Concat(e.json(name), []byte(":"), e.json(v)))
	o.members[name] = part{}
}

// add puts text at the end of an object or array, which has n members or elements.
func (e *editor) add(p part, n int, text []byte) {
	if n > 0 {
		text = slices.Concat([]byte(","), text)
	}
	e.edits = append(e.edits, edit{part{p.to - 1, p.to - 1}, text})
}

// edited returns the text with all changes.
func (e *editor) edited() ([]byte, error) {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return a.from - b.from })
	var out bytes.Buffer
	at, size := 0, len(e.text)
	for _, c := range e.edits {
		size += len(c.with)
	}
	out.Grow(size)
	for _, c := range e.edits {
		out.WriteString(e.text[at:c.from])
		out.Write(c.with)
		at = c.to
	}
	out.WriteString(e.text[at:])
	return out.Bytes(), e.err
}

func (e *editor) json(v any) []byte {
	data, err := json.Marshal(v)
	e.fail(err)
	return data
}

func (e *editor) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}
