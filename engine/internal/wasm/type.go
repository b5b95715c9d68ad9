package wasm

import (
	"strconv"
	"strings"
)

// FuncType is the type of a function of WebAssembly 2.0: the value types that it takes and gives, a byte each.
type FuncType struct{ Params, Results string }

// FuncType reads a function's type (core specification, 5.3.6).
func (r *Reader) FuncType() FuncType {
	if kind := r.Byte(); kind != 0x60 {
		Fail("type of kind %#x is not supported", kind)
	}
	t := FuncType{r.Name(), r.Name()}
	for _, types := range [...]string{t.Params, t.Results} {
		for i := range len(types) {
			if !isValueType(types[i]) {
				Fail("value of type %#x is not supported", types[i])
			}
		}
	}
	return t
}

// ValueType reads a value type of WebAssembly 2.0 (5.3.4).
func (r *Reader) ValueType() byte {
	b := r.Byte()
	if !isValueType(b) {
		Fail("value of type %#x is not supported", b)
	}
	return b
}

func isValueType(b byte) bool { return 0x7b <= b && b <= 0x7f || isReference(b) }

func isReference(b byte) bool { return b == 0x70 || b == 0x6f }

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
		params := r.typeNames()
		return "(" + params + ") -> (" + r.typeNames() + ")"
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
		r.typeName()
	}
	r.Byte() // mutability
}

func (r *Reader) typeNames() string {
	var names []string
	for range r.count() {
		names = append(names, r.typeName())
	}
	return strings.Join(names, ", ")
}

// valueNames are number, vector and the short forms of reference types (5.3.1 to 5.3.5).
var valueNames = map[byte]string{
	0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128",
	0x70: "funcref", 0x6f: "externref", 0x6e: "anyref", 0x6d: "eqref", 0x6c: "i31ref", 0x6b: "structref", 0x6a: "arrayref",
	0x69: "exnref", 0x71: "nullref", 0x72: "nullexternref", 0x73: "nullfuncref", 0x74: "nullexnref",
}

func (r *Reader) typeName() string {
	k := r.Byte()
	if k != 0x63 && k != 0x64 {
		if name := valueNames[k]; name != "" {
			return name
		}
		Fail("value of type %#x", k)
	}
	heap := r.Int(33) // an index, or the short form's byte as a negative number
	name := strconv.FormatInt(heap, 10)
	if short := valueNames[byte(heap)&0x7f]; heap < 0 && short != "" {
		name = strings.TrimSuffix(short, "ref")
	}
	if k == 0x63 {
		return "(ref null " + name + ")"
	}
	return "(ref " + name + ")"
}
