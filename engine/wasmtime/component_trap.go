package wasmtime

import (
	"errors"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
)

// trapWords are what Wasmtime says of traps, which it has no numbers for in a component, by what they are here.
var trapWords = map[string]engine.TrapKind{
	"wasm `unreachable` instruction executed":       engine.TrapUnreachable,
	"out of bounds memory access":                   engine.TrapMemoryBounds,
	"call stack exhausted":                          engine.TrapStackOverflow,
	"undefined element: out of bounds table access": engine.TrapTableBounds,
	"uninitialized element":                         engine.TrapNullReference,
	"indirect call type mismatch":                   engine.TrapSignatureMismatch,
	"integer overflow":                              engine.TrapIntegerOverflow,
	"integer divide by zero":                        engine.TrapDivideByZero,
	"invalid conversion to integer":                 engine.TrapConversion,
	"unaligned atomic access":                       engine.TrapUnaligned,
	"null reference":                                engine.TrapNullReference,
	"cannot leave component instance":               engine.TrapOther,
	"cannot enter component instance":               engine.TrapOther,
}

// componentFailure is the end of a component that Wasmtime has reported by err, whose words tell whether the guest trapped.
func componentFailure(err error) error {
	message := err.Error()
	words, isTrap := strings.CutPrefix(message[max(0, strings.LastIndex(message, "wasm trap: ")):], "wasm trap: ")
	if !isTrap {
		return errors.New(message)
	}
	if kind, ok := trapWords[words]; ok && kind != engine.TrapOther {
		return &engine.TrapError{Kind: kind}
	}
	return &engine.TrapError{Kind: engine.TrapOther, Message: words}
}
