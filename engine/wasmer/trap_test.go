package wasmer

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestTrapOf(t *testing.T) {
	for _, tt := range []struct {
		text    string
		kind    engine.TrapKind
		message string
	}{
		{text: "unreachable", kind: engine.TrapUnreachable},
		{text: "out of bounds memory access", kind: engine.TrapMemoryBounds},
		{text: "undefined element: out of bounds table access", kind: engine.TrapTableBounds},
		{text: "uninitialized element", kind: engine.TrapNullReference},
		{text: "indirect call type mismatch", kind: engine.TrapSignatureMismatch},
		{text: "integer overflow", kind: engine.TrapIntegerOverflow},
		{text: "integer divide by zero", kind: engine.TrapDivideByZero},
		{text: "invalid conversion to integer", kind: engine.TrapConversion},
		{text: "call stack exhausted", kind: engine.TrapStackOverflow},
		{text: "misaligned heap", kind: engine.TrapUnaligned},
		{text: "unaligned atomic access", kind: engine.TrapUnaligned},
		{text: "out of bounds", kind: engine.TrapOther, message: "out of bounds"},
		{text: "RuntimeError occurred during linking: out of bounds memory access", kind: engine.TrapMemoryBounds},
		{text: "stopped"},
		{text: "Insufficient resources: no memory"},
		{text: "unreachable code"},
		{text: ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			in := errors.New(tt.text)
			got := trapOf(in)
			var trap *engine.TrapError
			switch {
			case tt.kind == "":
				if got != in {
					t.Errorf("got %v, want the error itself", got)
				}
			case !errors.As(got, &trap) || trap.Kind != tt.kind || trap.Message != tt.message:
				t.Errorf("got %#v, want a trap of kind %q with the message %q", got, tt.kind, tt.message)
			}
		})
	}
}
