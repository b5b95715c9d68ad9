package wasm

import (
	"bytes"
	"slices"
)

// Sections of the binary format (core specification, 5.5.2), and the one that exceptions add.
const (
	SectionCustom    = 0
	SectionType      = 1
	SectionImport    = 2
	SectionFunction  = 3
	SectionTable     = 4
	SectionMemory    = 5
	SectionGlobal    = 6
	SectionExport    = 7
	SectionStart     = 8
	SectionElement   = 9
	SectionCode      = 10
	SectionData      = 11
	SectionDataCount = 12
	SectionTag       = 13
)

// order is that in which a module has its sections. Custom ones stand anywhere.
var order = []byte{
	SectionType, SectionImport, SectionFunction, SectionTable, SectionMemory, SectionTag, SectionGlobal, SectionExport,
	SectionStart, SectionElement, SectionDataCount, SectionCode, SectionData,
}

// Section is a section of a module.
type Section struct {
	ID   byte
	Body []byte // part of the module that it was read from: not to be modified, but to be replaced
}

// Sections are those of a module, in order.
type Sections []Section

// Split reads the sections of a module, each of which it has once but for custom ones, which have a name. It panics as a [Reader]
// does.
func Split(module []byte) (s Sections) {
	r := Reader(module)
	if !bytes.Equal(r.Take(uint64(len(Header))), []byte(Header)) {
		Fail("no module of version 1")
	}
	next := 0
	for len(r) > 0 {
		id := r.Byte()
		body := Reader(r.Take(r.Uint()))
		s = append(s, Section{id, body})
		if id == SectionCustom {
			body.Name()
			continue
		}
		i := bytes.IndexByte(order, id)
		if i < next {
			Fail("section %d is not supported, or out of order", id)
		}
		next = i + 1
	}
	return s
}

// Find returns a section that is not custom; nil where the module has none of that kind. It is valid until s changes.
func (s Sections) Find(id byte) *Section {
	for i := range s {
		if s[i].ID == id {
			return &s[i]
		}
	}
	return nil
}

// Make returns a section that is a vector, which it makes, with nothing in it, where the module has none.
func (s *Sections) Make(id byte) *Section {
	if found := s.Find(id); found != nil {
		return found
	}
	place := bytes.IndexByte(order, id)
	i := slices.IndexFunc(*s, func(s Section) bool { return bytes.IndexByte(order, s.ID) > place })
	if i < 0 {
		i = len(*s)
	}
	*s = slices.Insert(*s, i, Section{id, []byte{0}})
	return &(*s)[i]
}

// Each calls read for each entry of a section that is a vector, and sees to it that there is nothing else in it. Where the module
// has no such section it does nothing.
func (s Sections) Each(id byte, read func(r *Reader)) {
	found := s.Find(id)
	if found == nil {
		return
	}
	r := Reader(found.Body)
	for range r.Uint() {
		read(&r)
	}
	r.End()
}

// Module returns the module of these sections.
func (s Sections) Module() []byte {
	size := len(Header)
	for _, s := range s {
		size += 6 + len(s.Body)
	}
	out := append(make([]byte, 0, size), Header...)
	for _, s := range s {
		out = AppendSized(append(out, s.ID), s.Body)
	}
	return out
}
