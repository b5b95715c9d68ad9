package wasmtime

import (
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
}

// componentFailure is the end of a component that Wasmtime has reported by err. Once the guest has begun it is always a trap: of
// its own, or because it passed what the canonical ABI does not take.
func componentFailure(err error, begun bool) error {
	message := err.Error()
	if at := strings.LastIndex(message, trapPrefix); at >= 0 {
		message = message[at+len(trapPrefix):]
	} else if !begun {
		return err
	}
	if kind, ok := trapWords[message]; ok {
		return &engine.TrapError{Kind: kind}
	}
	return &engine.TrapError{Kind: engine.TrapOther, Message: message}
}

const trapPrefix = "wasm trap: "
