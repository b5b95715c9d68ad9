package wasm

// ComponentHeader is what a component begins with: the magic number, version 13 and layer 1.
const ComponentHeader = "\x00asm\x0d\x00\x01\x00"

// Sections of a component that are read here (Component Model, "Binary Format").
const (
	componentModule = 1
	componentNested = 4
	componentImport = 10
)

// Component is what [ReadComponent] reads.
type Component struct {
	// Modules are the core modules in it and in the components in it.
	Modules []Module
	// Imports are the names of its own imports, such as "wasi:cli/environment@0.2.3".
	Imports []string
}

// maxNesting is how deep components may be in components.
const maxNesting = 64

// ReadComponent reads what of a component says how much memory it needs, and what it was made for. What it accepts need not be valid.
func ReadComponent(binary []byte) (c Component, err error) {
	defer Recover(&err)
	c.read(binary, 0)
	return c, nil
}

func (c *Component) read(binary []byte, depth int) {
	if depth > maxNesting {
		Fail("components are nested too deep")
	}
	r := Reader(binary)
	if string(r.Take(uint64(len(ComponentHeader)))) != ComponentHeader {
		Fail("no component")
	}
	for len(r) > 0 {
		id := r.Byte()
		body := Reader(r.Take(r.Uint()))
		switch id {
		case componentModule:
			m, err := Read(body)
			if err != nil {
				Fail("a core module in it: %v", err)
			}
			c.Modules = append(c.Modules, m)
		case componentNested:
			c.read(body, depth+1)
		case componentImport:
			if depth > 0 {
				continue
			}
			for range body.count() {
				c.Imports = append(c.Imports, body.componentImport())
			}
		}
	}
}

// componentImport reads an import and returns its name.
func (r *Reader) componentImport() string {
	form := r.Byte()
	name := r.Name()
	if form == 2 { // with a version apart
		r.Name()
	}
	switch kind := r.Byte(); kind {
	case 0: // a core module
		r.Byte()
		r.Uint()
	case 1, 4, 5: // a function, a component, an instance
		r.Uint()
	case 2, 3: // a value or a type, as something or by itself
		bound := r.Byte()
		if bound == 0 || kind == 2 {
			r.Uint()
		}
	default:
		Fail("an import of kind %d", kind)
	}
	return name
}
