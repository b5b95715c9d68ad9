package wasmer

import (
	"strings"

	"github.com/wasmoci/wasmoci/engine"
)

// traps is what libwasmer says when WebAssembly cannot go on. Its C interface has no codes for it.
var traps = map[string]engine.TrapKind{
	"unreachable":                                   engine.TrapUnreachable,
	"out of bounds memory access":                   engine.TrapMemoryBounds,
	"undefined element: out of bounds table access": engine.TrapTableBounds,
	"uninitialized element":                         engine.TrapNullReference,
	"indirect call type mismatch":                   engine.TrapSignatureMismatch,
	"integer overflow":                              engine.TrapIntegerOverflow,
	"integer divide by zero":                        engine.TrapDivideByZero,
	"invalid conversion to integer":                 engine.TrapConversion,
	"call stack exhausted":                          engine.TrapStackOverflow,
	"misaligned heap":                               engine.TrapUnaligned,
	"unaligned atomic access":                       engine.TrapUnaligned,
	"out of bounds":                                 engine.TrapOther,
}

// trapOf reads an error of libwasmer's: a *engine.TrapError, or err itself where it is none.
func trapOf(err error) error {
	text := strings.TrimPrefix(err.Error(), "RuntimeError occurred during linking: ")
	kind, ok := traps[text]
	switch {
	case !ok:
		return err
	case kind == engine.TrapOther:
		return &engine.TrapError{Kind: kind, Message: text}
	}
	return &engine.TrapError{Kind: kind}
}
