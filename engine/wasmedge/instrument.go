package wasmedge

import (
	"encoding/binary"
	"slices"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// The interpreter takes memory for a guest's calls without a bound, and ends the process where there is no more. It takes a
// table as large as the module says, or grows it to. And it would run native code that it finds in a custom section. So modules
// are changed before the engine sees them: functions account for what they take of a bounded stack, tables have a
// bound, and custom sections are left out. Where modules are compiled the stack is a thread's, whose end is found without
// accounts (native.go), and a function is added by which the guest is entered.

const (
	// stackUnits bounds the guest's stack, in values of the interpreter: 32 MiB. A function takes its parameters, locals and
	// operands at their most, and frameUnits for itself.
	stackUnits = 2 << 20
	frameUnits = 8
	// uncounted is what a function that calls no other may take without being accounted for.
	uncounted = 1024

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

// Names in a module that is to be compiled: a function that calls what is in a table of one element.
const (
	enterExport = "wasmoci:enter"
	hostExport  = "wasmoci:host"
)

// instrumenter changes one module.
type instrumenter struct {
	types     []wasm.FuncType
	functions []uint64 // the type of each, those imported first
	imported  int      // functions
	globals   uint64   // as the module has them; the stack's is the next
	memories  uint64
	tables    uint64
	start     []uint64 // the start function, or none
	blocks    []uint64 // types added: for each the one whose results it has and which it has no parameters of
}

// instrument returns the module with its stack and tables bounded, for the interpreter. What it cannot read is an error; whether
// the rest is valid is for the engine to say, but nothing becomes valid by it that is not.
func instrument(module []byte) (out []byte, err error) {
	defer wasm.Recover(&err)
	m, sections, err := newInstrumenter(module)
	if err != nil {
		return nil, err
	}
	m.code(sections)
	if len(m.blocks) > 0 {
		m.addTypes(sections.Find(wasm.SectionType))
	}
	globals := sections.Make(wasm.SectionGlobal)
	stack := append(wasm.AppendInt([]byte{0x7f, 0x01, wasm.OpI32Const}, stackUnits), wasm.OpEnd) // a mutable i32
	globals.Body = wasm.Extend(globals.Body, 1, stack)
	m.addExports(&sections, appendExport(nil, stackExport, 3, m.globals))
	return sections.Module(), nil
}

// newInstrumenter reads a module, bounds its tables, and leaves out what it is to have no more: custom sections, and the start function,
// which [instrumenter.addExports] exports. It panics as a [wasm.Reader] does.
func newInstrumenter(module []byte) (*instrumenter, wasm.Sections, error) {
	if err := wasm.Bounded(module); err != nil {
		return nil, nil, err
	}
	sections := slices.DeleteFunc(wasm.Split(module), func(s wasm.Section) bool { return s.ID == wasm.SectionCustom })
	if sections.Find(wasm.SectionTag) != nil {
		wasm.Fail("tags are not supported")
	}
	m := &instrumenter{}
	m.declarations(sections)
	if tables := sections.Find(wasm.SectionTable); tables != nil {
		tables.Body = wasm.BoundTables(tables.Body)
	}
	return m, slices.DeleteFunc(sections, func(s wasm.Section) bool { return s.ID == wasm.SectionStart }), nil
}

// declarations reads what functions are made of.
func (m *instrumenter) declarations(sections wasm.Sections) {
	sections.Each(wasm.SectionType, func(r *wasm.Reader) {
		t := r.FuncType()
		if n := max(len(t.Params), len(t.Results)); n > maxValues {
			wasm.Fail("a function of %d parameters or results", n)
		}
		m.types = append(m.types, t)
	})
	declare := func(t uint64) {
		if t >= uint64(len(m.types)) {
			wasm.Fail("type %d does not exist", t)
		}
		m.functions = append(m.functions, t)
	}
	sections.Each(wasm.SectionImport, func(r *wasm.Reader) {
		switch i := r.Import(); i.Kind {
		case "func":
			declare(i.Type)
		case "global":
			m.globals++
		case "memory":
			m.memories++
		case "table":
			m.tables++
			if i.Limits.Min > wasm.MaxElements {
				wasm.Fail("it imports a table of more than %d elements", wasm.MaxElements)
			}
		}
	})
	m.imported = len(m.functions)
	sections.Each(wasm.SectionFunction, func(r *wasm.Reader) { declare(r.Uint()) })
	sections.Each(wasm.SectionTable, func(r *wasm.Reader) {
		m.tables++
		r.ValueType()
		r.Limits()
	})
	sections.Each(wasm.SectionMemory, func(r *wasm.Reader) {
		m.memories++
		r.Limits()
	})
	sections.Each(wasm.SectionGlobal, func(r *wasm.Reader) {
		m.globals++
		r.ValueType()
		r.Byte() // whether it is mutable
		for r.Instruction().Op != wasm.OpEnd {
		}
	})
	sections.Each(wasm.SectionExport, func(r *wasm.Reader) {
		r.Name()
		if kind, i := r.Byte(), r.Uint(); kind == 3 && i >= m.globals {
			wasm.Fail("global %d does not exist", i)
		}
	})
	if start := sections.Find(wasm.SectionStart); start != nil {
		r := wasm.Reader(start.Body)
		f := r.Uint()
		if f >= uint64(len(m.functions)) || m.types[m.functions[f]] != (wasm.FuncType{}) {
			wasm.Fail("start function %d, which does not exist or takes or returns something", f)
		}
		r.End()
		m.start = []uint64{f}
	}
}

func (m *instrumenter) addTypes(section *wasm.Section) {
	var added []byte
	for _, t := range m.blocks {
		added = wasm.AppendSized(append(added, 0x60, 0), m.types[t].Results)
	}
	section.Body = wasm.Extend(section.Body, uint64(len(m.blocks)), added)
}

// addExports adds to the exports those given, the memory, and the start function.
func (m *instrumenter) addExports(sections *wasm.Sections, exports ...[]byte) {
	if m.memories > 0 {
		exports = append(exports, appendExport(nil, memoryExport, 2, 0))
	}
	for _, f := range m.start {
		exports = append(exports, appendExport(nil, startExport, 0, f))
	}
	section := sections.Make(wasm.SectionExport)
	section.Body = wasm.Extend(section.Body, uint64(len(exports)), slices.Concat(exports...))
}

func appendExport(out []byte, name string, kind byte, i uint64) []byte {
	return wasm.AppendOp(wasm.AppendSized(out, name), kind, i)
}

// code makes functions account for the stack.
func (m *instrumenter) code(sections wasm.Sections) {
	section := sections.Find(wasm.SectionCode)
	if section == nil {
		if len(m.functions) > m.imported {
			wasm.Fail("functions without code")
		}
		return
	}
	r := wasm.Reader(section.Body)
	n := r.Uint()
	if n != uint64(len(m.functions)-m.imported) {
		wasm.Fail("%d functions, and code for %d", len(m.functions)-m.imported, n)
	}
	out := binary.AppendUvarint(make([]byte, 0, len(r)+len(r)/8), n)
	var b body
	for _, t := range m.functions[m.imported:] {
		out = b.append(out, m, t, r.Take(r.Uint()))
	}
	r.End()
	section.Body = out
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
	units := frameUnits + len(m.types[t].Params) + int(r.Locals())
	locals := code[:len(code)-len(r)]
	does := b.measure(m, t, r)
	units += does.height
	if !does.call && units <= uncounted {
		return wasm.AppendSized(out, code)
	}
	stack := int64(min(units, 1<<30))
	b.out = append(b.out[:0], locals...)
	b.take(m.globals, stack, wasm.OpI32Sub)
	b.out = append(wasm.AppendOp(b.out, wasm.OpGlobalGet, m.globals), wasm.OpI32Const, 0, wasm.OpI32LtS, wasm.OpIf, wasm.BlockEmpty, wasm.OpUnreachable, wasm.OpEnd)
	if does.branch {
		b.out = m.appendBlockType(append(b.out, wasm.OpBlock), t)
	}
	b.rewrite(m.globals, stack, r)
	if does.branch {
		b.out = append(b.out, wasm.OpEnd)
	}
	b.take(m.globals, stack, wasm.OpI32Add)
	b.out = append(b.out, wasm.OpEnd)
	return wasm.AppendSized(out, b.out)
}

// take appends what adds units to the stack's global, or subtracts them.
func (b *body) take(global uint64, units int64, op byte) {
	b.out = wasm.AppendInt(append(wasm.AppendOp(b.out, wasm.OpGlobalGet, global), wasm.OpI32Const), units)
	b.out = wasm.AppendOp(append(b.out, op), wasm.OpGlobalSet, global)
}

// appendBlockType appends the type of a block that takes nothing and gives what a function of type t does. What branches to
// the function then leaves that block.
func (m *instrumenter) appendBlockType(out []byte, t uint64) []byte {
	switch results := m.types[t].Results; len(results) {
	case 0:
		return append(out, wasm.BlockEmpty)
	case 1:
		return append(out, results[0])
	default:
		if m.types[t].Params == "" {
			return wasm.AppendInt(out, int64(t))
		}
		for i, other := range m.blocks {
			if m.types[other].Results == results {
				return wasm.AppendInt(out, int64(len(m.types)+i))
			}
		}
		m.blocks = append(m.blocks, t)
		return wasm.AppendInt(out, int64(len(m.types)+len(m.blocks)-1))
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
	b.scopes = append(b.scopes[:0], scope{results: len(m.types[t].Results)})
	height := 0
	typeAt := func(i uint64) wasm.FuncType {
		if i >= uint64(len(m.types)) {
			wasm.Fail("type %d does not exist", i)
		}
		return m.types[i]
	}
	function := func(i uint64) wasm.FuncType {
		if i >= uint64(len(m.functions)) {
			wasm.Fail("function %d does not exist", i)
		}
		return m.types[m.functions[i]]
	}
	for len(b.scopes) > 0 {
		in := r.Instruction()
		top := &b.scopes[len(b.scopes)-1]
		height += int(in.Delta)
		switch in.Op {
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			if in.Op == wasm.OpIf {
				height--
			}
			params, results := 0, 0
			switch {
			case in.Typed:
				t := typeAt(in.Index)
				params, results = len(t.Params), len(t.Results)
			case in.Value:
				results = 1
			}
			height = max(height, top.base+params)
			b.scopes = append(b.scopes, scope{height - params, params, results, top.dead})
		case wasm.OpElse:
			height, top.dead = top.base+top.params, len(b.scopes) > 1 && b.scopes[len(b.scopes)-2].dead
		case wasm.OpEnd:
			if height < top.base+top.results && !top.dead {
				wasm.Fail("a block of %d results ends with %d", top.results, height-top.base)
			}
			height = top.base + top.results
			b.scopes = b.scopes[:len(b.scopes)-1]
			if len(b.scopes) == 0 {
				break
			}
			top = &b.scopes[len(b.scopes)-1]
		case wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable:
			does.branch = does.branch || in.Index >= uint64(len(b.scopes)-1)
			if in.Op != wasm.OpBrIf {
				height, top.dead = top.base, true
			}
		case wasm.OpUnreachable, wasm.OpReturn:
			height, top.dead = top.base, true
		case wasm.OpCall, wasm.OpCallIndirect:
			does.call = true
			callee := function
			if in.Op == wasm.OpCallIndirect {
				callee = typeAt
			}
			t := callee(in.Index)
			height = max(height-len(t.Params), top.base) + len(t.Results)
		case wasm.OpReturnCall, wasm.OpReturnCallIndirect:
			does.call = true
			if in.Op == wasm.OpReturnCall {
				function(in.Index)
			} else {
				typeAt(in.Index)
			}
			height, top.dead = top.base, true
		case wasm.OpGlobalGet, wasm.OpGlobalSet:
			if in.Index >= m.globals {
				wasm.Fail("global %d does not exist", in.Index)
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
	start := r
	copied := 0
	for depth := 1; depth > 0; {
		at := len(start) - len(r)
		switch r.Instruction().Op {
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			depth++
		case wasm.OpEnd:
			depth--
		case wasm.OpReturn, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
			b.out = append(b.out, start[copied:at]...)
			copied = at
			b.take(global, units, wasm.OpI32Add)
		}
	}
	b.out = append(b.out, start[copied:len(start)-1]...)
}
