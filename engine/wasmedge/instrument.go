package wasmedge

import (
	"bytes"
	"encoding/binary"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// The interpreter takes memory for a guest's calls without a bound, and ends the process where there is no more. It takes a
// table as large as the module says, or grows it to. And it would run native code that it finds in a custom section. So modules
// are changed before the engine sees them: functions account for what they take of a bounded stack, tables have a
// bound, and custom sections are left out.

const (
	// stackUnits bounds the guest's stack, in values of the interpreter: 32 MiB. A function takes its parameters, locals and
	// operands at their most, and frameUnits for itself.
	stackUnits = 2 << 20
	frameUnits = 8
	// uncounted is what a function that calls no other may take without being accounted for.
	uncounted = 1024

	// maxElements bounds the tables of an instance together, as on the other engines. An element takes 16 bytes.
	maxElements = 10_000_000
	maxTables   = 10_000
	// maxValues bounds the parameters and the results of a function, each, as other engines do.
	maxValues = 1_000
)

// Names of what is exported beside the guest's exports: what is left of the stack, the memory, which need not be exported, and
// the start function, to be called by name: while it instantiates the engine could neither be cancelled nor tell of its stack. A
// module with such an export of its own has two of one name, and so is not valid.
const (
	stackExport  = "wasmoci:stack"
	memoryExport = "wasmoci:memory"
	startExport  = "wasmoci:start"
)

// sections in the order that they must have.
var sections = []byte{
	wasm.SectionType, wasm.SectionImport, wasm.SectionFunction, wasm.SectionTable, wasm.SectionMemory, wasm.SectionGlobal,
	wasm.SectionExport, wasm.SectionStart, wasm.SectionElement, wasm.SectionDataCount, wasm.SectionCode, wasm.SectionData,
}

// funcType is how many values a function takes and gives.
type funcType struct{ params, results int }

// instrumenter changes one module.
type instrumenter struct {
	types     []funcType
	results   []string // of each type, as they stand in the module
	functions []uint64 // the type of each, those imported first
	imported  int      // functions
	globals   uint64   // as the module has them; the stack's is the next
	memories  uint64
	start     []uint64 // the start function, or none
	blocks    []uint64 // types added: for each the one whose results it has and which it has no parameters of
}

// instrument returns the module with its stack and tables bounded. What it cannot read is an error; whether the rest is
// valid is for the engine to say, but nothing becomes valid by it that is not.
func instrument(module []byte) (out []byte, err error) {
	defer wasm.Recover(&err)
	if err := wasm.Bounded(module); err != nil {
		return nil, err
	}
	r := wasm.Reader(module)
	if !bytes.Equal(r.Take(uint64(len(wasm.Header))), []byte(wasm.Header)) {
		wasm.Fail("no module of version 1")
	}
	var bodies [wasm.SectionTag + 1][]byte
	place := 0
	for len(r) > 0 {
		id := r.Byte()
		body := r.Take(r.Uint())
		if id == wasm.SectionCustom {
			(*wasm.Reader)(&body).Name()
			continue
		}
		i := bytes.IndexByte(sections, id)
		if i < place {
			wasm.Fail("section %d is not supported, or out of order", id)
		}
		place = i + 1
		bodies[id] = body
	}
	var m instrumenter
	m.declarations(bodies)
	code := m.code(bodies[wasm.SectionCode])
	out = make([]byte, 0, len(module)+len(module)/8)
	out = append(out, wasm.Header...)
	for _, id := range sections {
		body := bodies[id]
		switch id {
		case wasm.SectionType:
			body = m.typeSection(body)
		case wasm.SectionTable:
			body = boundTables(body)
		case wasm.SectionGlobal:
			body = m.globalSection(body)
		case wasm.SectionExport:
			body = m.exportSection(body)
		case wasm.SectionStart:
			body = nil // it is exported
		case wasm.SectionCode:
			body = code
		}
		if body != nil {
			out = binary.AppendUvarint(append(out, id), uint64(len(body)))
			out = append(out, body...)
		}
	}
	return out, nil
}

// entries calls read for each entry of a section's vector, and sees to it that there is nothing else.
func entries(section []byte, read func(r *wasm.Reader)) {
	if section == nil {
		return
	}
	r := wasm.Reader(section)
	for range r.Uint() {
		read(&r)
	}
	if len(r) > 0 {
		wasm.Fail("a section is longer than what it has")
	}
}

// declarations reads what functions are made of.
func (m *instrumenter) declarations(bodies [wasm.SectionTag + 1][]byte) {
	entries(bodies[wasm.SectionType], func(r *wasm.Reader) {
		if kind := r.Byte(); kind != 0x60 {
			wasm.Fail("type of kind %#x is not supported", kind)
		}
		var t funcType
		t.params = len(readValueTypes(r))
		results := readValueTypes(r)
		t.results = len(results)
		m.types, m.results = append(m.types, t), append(m.results, string(results))
	})
	declare := func(t uint64) {
		if t >= uint64(len(m.types)) {
			wasm.Fail("type %d does not exist", t)
		}
		m.functions = append(m.functions, t)
	}
	entries(bodies[wasm.SectionImport], func(r *wasm.Reader) {
		switch i := r.Import(); i.Kind {
		case "func":
			declare(i.Type)
		case "global":
			m.globals++
		case "memory":
			m.memories++
		case "table":
			if i.Limits.Min > maxElements {
				failTables()
			}
		}
	})
	m.imported = len(m.functions)
	entries(bodies[wasm.SectionFunction], func(r *wasm.Reader) { declare(r.Uint()) })
	entries(bodies[wasm.SectionMemory], func(r *wasm.Reader) {
		m.memories++
		r.Limits()
	})
	if start := wasm.Reader(bodies[wasm.SectionStart]); start != nil {
		f := start.Uint()
		if f >= uint64(len(m.functions)) || m.types[m.functions[f]] != (funcType{}) || len(start) > 0 {
			wasm.Fail("start function %d, which does not exist or takes or returns something", f)
		}
		m.start = []uint64{f}
	}
	entries(bodies[wasm.SectionGlobal], func(r *wasm.Reader) {
		m.globals++
		readValueType(r)
		r.Byte() // whether it is mutable
		for readInstruction(r).op != opEnd {
		}
	})
}

// readValueTypes returns a vector of value types, without its length.
func readValueTypes(r *wasm.Reader) []byte {
	n := r.Uint()
	if n > maxValues {
		wasm.Fail("a function of %d parameters or results", n)
	}
	types := r.Take(n)
	for b := wasm.Reader(types); len(b) > 0; {
		readValueType(&b)
	}
	return types
}

func (m *instrumenter) typeSection(section []byte) []byte {
	if len(m.blocks) == 0 {
		return section
	}
	r := wasm.Reader(section)
	n := r.Uint()
	out := binary.AppendUvarint(make([]byte, 0, len(section)+8), n+uint64(len(m.blocks)))
	out = append(out, r...)
	for _, t := range m.blocks {
		out = append(out, 0x60, 0)
		out = binary.AppendUvarint(out, uint64(len(m.results[t])))
		out = append(out, m.results[t]...)
	}
	return out
}

// globalSection adds the stack's global, a mutable i32.
func (m *instrumenter) globalSection(section []byte) []byte {
	r := wasm.Reader(section)
	n := uint64(0)
	if len(r) > 0 {
		n = r.Uint()
	}
	out := binary.AppendUvarint(make([]byte, 0, len(section)+16), n+1)
	out = append(append(out, r...), 0x7f, 0x01, opI32Const)
	return append(appendInt(out, stackUnits), opEnd)
}

func (m *instrumenter) exportSection(section []byte) []byte {
	entries(section, func(r *wasm.Reader) {
		r.Name()
		if kind, i := r.Byte(), r.Uint(); kind == 3 && i >= m.globals {
			wasm.Fail("global %d does not exist", i)
		}
	})
	r := wasm.Reader(section)
	n := uint64(0)
	if len(r) > 0 {
		n = r.Uint()
	}
	added := 1 + min(m.memories, 1) + uint64(len(m.start))
	out := binary.AppendUvarint(make([]byte, 0, len(section)+64), n+added)
	out = appendExport(append(out, r...), stackExport, 3, m.globals)
	if m.memories > 0 {
		out = appendExport(out, memoryExport, 2, 0)
	}
	for _, f := range m.start {
		out = appendExport(out, startExport, 0, f)
	}
	return out
}

func appendExport(out []byte, name string, kind byte, i uint64) []byte {
	out = binary.AppendUvarint(out, uint64(len(name)))
	return binary.AppendUvarint(append(append(out, name...), kind), i)
}

// boundTables gives each table a maximum.
func boundTables(section []byte) []byte {
	type table struct {
		kind          byte
		minimum, most uint64
	}
	var tables []table
	total := uint64(0)
	entries(section, func(r *wasm.Reader) {
		t := table{kind: r.Byte(), most: 1<<32 - 1}
		if t.kind != 0x70 && t.kind != 0x6f {
			wasm.Fail("a table of type %#x is not supported", t.kind)
		}
		l := r.Limits()
		if l.Shared || l.Is64 {
			wasm.Fail("a table that is shared or has 64 bits is not supported")
		}
		if t.minimum = l.Min; l.HasMax {
			t.most = l.Max
		}
		if total += t.minimum; total > maxElements || len(tables) == maxTables {
			failTables()
		}
		if t.most < t.minimum {
			wasm.Fail("a table of at least %d and at most %d elements", t.minimum, t.most)
		}
		tables = append(tables, t)
	})
	if section == nil {
		return nil
	}
	out := binary.AppendUvarint(nil, uint64(len(tables)))
	for _, t := range tables {
		out = binary.AppendUvarint(append(out, t.kind, 1), t.minimum)
		out = binary.AppendUvarint(out, min(t.most, t.minimum+(maxElements-total)/uint64(len(tables))))
	}
	return out
}

func failTables() {
	wasm.Fail("more than %d tables, or tables of more than %d elements", maxTables, maxElements)
}

// code returns the code section with functions that account for the stack.
func (m *instrumenter) code(section []byte) []byte {
	if section == nil {
		if len(m.functions) > m.imported {
			wasm.Fail("functions without code")
		}
		return nil
	}
	out := make([]byte, 0, len(section)+len(section)/8)
	f := m.imported
	r := wasm.Reader(section)
	n := r.Uint()
	if n != uint64(len(m.functions)-m.imported) {
		wasm.Fail("%d functions, and code for %d", len(m.functions)-m.imported, n)
	}
	out = binary.AppendUvarint(out, n)
	var b body
	for range n {
		size := r.Uint()
		out = b.append(out, m, m.functions[f], r.Take(size))
		f++
	}
	if len(r) > 0 {
		wasm.Fail("the code section is longer than what it has")
	}
	return out
}

// body changes the bodies of functions, one after the other.
type body struct {
	scopes []scope
	out    []byte
}

// scope is a block that has begun: the height of the operand stack below it, and at its end.
type scope struct {
	base, params, results int
	dead                  bool // no code comes to what follows
}

// append appends a function of type t, with its size.
func (b *body) append(out []byte, m *instrumenter, t uint64, code []byte) []byte {
	r := wasm.Reader(code)
	units := frameUnits + m.types[t].params + int(r.Locals())
	locals := code[:len(code)-len(r)]
	does := b.measure(m, t, r)
	units += does.height
	if !does.call && units <= uncounted {
		out = binary.AppendUvarint(out, uint64(len(code)))
		return append(out, code...)
	}
	stack := int64(min(units, 1<<30))
	b.out = append(b.out[:0], locals...)
	b.take(m.globals, stack, opI32Sub)
	b.out = append(binary.AppendUvarint(append(b.out, opGlobalGet), m.globals), opI32Const, 0, opI32LtS, opIf, blockEmpty, opUnreachable, opEnd)
	if does.branch {
		b.out = m.appendBlockType(append(b.out, opBlock), t)
	}
	b.rewrite(m.globals, stack, r)
	if does.branch {
		b.out = append(b.out, opEnd)
	}
	b.take(m.globals, stack, opI32Add)
	b.out = append(b.out, opEnd)
	out = binary.AppendUvarint(out, uint64(len(b.out)))
	return append(out, b.out...)
}

// take appends what adds units to the stack's global, or subtracts them.
func (b *body) take(global uint64, units int64, op byte) {
	b.out = binary.AppendUvarint(append(b.out, opGlobalGet), global)
	b.out = append(appendInt(append(b.out, opI32Const), units), op, opGlobalSet)
	b.out = binary.AppendUvarint(b.out, global)
}

// appendBlockType appends the type of a block that takes nothing and gives what a function of type t does. What branches to
// the function then leaves that block.
func (m *instrumenter) appendBlockType(out []byte, t uint64) []byte {
	switch results := m.results[t]; len(results) {
	case 0:
		return append(out, blockEmpty)
	case 1:
		return append(out, results[0])
	default:
		if m.types[t].params == 0 {
			return appendInt(out, int64(t))
		}
		for i, other := range m.blocks {
			if m.results[other] == results {
				return appendInt(out, int64(len(m.types)+i))
			}
		}
		m.blocks = append(m.blocks, t)
		return appendInt(out, int64(len(m.types)+len(m.blocks)-1))
	}
}

// deeds is what a function does that its changes depend on.
type deeds struct {
	height int  // of the operand stack, at most
	call   bool // it calls functions
	branch bool // a branch leaves it: one to the function itself
}

// measure reads the instructions of a function.
func (b *body) measure(m *instrumenter, t uint64, r wasm.Reader) (does deeds) {
	b.scopes = append(b.scopes[:0], scope{results: m.types[t].results})
	height := 0
	typeAt := func(i uint64) funcType {
		if i >= uint64(len(m.types)) {
			wasm.Fail("type %d does not exist", i)
		}
		return m.types[i]
	}
	function := func(i uint64) funcType {
		if i >= uint64(len(m.functions)) {
			wasm.Fail("function %d does not exist", i)
		}
		return m.types[m.functions[i]]
	}
	for len(b.scopes) > 0 {
		in := readInstruction(&r)
		top := &b.scopes[len(b.scopes)-1]
		height += in.delta
		switch in.op {
		case opBlock, opLoop, opIf:
			if in.op == opIf {
				height--
			}
			var t funcType
			switch {
			case in.typed:
				t = typeAt(in.index)
			case in.value:
				t.results = 1
			}
			height = max(height, top.base+t.params)
			b.scopes = append(b.scopes, scope{height - t.params, t.params, t.results, top.dead})
		case opElse:
			height, top.dead = top.base+top.params, len(b.scopes) > 1 && b.scopes[len(b.scopes)-2].dead
		case opEnd:
			if height < top.base+top.results && !top.dead {
				wasm.Fail("a block of %d results ends with %d", top.results, height-top.base)
			}
			height = top.base + top.results
			b.scopes = b.scopes[:len(b.scopes)-1]
			if len(b.scopes) == 0 {
				break
			}
			top = &b.scopes[len(b.scopes)-1]
		case opBr, opBrIf, opBrTable:
			does.branch = does.branch || in.index >= uint64(len(b.scopes)-1)
			if in.op != opBrIf {
				height, top.dead = top.base, true
			}
		case opUnreachable, opReturn:
			height, top.dead = top.base, true
		case opCall, opCallIndirect:
			does.call = true
			t := function
			if in.op == opCallIndirect {
				t = typeAt
			}
			height = max(height-t(in.index).params, top.base) + t(in.index).results
		case opReturnCall, opReturnCallIndirect:
			does.call = true
			if in.op == opReturnCall {
				function(in.index)
			} else {
				typeAt(in.index)
			}
			height, top.dead = top.base, true
		case opGlobalGet, opGlobalSet:
			if in.index >= m.globals {
				wasm.Fail("global %d does not exist", in.index)
			}
		}
		if len(b.scopes) > 0 {
			height = max(height, top.base) // less can only be where no code comes to
		}
		does.height = max(does.height, height)
	}
	if len(r) > 0 {
		wasm.Fail("code after the end of a function")
	}
	return does
}

// rewrite appends the instructions of a function up to its end: what leaves it gives back before what the function has taken.
func (b *body) rewrite(global uint64, units int64, r wasm.Reader) {
	copied := r
	for depth := 1; depth > 0; {
		before := r
		switch readInstruction(&r).op {
		case opBlock, opLoop, opIf:
			depth++
		case opEnd:
			depth--
		case opReturn, opReturnCall, opReturnCallIndirect:
			b.out = append(b.out, copied[:len(copied)-len(before)]...)
			copied = before
			b.take(global, units, opI32Add)
		}
	}
	b.out = append(b.out, copied[:len(copied)-1]...)
}

// appendInt appends a signed LEB128 number.
func appendInt(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
