package wasmedge

import (
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
)

// traps are the engine's results of code that WebAssembly stopped (its enum_errcode.h).
var traps = map[uint32]engine.TrapKind{
	0x303: engine.TrapMemoryBounds, // a data segment does not fit (core specification, 4.5.4)
	0x304: engine.TrapTableBounds,  // an element segment does not
	0x404: engine.TrapDivideByZero,
	0x405: engine.TrapIntegerOverflow,
	0x406: engine.TrapConversion,
	0x407: engine.TrapTableBounds,
	0x408: engine.TrapMemoryBounds,
	0x40a: engine.TrapUnreachable,
	0x40b: engine.TrapNullReference, // an element that was never set
	0x40c: engine.TrapTableBounds,   // an element beyond the table
	0x40d: engine.TrapSignatureMismatch,
	0x413: engine.TrapNullReference,
}

// executing is what the results of execution, which are traps, begin with.
const executing = 0x4

// trapOf returns the error for the result of a run: a *engine.TrapError, or another error where the engine says something that
// no guest is at fault for. overflowed says that the guest has used up its stack, which ends in an instruction like any other, or
// in memory that there is not.
func trapOf(code uint32, message string, overflowed bool) error {
	if overflowed && (code == 0x40a || code == 0x408) {
		return &engine.TrapError{Kind: engine.TrapStackOverflow}
	}
	if kind, ok := traps[code]; ok {
		return &engine.TrapError{Kind: kind}
	}
	if code>>8 == executing {
		return &engine.TrapError{Kind: engine.TrapOther, Message: message}
	}
	return fmt.Errorf("%s (%#x)", message, code)
}
