package wazero

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// maxElements bounds the tables of an instance together. An element takes 8 bytes. maxTables bounds their number.
const (
	maxElements = 10_000_000
	maxTables   = 10_000
)

// sectionOrder is where a section that is not custom stands among the others.
var sectionOrder = map[byte]int{
	wasm.SectionType: 1, wasm.SectionImport: 2, wasm.SectionFunction: 3, wasm.SectionTable: 4, wasm.SectionMemory: 5, wasm.SectionTag: 6, wasm.SectionGlobal: 7,
	wasm.SectionExport: 8, wasm.SectionStart: 9, wasm.SectionElement: 10, wasm.SectionDataCount: 11, wasm.SectionCode: 12, wasm.SectionData: 13,
}

var (
	errTables  = fmt.Errorf("its tables have more than %d elements", maxElements)
	errIndex   = errors.New("it names something that it does not have")
	errLoops   = fmt.Errorf("a function has more than %d loops in each other", maxLoops)
	errLabels  = fmt.Errorf("a branch table has more than %d labels", maxLabels)
	errSection = errors.New("a section is not what or where it should be")
)

type section struct {
	id   byte
	body []byte
}

// instrument returns the module with bounds and, if checks says so, with checks. What it cannot read is an error; whether the
// rest is valid is for wazero to say.
func instrument(module []byte, checks bool) (out []byte, err error) {
	defer wasm.Recover(&err)
	var sections []section
	for r := wasm.Reader(module[8:]); len(r) > 0; {
		id := r.Byte()
		sections = append(sections, section{id, r.Take(r.Uint())})
	}
	for i, s := range sections {
		if s.id == wasm.SectionTable {
			if sections[i].body, err = boundTables(s.body); err != nil {
				return nil, err
			}
		}
	}
	if checks {
		if sections, err = meter(sections); err != nil {
			return nil, err
		}
	}
	out = make([]byte, 0, len(module)+len(module)/4)
	out = append(out, module[:8]...)
	for _, s := range sections {
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out, nil
}

// metered is a module while checks are put into it. The import of the check is function 0, so that every function has the
// next higher index. What else is new comes last in its index space, and no instruction of the module may name it.
type metered struct {
	types     []functionType
	imported  uint64   // functions
	functions []uint64 // types of those that are defined
	globals   uint64
	newTypes  []byte            // appended to the type section
	countNew  uint64            // of them
	named     map[uint64]string // functions
	module    string            // its own name
}

type functionType struct {
	params  uint64
	results string
}

// meter puts checks into a module.
func meter(sections []section) ([]section, error) {
	m := &metered{named: make(map[uint64]string)}
	present, order := make(map[byte]bool), 0
	for _, s := range sections {
		if s.id != wasm.SectionCustom {
			if sectionOrder[s.id] <= order {
				return nil, errSection
			}
			order = sectionOrder[s.id]
			present[s.id] = true
		}
		if err := m.read(s); err != nil {
			return nil, err
		}
	}
	m.newType(functionType{})
	changed := make(map[byte][]byte)
	for _, s := range sections {
		if s.id == wasm.SectionCustom {
			continue
		}
		body, err := m.change(s)
		if err != nil {
			return nil, err
		}
		changed[s.id] = body
	}
	// Bodies of functions need more types, so these are complete only now.
	if !present[wasm.SectionType] {
		changed[wasm.SectionType] = []byte{0}
	}
	r := wasm.Reader(changed[wasm.SectionType])
	n := r.Uint()
	changed[wasm.SectionType] = append(append(binary.AppendUvarint(nil, n+m.countNew), r...), m.newTypes...)
	if !present[wasm.SectionImport] {
		changed[wasm.SectionImport] = m.imports([]byte{0})
	}
	if !present[wasm.SectionGlobal] {
		changed[wasm.SectionGlobal] = appendCounter([]byte{1})
	}
	out := make([]section, 0, len(sections)+4)
	emit := func(below int) {
		for _, id := range []byte{wasm.SectionType, wasm.SectionImport, wasm.SectionGlobal} {
			if !present[id] && sectionOrder[id] < below {
				present[id] = true
				out = append(out, section{id, changed[id]})
			}
		}
	}
	for _, s := range sections {
		if s.id == wasm.SectionCustom {
			if name := wasm.Reader(s.body); name.Name() != "name" {
				out = append(out, s)
			}
			continue
		}
		emit(sectionOrder[s.id])
		out = append(out, section{s.id, changed[s.id]})
	}
	emit(len(sectionOrder) + 1)
	return append(out, section{wasm.SectionCustom, m.names()}), nil
}

// read notes what the change of other sections needs to know of one.
func (m *metered) read(s section) error {
	r := wasm.Reader(s.body)
	switch s.id {
	case wasm.SectionType:
		for range r.Uint() {
			if r.Byte() != 0x60 {
				return errSection
			}
			var t functionType
			params := r.Name()
			t.params, t.results = uint64(len(params)), r.Name()
			for _, v := range []byte(params + t.results) {
				if !isValueType(v) {
					return errType
				}
			}
			m.types = append(m.types, t)
		}
	case wasm.SectionImport:
		for range r.Uint() {
			switch before := r; r.Import().Kind {
			case "func":
				m.imported++
				before.Name()
				before.Name()
				before.Byte()
				if before.Uint() >= uint64(len(m.types)) {
					return errIndex
				}
			case "global":
				m.globals++
			case "tag":
				return errSection
			}
		}
	case wasm.SectionFunction:
		for range r.Uint() {
			t := r.Uint()
			if t >= uint64(len(m.types)) {
				return errIndex
			}
			m.functions = append(m.functions, t)
		}
	case wasm.SectionGlobal:
		m.globals += r.Uint()
	case wasm.SectionCustom:
		if r.Name() == "name" {
			m.readNames(r)
		}
	}
	return nil
}

// change returns a section with functions renumbered, and with what is new.
func (m *metered) change(s section) ([]byte, error) {
	r := wasm.Reader(s.body)
	switch s.id {
	case wasm.SectionImport:
		return m.imports(s.body), nil
	case wasm.SectionStart:
		return binary.AppendUvarint(nil, r.Uint()+1), nil
	case wasm.SectionExport:
		return m.exports(r)
	case wasm.SectionGlobal:
		n := r.Uint()
		out := binary.AppendUvarint(nil, n+1)
		for range n {
			t := r.Take(2)
			if !isValueType(t[0]) {
				return nil, errType
			}
			out = append(out, t...)
			var err error
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		return append(appendCounter(out), r...), nil
	case wasm.SectionElement:
		return m.elements(r)
	case wasm.SectionData:
		return m.data(r)
	case wasm.SectionCode:
		return m.code(r)
	}
	return s.body, nil
}

// imports puts the check before all others.
func (m *metered) imports(body []byte) []byte {
	r := wasm.Reader(body)
	out := binary.AppendUvarint(nil, r.Uint()+1)
	out = appendName(appendName(out, checkModule), checkName)
	out = append(out, 0)
	return append(binary.AppendUvarint(out, uint64(len(m.types))), r...)
}

func (m *metered) exports(r wasm.Reader) ([]byte, error) {
	n := r.Uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		out = appendName(out, r.Name())
		kind := r.Byte()
		i := r.Uint()
		switch {
		case kind == 0:
			i++
		case kind == 3 && i >= m.globals:
			return nil, errIndex
		}
		out = binary.AppendUvarint(append(out, kind), i)
	}
	return append(out, r...), nil
}

// elements renumbers functions in the element section, which has eight kinds of segments.
func (m *metered) elements(r wasm.Reader) (out []byte, err error) {
	n := r.Uint()
	out = binary.AppendUvarint(nil, n)
	for range n {
		flags := r.Uint()
		if flags > 7 {
			return nil, errSection
		}
		out = binary.AppendUvarint(out, flags)
		passive, explicit, expressions := flags&1 != 0, flags&2 != 0, flags&4 != 0
		if !passive {
			if explicit {
				out = binary.AppendUvarint(out, r.Uint()) // table
			}
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		if passive || explicit {
			kind := r.Byte()
			if expressions && !isValueType(kind) {
				return nil, errType
			}
			out = append(out, kind)
		}
		count := r.Uint()
		out = binary.AppendUvarint(out, count)
		for range count {
			if !expressions {
				out = binary.AppendUvarint(out, r.Uint()+1)
			} else if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
	}
	return append(out, r...), nil
}

func (m *metered) data(r wasm.Reader) (out []byte, err error) {
	n := r.Uint()
	out = binary.AppendUvarint(nil, n)
	for range n {
		flags := r.Uint()
		out = binary.AppendUvarint(out, flags)
		if flags == 2 {
			out = binary.AppendUvarint(out, r.Uint()) // memory
		}
		if flags != 1 {
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		out = appendName(out, r.Name())
	}
	return append(out, r...), nil
}

// constant appends a constant expression.
func (m *metered) constant(out []byte, r *wasm.Reader) ([]byte, error) {
	for {
		ahead := *r
		in, err := next(&ahead)
		if err != nil {
			return nil, err
		}
		if in.op == opGlobalGet && in.index >= m.globals {
			return nil, errIndex
		}
		out = appendNext(out, r)
		if in.op == opEnd {
			return out, nil
		}
	}
}

// appendNext takes an instruction, which is known to be one, and appends it, with the function that it names renumbered.
func appendNext(out []byte, r *wasm.Reader) []byte {
	before := *r
	in, err := next(r)
	if err != nil {
		panic(err)
	}
	switch in.op {
	case opCall, opReturnCall, opRefFunc:
		return binary.AppendUvarint(append(out, before[0]), in.index+1)
	}
	return append(out, before[:len(before)-len(*r)]...)
}

func appendName(out []byte, name string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(name))), name...)
}

// newType returns the index of a type that is added.
func (m *metered) newType(t functionType) uint64 {
	m.newTypes = append(m.newTypes, 0x60)
	m.newTypes = append(m.newTypes, 0)
	m.newTypes = appendName(m.newTypes, t.results)
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
		functions = appendName(binary.AppendUvarint(functions, i+1), name)
	}
	out := appendName(nil, "name")
	out = appendName(append(out, 0), string(appendName(nil, m.module)))
	return appendName(append(out, 1), string(functions))
}

// boundTables gives each table a maximum, so that they cannot have more than maxElements together.
func boundTables(section []byte) ([]byte, error) {
	type table struct {
		kind          byte
		minimum, most uint64
	}
	r := wasm.Reader(section)
	n := r.Uint()
	if n > maxTables {
		return nil, fmt.Errorf("it has more than %d tables", maxTables)
	}
	tables, total := make([]table, n), uint64(0)
	for i := range tables {
		t := table{kind: r.Byte(), most: 1<<32 - 1}
		flags := r.Byte()
		if flags > 1 || !isValueType(t.kind) {
			return nil, fmt.Errorf("table %d is of a kind that is not supported", i)
		}
		if t.minimum = r.Uint(); t.minimum > maxElements {
			return nil, errTables
		}
		if flags == 1 {
			t.most = r.Uint()
		}
		tables[i], total = t, total+t.minimum
	}
	if total > maxElements {
		return nil, errTables
	}
	out := binary.AppendUvarint(nil, n)
	for _, t := range tables {
		out = append(out, t.kind, 1)
		out = binary.AppendUvarint(out, t.minimum)
		out = binary.AppendUvarint(out, min(t.most, t.minimum+(maxElements-total)/n))
	}
	return append(out, r...), nil
}
