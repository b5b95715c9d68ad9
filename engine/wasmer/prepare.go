package wasmer

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// maxValues bounds the parameters, and the results, of a function: with some more libwasmer ends the process while it compiles.
const maxValues = 100

// maxPages bounds a memory: with one page more, which is 4 GiB, libwasmer ends the process.
const maxPages = 1<<16 - 1

// prepare returns the valid module as libwasmer gets it: with bounds on its memory and on its tables, which a guest could grow
// until the process ends; with checks of its stack; and with its start function as its last export instead. libwasmer would run it
// before the instance is there, when calls of the host could not find the guest's memory.
func prepare(module []byte) (out []byte, err error) {
	defer wasm.Recover(&err)
	s := split(module)
	if tables := s.find(wasm.SectionTable); tables != nil {
		if *tables, err = wasm.BoundTables(*tables); err != nil {
			return nil, err
		}
	}
	if memories := s.find(wasm.SectionMemory); memories != nil {
		if *memories, err = boundMemories(*memories); err != nil {
			return nil, err
		}
	}
	if types := s.find(wasm.SectionType); types != nil {
		if err := boundTypes(*types); err != nil {
			return nil, err
		}
	}
	checkStack(&s)
	if start, ok := s.start(); ok {
		exports := s.make(wasm.SectionExport)
		*exports = withExport(*exports, start)
		s = slices.DeleteFunc(s, func(s section) bool { return s.id == wasm.SectionStart })
	}
	out = append(make([]byte, 0, len(module)+len(module)/8), wasm.Header...)
	for _, s := range s {
		out = wasm.AppendSection(out, s.id, s.body)
	}
	return out, nil
}

type section struct {
	id   byte
	body []byte
}

// sections are those of a valid module, in its order.
type sections []section

func split(module []byte) (s sections) {
	for r := wasm.Reader(module[len(wasm.Header):]); len(r) > 0; {
		s = append(s, section{r.Byte(), r.Take(r.Uint())})
	}
	return s
}

// find returns the body of a section; nil where the module has none.
func (s sections) find(id byte) *[]byte {
	for i := range s {
		if s[i].id == id {
			return &s[i].body
		}
	}
	return nil
}

// order is where the sections that make makes come, and those after them.
var order = map[byte]int{
	wasm.SectionGlobal: 1, wasm.SectionExport: 2, wasm.SectionStart: 3, wasm.SectionElement: 4, wasm.SectionDataCount: 5,
	wasm.SectionCode: 6, wasm.SectionData: 7,
}

// make returns the body of a section, which it makes where the module has none.
func (s *sections) make(id byte) *[]byte {
	if body := s.find(id); body != nil {
		return body
	}
	i := slices.IndexFunc(*s, func(s section) bool { return order[s.id] > order[id] })
	if i < 0 {
		i = len(*s)
	}
	*s = slices.Insert(*s, i, section{id, []byte{0}})
	return &(*s)[i].body
}

// start returns the index of the start function, if the module has one.
func (s sections) start() (index uint64, ok bool) {
	body := s.find(wasm.SectionStart)
	if body == nil {
		return 0, false
	}
	r := wasm.Reader(*body)
	return r.Uint(), true
}

// extend appends n entries to a section that is a vector of them.
func extend(section []byte, n uint64, entries []byte) []byte {
	r := wasm.Reader(section)
	return slices.Concat(binary.AppendUvarint(nil, r.Uint()+n), r, entries)
}

// boundMemories gives each memory a maximum.
func boundMemories(section []byte) ([]byte, error) {
	r := wasm.Reader(section)
	n := r.Uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		limits := r.Limits()
		if limits.Min > maxPages {
			return nil, fmt.Errorf("it begins with more than the %d pages of memory that libwasmer can have", maxPages)
		}
		if !limits.HasMax || limits.Max > maxPages {
			limits.Max = maxPages
		}
		out = binary.AppendUvarint(append(out, 1), limits.Min)
		out = binary.AppendUvarint(out, limits.Max)
	}
	return out, nil
}

// boundTypes refuses types with too many values.
func boundTypes(section []byte) error {
	r := wasm.Reader(section)
	for i := range r.Uint() {
		r.Byte() // a function
		if max(len(r.Take(r.Uint())), len(r.Take(r.Uint()))) > maxValues {
			return fmt.Errorf("type %d has more than %d parameters or results, too many for libwasmer", i, maxValues)
		}
	}
	return nil
}

// withExport returns the body of an export section with one more export: the function, by a name that no other has.
func withExport(section []byte, function uint64) []byte {
	r := wasm.Reader(section)
	var names []string
	for range r.Uint() {
		names = append(names, r.Name())
		r.Byte() // kind
		r.Uint()
	}
	name := "start"
	for slices.Contains(names, name) {
		name += "'"
	}
	entry := append(binary.AppendUvarint(nil, uint64(len(name))), name...)
	return extend(section, 1, binary.AppendUvarint(append(entry, 0), function))
}
