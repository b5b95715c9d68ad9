package wasm

import "slices"

// Module is what [Read] reads.
type Module struct {
	Imports, Exports []Extern
	// MemoryPages is what the memories start with, in pages of 64 KiB, and Elements the tables.
	MemoryPages, Elements uint64
	// Memories and Tables are their limits, those imported first.
	Memories, Tables []Limits
	// HasStart says that there is a start function.
	HasStart bool
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
	for _, s := range Split(wasm) {
		body := Reader(s.Body)
		switch s.ID {
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
					m.addTable(i.Limits)
				case "memory":
					m.addMemory(i.Limits)
				}
				m.Imports = append(m.Imports, e)
			}
		case SectionFunction:
			n := body.Uint()
			functions = slices.Grow(functions, int(min(n, uint64(len(body))))) // each takes a byte at least
			for range n {
				functions = append(functions, body.Uint())
			}
		case SectionTable:
			for n := body.Uint(); n > 0; n-- {
				initial := body.peek() == 0x40 // with a value, whose expression only a whole decoder could skip
				if initial {
					body.Take(2)
				}
				body.typeName()
				m.addTable(body.Limits())
				if initial && n > 1 {
					Fail("a table after one with an initial value")
				}
			}
		case SectionMemory:
			for range body.Uint() {
				m.addMemory(body.Limits())
			}
		case SectionStart:
			m.HasStart = true
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

func (m *Module) addMemory(l Limits) {
	m.Memories, m.MemoryPages = append(m.Memories, l), m.MemoryPages+l.Min
}

func (m *Module) addTable(l Limits) {
	m.Tables, m.Elements = append(m.Tables, l), m.Elements+l.Min
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
		r.typeName()
		i.Limits = r.Limits()
	case "memory":
		i.Limits = r.Limits()
	case "global":
		r.typeName()
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
