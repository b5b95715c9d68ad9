package wazero

import (
	"strings"

	"github.com/wasmoci/wasmoci/engine"
)

// What wazero says when WebAssembly cannot go on. Its error values are internal, so the text has to do.
var traps = map[string]engine.TrapKind{
	"unreachable":                   engine.TrapUnreachable,
	"out of bounds memory access":   engine.TrapMemoryBounds,
	"invalid table access":          engine.TrapTableBounds,
	"indirect call type mismatch":   engine.TrapSignatureMismatch,
	"integer overflow":              engine.TrapIntegerOverflow,
	"integer divide by zero":        engine.TrapDivideByZero,
	"invalid conversion to integer": engine.TrapConversion,
	"stack overflow":                engine.TrapStackOverflow,
	"unaligned atomic":              engine.TrapUnaligned,
	"uncaught exception":            engine.TrapException,
	"null reference":                engine.TrapNullReference,
	"expected shared memory":        engine.TrapOther,
	"too many waiters":              engine.TrapOther,
}

// trapOf reads an error of wazero's: a *engine.TrapError, or err itself where it is none.
func trapOf(err error) error {
	text, trace, _ := strings.Cut(err.Error(), "\nwasm stack trace:\n")
	var lines []string
	for line := range strings.SplitSeq(trace, "\n") {
		if line = strings.TrimSpace(line); line == "" { // after an empty line comes the host's own trace
			break
		}
		lines = append(lines, line)
	}
	backtrace := strings.Join(lines, "\n")
	if _, reason, ok := strings.Cut(text, "wasm error: "); ok {
		if kind, ok := traps[reason]; ok && kind != engine.TrapOther {
			return &engine.TrapError{Kind: kind, Backtrace: backtrace}
		}
		return &engine.TrapError{Kind: engine.TrapOther, Message: reason, Backtrace: backtrace}
	}
	if text == "stack overflow" { // said without the rest, and without a trace
		return &engine.TrapError{Kind: engine.TrapStackOverflow}
	}
	// A segment that does not fit traps while the module is instantiated (core specification, 4.5.4).
	if strings.HasPrefix(text, "data[") && strings.HasSuffix(text, "out of bounds memory access") {
		return &engine.TrapError{Kind: engine.TrapMemoryBounds, Message: text}
	}
	if strings.HasPrefix(text, "element[") && strings.HasSuffix(text, "exceeds min table size") {
		return &engine.TrapError{Kind: engine.TrapTableBounds, Message: text}
	}
	return err
}
