package wazero

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestTrapOf(t *testing.T) {
	const stack = "\nwasm stack trace:\n\t.inner(i32)\n\t.outer() i32"
	for _, tt := range []struct {
		name, text string
		kind       engine.TrapKind
		message    string
		backtrace  string
	}{
		{name: "plain", text: "wasm error: unreachable" + stack, kind: engine.TrapUnreachable, backtrace: ".inner(i32)\n.outer() i32"},
		{name: "memory", text: "wasm error: out of bounds memory access" + stack, kind: engine.TrapMemoryBounds, backtrace: ".inner(i32)\n.outer() i32"},
		{name: "table", text: "wasm error: invalid table access", kind: engine.TrapTableBounds},
		{name: "type", text: "wasm error: indirect call type mismatch", kind: engine.TrapSignatureMismatch},
		{name: "overflow", text: "wasm error: integer overflow", kind: engine.TrapIntegerOverflow},
		{name: "zero", text: "wasm error: integer divide by zero", kind: engine.TrapDivideByZero},
		{name: "conversion", text: "wasm error: invalid conversion to integer", kind: engine.TrapConversion},
		{name: "stack", text: "stack overflow", kind: engine.TrapStackOverflow},
		{name: "stack, said in full", text: "wasm error: stack overflow", kind: engine.TrapStackOverflow},
		{name: "start section", text: "start function[0] failed: wasm error: unreachable\nwasm stack trace:\n\t.$0()", kind: engine.TrapUnreachable, backtrace: ".$0()"},
		{name: "unknown", text: "wasm error: something new", kind: engine.TrapOther, message: "something new"},
		{name: "data segment", text: "data[0]: out of bounds memory access", kind: engine.TrapMemoryBounds, message: "data[0]: out of bounds memory access"},
		{name: "element segment", text: "element[1].init exceeds min table size", kind: engine.TrapTableBounds, message: "element[1].init exceeds min table size"},
		{name: "no trap", text: "module closed"},
		{name: "host trace", text: "wasm error: unreachable\nwasm stack trace:\n\t.f()\n\nGo runtime stack trace:\ngoroutine 1", kind: engine.TrapUnreachable, backtrace: ".f()"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := errors.New(tt.text)
			got := trapOf(in)
			if tt.kind == "" {
				if got != in {
					t.Fatalf("got %v, want the error itself", got)
				}
				return
			}
			var trap *engine.TrapError
			if !errors.As(got, &trap) || !errors.Is(got, tt.kind) {
				t.Fatalf("got %#v, want a trap of kind %q", got, tt.kind)
			}
			if trap.Message != tt.message || trap.Backtrace != tt.backtrace {
				t.Errorf("message %q, backtrace %q; want %q, %q", trap.Message, trap.Backtrace, tt.message, tt.backtrace)
			}
		})
	}
}
