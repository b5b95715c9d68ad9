package wasm

// MaxLocals is how many locals a function may have: what browsers and the other engines allow. All functions together may
// have one for each byte of the module, which is more than code can make use of, and manyLocals.
const (
	MaxLocals  = 50_000
	manyLocals = 1_000_000
)

// Bounded refuses a module of WebAssembly 2.0 that says it has more of something than it has bytes for. Decoders make room
// for what a module says before they look for it: a dozen bytes are enough to ask for gigabytes. It looks at everything but
// the instructions of functions. What it accepts need not be valid.
func Bounded(wasm []byte) (err error) {
	defer Recover(&err)
	locals := uint64(0)
	for _, s := range Split(wasm) {
		body := Reader(s.Body)
		switch s.ID {
		case SectionCustom:
			if body.Name() == "name" {
				body.names()
			}
		case SectionType:
			for range body.count() {
				body.recursive(nil)
			}
		case SectionImport:
			for range body.count() {
				body.Import()
			}
		case SectionFunction:
			for range body.count() {
				body.Uint()
			}
		case SectionTable:
			for range body.count() {
				body.typeName()
				body.Limits()
			}
		case SectionMemory:
			for range body.count() {
				body.Limits()
			}
		case SectionGlobal:
			for range body.count() {
				body.typeName()
				body.Byte()
				body.constant()
			}
		case SectionExport:
			for range body.count() {
				body.Name()
				body.externKind()
				body.Uint()
			}
		case SectionElement:
			for range body.count() {
				body.element()
			}
		case SectionCode:
			for range body.count() {
				code := Reader(body.Take(body.Uint()))
				if locals += code.Locals(); locals > manyLocals+uint64(len(wasm)) {
					Fail("its functions have more locals than it has bytes")
				}
			}
		case SectionData:
			for range body.count() {
				switch kind := body.Uint(); kind {
				case 0:
					body.constant()
				case 1:
				case 2:
					body.Uint()
					body.constant()
				default:
					Fail("data segment of kind %d", kind)
				}
				body.Take(body.Uint())
			}
		case SectionTag:
			for range body.count() {
				body.Byte()
				body.Uint()
			}
		}
	}
	return nil
}

// count reads how many of something follow, each of which takes a byte at least.
func (r *Reader) count() uint64 {
	n := r.Uint()
	if n > uint64(len(*r)) {
		Fail("it says that %d of something follow, in %d bytes", n, len(*r))
	}
	return n
}

// Locals reads the declarations that a function's code begins with, and returns how many they are, parameters left out.
func (r *Reader) Locals() uint64 {
	total := uint64(0)
	for range r.count() {
		total += r.Uint()
		r.typeName()
		if total > MaxLocals {
			Fail("a function has more than %d locals", MaxLocals)
		}
	}
	return total
}

// element reads an element segment (core specification, 5.5.12).
func (r *Reader) element() {
	flags := r.Uint()
	if flags > 7 {
		Fail("element segment of kind %d", flags)
	}
	passive, explicit, expressions := flags&1 != 0, flags&2 != 0, flags&4 != 0
	if !passive {
		if explicit {
			r.Uint()
		}
		r.constant()
	}
	if passive || explicit {
		r.Byte() // what the elements are
	}
	for range r.count() {
		if expressions {
			r.constant()
		} else {
			r.Uint()
		}
	}
}

// constant reads a constant expression (core specification, 3.3.10), with extended-const.
func (r *Reader) constant() {
	for {
		switch in := r.Instruction(); in.Op {
		case OpEnd:
			return
		case OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpV128Const, OpGlobalGet, OpRefNull, OpRefFunc,
			OpI32Add, OpI32Sub, OpI32Mul, OpI64Add, OpI64Sub, OpI64Mul: // these of extended-const
		default:
			Fail("an expression is not constant: instruction %#x", in.Op)
		}
	}
}

// names reads a name section (core specification, 7.4.1): names of the module, of functions and of locals. Others are
// skipped.
func (r *Reader) names() {
	for len(*r) > 0 {
		kind := r.Byte()
		body := Reader(r.Take(r.Uint()))
		switch kind {
		case 0:
			body.Name()
		case 1:
			body.nameMap()
		case 2:
			for range body.count() {
				body.Uint()
				body.nameMap()
			}
		}
		if kind <= 2 && len(body) != 0 {
			Fail("its names take %d bytes less than they say", len(body))
		}
	}
}

func (r *Reader) nameMap() {
	for range r.count() {
		r.Uint()
		r.Name()
	}
}
