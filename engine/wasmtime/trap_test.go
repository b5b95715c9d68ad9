package wasmtime

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestFailure(t *testing.T) {
	trace := []frame{{"inner", 3, 0x1f}, {"", 2, 0x2a}}
	const backtrace = "inner at 0x1f\nfunction 2 at 0x2a"
	const before = "error while executing at wasm backtrace:\n    0:   0x1f - <unknown>!inner\n    1:   0x2a - <unknown>!<wasm function 2>"
	const after = "\n\nStack backtrace:\n   0: wasmtime_func_call\n             at /somewhere/func.rs:1\n   1: main"
	for _, tt := range []struct {
		name    string
		failure failure
		kind    engine.TrapKind // "" for what is no trap
		message string
	}{
		{"stack", failure{trap: true, code: 0}, engine.TrapStackOverflow, ""},
		{"memory", failure{trap: true, code: 1}, engine.TrapMemoryBounds, ""},
		{"unaligned", failure{trap: true, code: 2}, engine.TrapUnaligned, ""},
		{"table", failure{trap: true, code: 3}, engine.TrapTableBounds, ""},
		{"null element", failure{trap: true, code: 4}, engine.TrapNullReference, ""},
		{"type", failure{trap: true, code: 5}, engine.TrapSignatureMismatch, ""},
		{"overflow", failure{trap: true, code: 6}, engine.TrapIntegerOverflow, ""},
		{"zero", failure{trap: true, code: 7}, engine.TrapDivideByZero, ""},
		{"conversion", failure{trap: true, code: 8}, engine.TrapConversion, ""},
		{"unreachable", failure{trap: true, code: 9, message: before + "\n\nCaused by:\n    wasm trap: wasm `unreachable` instruction executed" + after}, engine.TrapUnreachable, ""},
		{"null", failure{trap: true, code: 13}, engine.TrapNullReference, ""},
		{
			"of another number",
			failure{trap: true, code: 99, message: before + "\n\nCaused by:\n    wasm trap: something new" + after},
			engine.TrapOther, "something new",
		},
		{"without a number", failure{trap: true, code: -1, message: "something new"}, engine.TrapOther, "something new"},
		{"no trap", failure{code: -1, message: "failed to reserve memory" + after}, "", "failed to reserve memory"},
		{
			"no trap, for reasons",
			failure{code: -1, message: "cannot make it\n\nCaused by:\n    0: because of this\n    1: because of that: 12: x" + after},
			"", "cannot make it: because of this: because of that: 12: x",
		},
		{
			"of several lines",
			failure{code: -1, message: "expected a i32\n     --> <anon>:1:43\n      |"},
			"", "expected a i32\n     --> <anon>:1:43\n      |",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.failure.trace = trace
			err := tt.failure.err()
			var trap *engine.TrapError
			if tt.kind == "" {
				if errors.As(err, &trap) || err.Error() != tt.message {
					t.Errorf("got %T %q, want %q and no trap", err, err, tt.message)
				}
				return
			}
			if !errors.As(err, &trap) || !errors.Is(err, tt.kind) {
				t.Fatalf("got %#v, want a trap of kind %q", err, tt.kind)
			}
			if trap.Message != tt.message || trap.Backtrace != backtrace {
				t.Errorf("message %q, backtrace %q; want %q, %q", trap.Message, trap.Backtrace, tt.message, backtrace)
			}
		})
	}
}
