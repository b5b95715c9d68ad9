package wasmtime

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
)

// failure is an error or a trap of Wasmtime's, copied out of C.
type failure struct {
	trap    bool
	code    int // of a trap; -1 where Wasmtime has none
	message string
	trace   []frame // innermost first
}

type frame struct {
	function string // from the name section; "" without one
	index    uint32
	offset   uint64 // into the module
}

// kinds are the numbers of wasmtime_trap_code_t that a core module can meet, by what they are here.
var kinds = map[int]engine.TrapKind{
	0:  engine.TrapStackOverflow,
	1:  engine.TrapMemoryBounds,
	2:  engine.TrapUnaligned,
	3:  engine.TrapTableBounds,
	4:  engine.TrapNullReference, // a table's empty element
	5:  engine.TrapSignatureMismatch,
	6:  engine.TrapIntegerOverflow,
	7:  engine.TrapDivideByZero,
	8:  engine.TrapConversion,
	9:  engine.TrapUnreachable,
	13: engine.TrapNullReference,
}

// err is the failure as the engine's callers see it: a *engine.TrapError, or Wasmtime's words.
func (f *failure) err() error {
	message := words(f.message)
	if !f.trap {
		return errors.New(message)
	}
	t := &engine.TrapError{Kind: engine.TrapOther, Message: strings.TrimPrefix(message, "wasm trap: "), Backtrace: f.backtrace()}
	if kind, ok := kinds[f.code]; ok {
		t.Kind, t.Message = kind, ""
	}
	return t
}

func (f *failure) backtrace() string {
	var b strings.Builder
	for i, at := range f.trace {
		if i > 0 {
			b.WriteByte('\n')
		}
		name := at.function
		if name == "" {
			name = fmt.Sprintf("function %d", at.index)
		}
		fmt.Fprintf(&b, "%s at 0x%x", name, at.offset)
	}
	return b.String()
}

// words are a message of Wasmtime's without what it adds for its own developers: a backtrace of the guest before the reason, which
// [engine.TrapError] has in a field of its own, and one of Wasmtime itself after it, where the process's environment asks for that.
func words(message string) string {
	message, _, _ = strings.Cut(message, "\n\nStack backtrace:\n")
	context, causes, has := strings.Cut(message, "\n\nCaused by:\n")
	if !has {
		return strings.TrimSpace(message)
	}
	var parts []string
	if !strings.HasPrefix(context, "error while executing at wasm backtrace:") {
		parts = append(parts, strings.TrimSpace(context))
	}
	for line := range strings.Lines(causes) {
		line = strings.TrimSpace(line)
		if number, rest, ok := strings.Cut(line, ": "); ok && strings.Trim(number, "0123456789") == "" {
			line = rest
		}
		if line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, ": ")
}
