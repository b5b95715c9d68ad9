package wasm

import (
	"strconv"
	"strings"
)

// Module is what [Read] reads.
type Module struct {
	Imports, Exports []Extern
	// MemoryPages is what the memories start with, in pages of 64 KiB, and Elements the tables.
	MemoryPages, Elements uint64
}

// Extern is an import or an export.
type Extern struct {
	Module, Name string // Module of imports only
	Kind         string // "func", "table", "memory", "global", "tag"
	Type         string // of functions: "(i32, i64) -> (i32)"
}

var externKinds = [...]string{"func", "table", "memory", "global", "tag"}

// Read reads wasm, which a runtime has found valid. What cannot be read is an error: a feature that this package does not know.
func Read(wasm []byte) (m Module, err error) {
	defer Recover(&err)
	var types []string     // of the type section; "" for what is no function
	var functions []uint64 // the type of each function, those imported first
	typeOf := func(function uint64) string {
		if function >= uint64(len(functions)) || functions[function] >= uint64(len(types)) {
			Fail("function %d does not exist", function)
		}
		return types[functions[function]]
	}
	r := Reader(wasm)
	r.Take(uint64(len(Header)))
	for len(r) > 0 {
		id := r.Byte()
		body := Reader(r.Take(r.Uint()))
		switch id {
		case SectionType:
			for range body.Uint() {
				types = body.recursive(types)
			}
		case SectionImport:
			for range body.Uint() {
				i := body.Import()
				e := Extern{Module: i.Module, Name: i.Name, Kind: i.Kind}
				switch i.Kind {
				case "func":
					functions = append(functions, i.Type)
					e.Type = typeOf(uint64(len(functions) - 1))
				case "table":
					m.Elements += i.Limits.Min
				case "memory":
					m.MemoryPages += i.Limits.Min
				}
				m.Imports = append(m.Imports, e)
			}
		case SectionFunction:
			for range body.Uint() {
				functions = append(functions, body.Uint())
			}
		case SectionTable:
			for range body.Uint() {
				if body.peek() == 0x40 { // with an initial value, whose expression only a whole decoder could skip
					body.Take(2)
					body.valueType()
					m.Elements += body.Limits().Min
					break // the rest of the section
				}
				body.valueType()
				m.Elements += body.Limits().Min
			}
		case SectionMemory:
			for range body.Uint() {
				m.MemoryPages += body.Limits().Min
			}
		case SectionExport:
			for range body.Uint() {
				e := Extern{Name: body.Name(), Kind: body.externKind()}
				if i := body.Uint(); e.Kind == "func" {
					e.Type = typeOf(i)
				}
				m.Exports = append(m.Exports, e)
			}
		}
	}
	return m, nil
}

// Import is an entry of the import section.
type Import struct {
	Module, Name, Kind string
	Type               uint64 // of functions: index into the type section
	Limits             Limits // of tables and memories
}

// Import reads an import.
func (r *Reader) Import() Import {
	i := Import{Module: r.Name(), Name: r.Name(), Kind: r.externKind()}
	switch i.Kind {
	case "func":
		i.Type = r.Uint()
	case "table":
		r.valueType()
		i.Limits = r.Limits()
	case "memory":
		i.Limits = r.Limits()
	case "global":
		r.valueType()
		r.Byte()
	case "tag":
		r.Byte()
		r.Uint()
	}
	return i
}

func (r *Reader) externKind() string {
	k := r.Byte()
	if int(k) >= len(externKinds) {
		Fail("kind of import or export %#x", k)
	}
	return externKinds[k]
}

// Limits are those of a memory in pages, or of a table in elements (core specification, 5.3.11).
type Limits struct {
	Min, Max uint64
	HasMax   bool
	Shared   bool
	Is64     bool // addresses have 64 bits
}

// Limits reads limits.
func (r *Reader) Limits() Limits {
	flags := r.Byte()
	if flags > 7 {
		Fail("limits of kind %#x", flags)
	}
	l := Limits{HasMax: flags&1 != 0, Shared: flags&2 != 0, Is64: flags&4 != 0}
	number := r.Uint
	if l.Is64 {
		number = r.Uint64
	}
	l.Min = number()
	if l.HasMax {
		l.Max = number()
	}
	return l
}

// recursive reads an entry of the type section and appends its types: one, or those of a recursive group (5.3.10).
func (r *Reader) recursive(types []string) []string {
	n := uint64(1)
	if r.peek() == 0x4e {
		r.Byte()
		n = r.Uint()
	}
	for range n {
		types = append(types, r.subtype())
	}
	return types
}

func (r *Reader) peek() byte {
	if len(*r) == 0 {
		Fail("a section ends too soon")
	}
	return (*r)[0]
}

// subtype reads one type and returns a function's signature, or "".
func (r *Reader) subtype() string {
	kind := r.Byte()
	if kind == 0x50 || kind == 0x4f { // open or final, with supertypes
		for range r.count() {
			r.Uint()
		}
		kind = r.Byte()
	}
	switch kind {
	case 0x60:
		params := r.valueTypes()
		return "(" + params + ") -> (" + r.valueTypes() + ")"
	case 0x5f:
		for range r.count() {
			r.fieldType()
		}
	case 0x5e:
		r.fieldType()
	default:
		Fail("type of kind %#x", kind)
	}
	return ""
}

func (r *Reader) fieldType() {
	if k := r.peek(); k == 0x78 || k == 0x77 { // packed
		r.Byte()
	} else {
		r.valueType()
	}
	r.Byte() // mutability
}

func (r *Reader) valueTypes() string {
	var names []string
	for range r.count() {
		names = append(names, r.valueType())
	}
	return strings.Join(names, ", ")
}

// valueNames are number, vector and the short forms of reference types (5.3.1 to 5.3.5).
var valueNames = map[byte]string{
	0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128",
	0x70: "funcref", 0x6f: "externref", 0x6e: "anyref", 0x6d: "eqref", 0x6c: "i31ref", 0x6b: "structref", 0x6a: "arrayref",
	0x69: "exnref", 0x71: "nullref", 0x72: "nullexternref", 0x73: "nullfuncref", 0x74: "nullexnref",
}

func (r *Reader) valueType() string {
	k := r.Byte()
	if k != 0x63 && k != 0x64 {
		if name := valueNames[k]; name != "" {
			return name
		}
		Fail("value of type %#x", k)
	}
	heap := r.Int() // an index, or the short form's byte as a negative number
	name := strconv.FormatInt(heap, 10)
	if short := valueNames[byte(heap)&0x7f]; heap < 0 && short != "" {
		name = strings.TrimSuffix(short, "ref")
	}
	if k == 0x63 {
		return "(ref null " + name + ")"
	}
	return "(ref " + name + ")"
}
