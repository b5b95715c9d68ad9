package wazero

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// maxElements bounds the tables of an instance together. An element takes 8 bytes. maxTables bounds their number.
const (
	maxElements = 10_000_000
	maxTables   = 10_000
)

// Sections of the binary format (core specification, 5.5.2).
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
	sectionTag       = 13
)

// sectionOrder is where a section that is not custom stands among the others.
var sectionOrder = map[byte]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5, sectionTag: 6, sectionGlobal: 7,
	sectionExport: 8, sectionStart: 9, sectionElement: 10, sectionDataCount: 11, sectionCode: 12, sectionData: 13,
}

var (
	errLocals  = fmt.Errorf("a function has more than %d local variables", maxLocals)
	errTables  = fmt.Errorf("its tables have more than %d elements", maxElements)
	errEnds    = errors.New("a section ends too soon")
	errIndex   = errors.New("it names something that it does not have")
	errSection = errors.New("a section is not what or where it should be")
)

type section struct {
	id   byte
	body []byte
}

// instrument returns the module with bounds and, if checks says so, with checks. What it cannot read is an error, and must not be given
// to wazero, which can be made to allocate without bound; whether the rest is valid is for wazero to say.
func instrument(wasm []byte, checks bool) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // of a slice index: the module ends too soon
			err = errEnds
		}
	}()
	var sections []section
	for r := reader(wasm[8:]); len(r) > 0; {
		id := r.byte()
		sections = append(sections, section{id, r.take(r.uint())})
	}
	for i, s := range sections {
		if s.id == sectionTable {
			if sections[i].body, err = boundTables(s.body); err != nil {
				return nil, err
			}
		}
	}
	metered, err := meter(sections) // also without checks: wazero believes what a module says of its size, to the last byte of memory
	if err != nil {
		return nil, err
	}
	if checks {
		sections = metered
	}
	out = make([]byte, 0, len(wasm)+len(wasm)/4)
	out = append(out, wasm[:8]...)
	for _, s := range sections {
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out, nil
}

// maxLocals bounds the local variables of a function, as other engines do.
const maxLocals = 50_000

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
		if s.id != sectionCustom {
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
		if s.id == sectionCustom {
			continue
		}
		body, err := m.change(s)
		if err != nil {
			return nil, err
		}
		changed[s.id] = body
	}
	// Bodies of functions need more types, so these are complete only now.
	if !present[sectionType] {
		changed[sectionType] = []byte{0}
	}
	r := reader(changed[sectionType])
	n := r.uint()
	changed[sectionType] = append(append(binary.AppendUvarint(nil, n+m.countNew), r...), m.newTypes...)
	if !present[sectionImport] {
		changed[sectionImport] = m.imports([]byte{0})
	}
	if !present[sectionGlobal] {
		changed[sectionGlobal] = appendCounter([]byte{1})
	}
	out := make([]section, 0, len(sections)+4)
	emit := func(below int) {
		for _, id := range []byte{sectionType, sectionImport, sectionGlobal} {
			if !present[id] && sectionOrder[id] < below {
				present[id] = true
				out = append(out, section{id, changed[id]})
			}
		}
	}
	for _, s := range sections {
		if s.id == sectionCustom {
			if name := reader(s.body); name.name() != "name" {
				out = append(out, s)
			}
			continue
		}
		emit(sectionOrder[s.id])
		out = append(out, section{s.id, changed[s.id]})
	}
	emit(len(sectionOrder) + 1)
	return append(out, section{sectionCustom, m.names()}), nil
}

// read notes what the change of other sections needs to know of one.
func (m *metered) read(s section) error {
	r := reader(s.body)
	switch s.id {
	case sectionType:
		for range r.uint() {
			if r.byte() != 0x60 {
				return errSection
			}
			var t functionType
			params := r.name()
			t.params, t.results = uint64(len(params)), r.name()
			for _, v := range []byte(params + t.results) {
				if !isValueType(v) {
					return errType
				}
			}
			m.types = append(m.types, t)
		}
	case sectionImport:
		for range r.uint() {
			r.name()
			r.name()
			switch kind := r.kind(); kind {
			case "func":
				m.imported++
				if r.uint() >= uint64(len(m.types)) {
					return errIndex
				}
			case "tag":
				return errSection
			default:
				if kind == "global" {
					m.globals++
				}
				if kind != "memory" && !isValueType(r[0]) {
					return errType
				}
				r.skipType(kind)
			}
		}
	case sectionFunction:
		for range r.uint() {
			t := r.uint()
			if t >= uint64(len(m.types)) {
				return errIndex
			}
			m.functions = append(m.functions, t)
		}
	case sectionGlobal:
		m.globals += r.uint()
	case sectionCustom:
		if r.name() == "name" {
			m.readNames(r)
		}
	}
	return nil
}

// change returns a section with functions renumbered, and with what is new.
func (m *metered) change(s section) ([]byte, error) {
	r := reader(s.body)
	switch s.id {
	case sectionImport:
		return m.imports(s.body), nil
	case sectionStart:
		return binary.AppendUvarint(nil, r.uint()+1), nil
	case sectionExport:
		return m.exports(r)
	case sectionGlobal:
		n := r.uint()
		out := binary.AppendUvarint(nil, n+1)
		for range n {
			if !isValueType(r[0]) {
				return nil, errType
			}
			out = append(out, r.take(2)...)
			var err error
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		return append(appendCounter(out), r...), nil
	case sectionElement:
		return m.elements(r)
	case sectionData:
		return m.data(r)
	case sectionCode:
		return m.code(r)
	}
	return s.body, nil
}

// imports puts the check before all others.
func (m *metered) imports(body []byte) []byte {
	r := reader(body)
	out := binary.AppendUvarint(nil, r.uint()+1)
	out = appendName(appendName(out, checkModule), checkName)
	out = append(out, 0)
	return append(binary.AppendUvarint(out, uint64(len(m.types))), r...)
}

func (m *metered) exports(r reader) ([]byte, error) {
	n := r.uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		out = appendName(out, r.name())
		kind := r.byte()
		i := r.uint()
		switch {
		case externKinds[kind] == "func":
			i++
		case externKinds[kind] == "global" && i >= m.globals:
			return nil, errIndex
		}
		out = binary.AppendUvarint(append(out, kind), i)
	}
	return append(out, r...), nil
}

// elements renumbers functions in the element section, which has eight kinds of segments.
func (m *metered) elements(r reader) (out []byte, err error) {
	n := r.uint()
	out = binary.AppendUvarint(nil, n)
	for range n {
		flags := r.uint()
		if flags > 7 {
			return nil, errSection
		}
		out = binary.AppendUvarint(out, flags)
		passive, explicit, expressions := flags&1 != 0, flags&2 != 0, flags&4 != 0
		if !passive {
			if explicit {
				out = binary.AppendUvarint(out, r.uint()) // table
			}
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		if passive || explicit {
			kind := r.byte()
			if expressions && !isValueType(kind) {
				return nil, errType
			}
			out = append(out, kind)
		}
		count := r.uint()
		out = binary.AppendUvarint(out, count)
		for range count {
			if !expressions {
				out = binary.AppendUvarint(out, r.uint()+1)
			} else if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
	}
	return append(out, r...), nil
}

func (m *metered) data(r reader) (out []byte, err error) {
	n := r.uint()
	out = binary.AppendUvarint(nil, n)
	for range n {
		flags := r.uint()
		out = binary.AppendUvarint(out, flags)
		if flags == 2 {
			out = binary.AppendUvarint(out, r.uint()) // memory
		}
		if flags != 1 {
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		out = appendName(out, r.name())
	}
	return append(out, r...), nil
}

// constant appends a constant expression.
func (m *metered) constant(out []byte, r *reader) ([]byte, error) {
	for {
		ahead := *r
		in, err := ahead.instruction()
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
func appendNext(out []byte, r *reader) []byte {
	before := *r
	in, err := r.instruction()
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
func (m *metered) readNames(r reader) {
	defer func() { _ = recover() }() // of a slice index
	for len(r) > 0 {
		id := r.byte()
		body := reader(r.take(r.uint()))
		switch id {
		case 0:
			m.module = body.name()
		case 1:
			for range body.uint() {
				i := body.uint()
				m.named[i] = body.name()
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
	r := reader(section)
	n := r.uint()
	if n > maxTables {
		return nil, fmt.Errorf("it has more than %d tables", maxTables)
	}
	tables, total := make([]table, n), uint64(0)
	for i := range tables {
		t := table{kind: r.byte(), most: 1<<32 - 1}
		flags := r.byte()
		if flags > 1 || !isValueType(t.kind) {
			return nil, fmt.Errorf("table %d is of a kind that is not supported", i)
		}
		if t.minimum = r.uint(); t.minimum > maxElements {
			return nil, errTables
		}
		if flags == 1 {
			t.most = r.uint()
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
