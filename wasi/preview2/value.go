package preview2

// Value is a value of the component model (Component Model, "Canonical ABI"): bool, uint8, uint32, uint64, string, []byte for
// list<u8>, or one of the types below.
type Value any

// List is a list of anything but u8, and as an argument also an empty one of u8: values do not say what they have none of.
type List []Value

// bytesOf is an argument of type list<u8>.
func bytesOf(v Value) []byte {
	b, _ := v.([]byte)
	return b
}

// Tuple is a tuple.
type Tuple []Value

// Record is a record, with its fields in the order of their declaration.
type Record []Field

// Field is a field of a [Record].
type Field struct {
	Name  string
	Value Value
}

// Enum is a case of an enum.
type Enum string

// Flags are the names of those flags that are set.
type Flags []string

// Variant is a case of a variant. Value is nil for a case without one.
type Variant struct {
	Case  string
	Value Value
}

// Option is an option; with a nil Value it is none.
type Option struct{ Value Value }

// Result is a result. Value is nil where its type has none for that side.
type Result struct {
	Err   bool
	Value Value
}

// Resource is a handle of one of [ResourceTypes].
type Resource struct {
	Type uint32 // index into [ResourceTypes]
	Rep  uint32 // what the host knows it by
}
