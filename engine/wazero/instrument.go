package wazero

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// instrument returns the module with bounds and, if checks says so, with checks. What it cannot read is an error; whether the
// rest is valid is for wazero to say.
func instrument(module []byte, checks bool) (out []byte, err error) {
	defer wasm.Recover(&err)
	sections := wasm.Split(module)
	if tables := sections.Find(wasm.SectionTable); tables != nil {
		tables.Body = wasm.BoundTables(tables.Body)
	}
	if checks {
		sections = meter(sections)
	}
	return sections.Module(), nil
}

// metered is a module while checks are put into it. The import of the check is function 0, so that every function has the
// next higher index. What else is new comes last in its index space, and no instruction of the module may name it.
type metered struct {
	types     []wasm.FuncType
	imported  uint64   // functions
	functions []uint64 // types of those that are defined
	globals   uint64
	newTypes  []byte            // appended to the type section
	countNew  uint64            // of them
	named     map[uint64]string // functions
	module    string            // its own name
}

// meter puts checks into a module.
func meter(sections wasm.Sections) wasm.Sections {
	m := &metered{named: make(map[uint64]string)}
	m.declarations(sections)
	m.newType("")
	sections = slices.DeleteFunc(sections, isNames)
	for _, id := range []byte{wasm.SectionType, wasm.SectionImport, wasm.SectionGlobal} {
		sections.Make(id)
	}
	for i := range sections {
		m.change(&sections[i])
	}
	// Bodies of functions need more types, so these are complete only now.
	types := sections.Find(wasm.SectionType)
	types.Body = wasm.Extend(types.Body, m.countNew, m.newTypes)
	return append(sections, wasm.Section{ID: wasm.SectionCustom, Body: m.names()})
}

func isNames(s wasm.Section) bool {
	r := wasm.Reader(s.Body)
	return s.ID == wasm.SectionCustom && r.Name() == "name"
}

// declarations notes what the change of sections needs to know of others.
func (m *metered) declarations(sections wasm.Sections) {
	sections.Each(wasm.SectionType, func(r *wasm.Reader) { m.types = append(m.types, r.FuncType()) })
	declare := func(t uint64) {
		if t >= uint64(len(m.types)) {
			wasm.Fail("type %d does not exist", t)
		}
	}
	sections.Each(wasm.SectionImport, func(r *wasm.Reader) {
		switch i := r.Import(); i.Kind {
		case "func":
			declare(i.Type)
			m.imported++
		case "global":
			m.globals++
		case "tag":
			wasm.Fail("tags are not supported")
		}
	})
	sections.Each(wasm.SectionFunction, func(r *wasm.Reader) {
		t := r.Uint()
		declare(t)
		m.functions = append(m.functions, t)
	})
	if globals := sections.Find(wasm.SectionGlobal); globals != nil {
		r := wasm.Reader(globals.Body)
		m.globals += r.Uint()
	}
	for _, s := range sections {
		if isNames(s) {
			r := wasm.Reader(s.Body)
			r.Name()
			m.readNames(r)
		}
	}
}

// change renumbers the functions in a section, and puts what is new into it.
func (m *metered) change(s *wasm.Section) {
	r := wasm.Reader(s.Body)
	switch s.ID {
	case wasm.SectionImport:
		s.Body = m.imports(r)
	case wasm.SectionStart:
		s.Body = append(binary.AppendUvarint(nil, r.Uint()+1), r...)
	case wasm.SectionExport:
		s.Body = m.exports(r)
	case wasm.SectionGlobal:
		s.Body = m.globalSection(r)
	case wasm.SectionElement:
		s.Body = m.elements(r)
	case wasm.SectionData:
		s.Body = m.data(r)
	case wasm.SectionCode:
		s.Body = m.code(r)
	}
}

// imports puts the check before all others.
func (m *metered) imports(r wasm.Reader) []byte {
	out := binary.AppendUvarint(nil, r.Uint()+1)
	out = wasm.AppendSized(wasm.AppendSized(out, checkModule), checkName)
	out = append(out, 0)
	return append(binary.AppendUvarint(out, uint64(len(m.types))), r...)
}

func (m *metered) exports(r wasm.Reader) []byte {
	n := r.Uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		out = wasm.AppendSized(out, r.Name())
		kind := r.Byte()
		i := r.Uint()
		switch {
		case kind == 0:
			i++
		case kind == 3:
			m.needGlobal(i)
		}
		out = wasm.AppendOp(out, kind, i)
	}
	return append(out, r...)
}

// globalSection adds the counter.
func (m *metered) globalSection(r wasm.Reader) []byte {
	n := r.Uint()
	out := binary.AppendUvarint(nil, n+1)
	for range n {
		out = append(out, r.ValueType(), r.Byte())
		out = m.constant(out, &r)
	}
	return append(appendCounter(out), r...)
}

// needGlobal refuses a global that only the changed module has.
func (m *metered) needGlobal(i uint64) {
	if i >= m.globals {
		wasm.Fail("global %d does not exist", i)
	}
}

// elements renumbers functions in the element section, which has eight kinds of segments.
func (m *metered) elements(r wasm.Reader) []byte {
	n := r.Uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		flags := r.Uint()
		if flags > 7 {
			wasm.Fail("element segment of kind %d", flags)
		}
		out = binary.AppendUvarint(out, flags)
		passive, explicit, expressions := flags&1 != 0, flags&2 != 0, flags&4 != 0
		if !passive {
			if explicit {
				out = binary.AppendUvarint(out, r.Uint()) // table
			}
			out = m.constant(out, &r)
		}
		if passive || explicit {
			if expressions {
				out = append(out, r.ValueType())
			} else {
				out = append(out, r.Byte())
			}
		}
		count := r.Uint()
		out = binary.AppendUvarint(out, count)
		for range count {
			if expressions {
				out = m.constant(out, &r)
			} else {
				out = binary.AppendUvarint(out, r.Uint()+1)
			}
		}
	}
	return append(out, r...)
}

func (m *metered) data(r wasm.Reader) []byte {
	n := r.Uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		flags := r.Uint()
		out = binary.AppendUvarint(out, flags)
		if flags == 2 {
			out = binary.AppendUvarint(out, r.Uint()) // memory
		}
		if flags != 1 {
			out = m.constant(out, &r)
		}
		out = wasm.AppendSized(out, r.Name())
	}
	return append(out, r...)
}

// constant appends a constant expression.
func (m *metered) constant(out []byte, r *wasm.Reader) []byte {
	for {
		in := r.Instruction()
		if in.Op == wasm.OpGlobalGet {
			m.needGlobal(in.Index)
		}
		out = renumbered(out, in)
		if in.Op == wasm.OpEnd {
			return out
		}
	}
}

// renumbered appends an instruction, in which a function has its new index.
func renumbered(out []byte, in wasm.Instruction) []byte {
	switch in.Op {
	case wasm.OpCall, wasm.OpReturnCall, wasm.OpRefFunc:
		return wasm.AppendOp(out, byte(in.Op), in.Index+1)
	}
	return append(out, in.Bytes...)
}

// newType returns the index of a type that is added: of a function that takes nothing.
func (m *metered) newType(results string) uint64 {
	m.newTypes = wasm.AppendSized(append(m.newTypes, 0x60, 0), results)
	m.countNew++
	return uint64(len(m.types)) + m.countNew - 1
}

// readNames notes what the name section says. What cannot be read of it is not there.
func (m *metered) readNames(r wasm.Reader) {
	defer func() { _ = recover() }() // of a slice index
	for len(r) > 0 {
		id := r.Byte()
		body := wasm.Reader(r.Take(r.Uint()))
		switch id {
		case 0:
			m.module = body.Name()
		case 1:
			for range body.Uint() {
				i := body.Uint()
				m.named[i] = body.Name()
			}
		}
	}
}

// names returns a name section that names every function, so that one without a name goes by the index which it has in the
// module as it was given.
func (m *metered) names() []byte {
	n := m.imported + uint64(len(m.functions))
	functions := binary.AppendUvarint(nil, n)
	for i := range n {
		name, ok := m.named[i]
		if !ok || name == "" {
			name = "$" + strconv.FormatUint(i, 10)
		}
		functions = wasm.AppendSized(binary.AppendUvarint(functions, i+1), name)
	}
	out := wasm.AppendSized(nil, "name")
	out = wasm.AppendSized(append(out, 0), wasm.AppendSized(nil, m.module))
	return wasm.AppendSized(append(out, 1), functions)
}
