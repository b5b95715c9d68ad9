package wasmedge

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestTrapOf(t *testing.T) {
	for _, tt := range []struct {
		name       string
		code       uint32
		overflowed bool
		kind       engine.TrapKind
		message    string
	}{
		{name: "unreachable", code: 0x40a, kind: engine.TrapUnreachable},
		{name: "stack", code: 0x40a, overflowed: true, kind: engine.TrapStackOverflow},
		{name: "stack of compiled code", code: 0x408, overflowed: true, kind: engine.TrapStackOverflow},
		{name: "another trap with a stack used up", code: 0x404, overflowed: true, kind: engine.TrapDivideByZero},
		{name: "memory", code: 0x408, kind: engine.TrapMemoryBounds},
		{name: "table", code: 0x407, kind: engine.TrapTableBounds},
		{name: "element beyond the table", code: 0x40c, kind: engine.TrapTableBounds},
		{name: "element not set", code: 0x40b, kind: engine.TrapNullReference},
		{name: "type", code: 0x40d, kind: engine.TrapSignatureMismatch},
		{name: "overflow", code: 0x405, kind: engine.TrapIntegerOverflow},
		{name: "conversion", code: 0x406, kind: engine.TrapConversion},
		{name: "data segment", code: 0x303, kind: engine.TrapMemoryBounds},
		{name: "element segment", code: 0x304, kind: engine.TrapTableBounds},
		{name: "unknown trap", code: 0x4ff, kind: engine.TrapOther, message: "something new"},
		{name: "no trap", code: 0x302, message: "unknown import"},
		{name: "no trap of the guest's", code: 0x02, message: "generic runtime error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := trapOf(tt.code, tt.message, tt.overflowed)
			var trap *engine.TrapError
			if is := errors.As(err, &trap); is != (tt.kind != "") {
				t.Fatalf("got %v (%T), want a trap of kind %q", err, err, tt.kind)
			} else if is && (trap.Kind != tt.kind || trap.Message != tt.message) {
				t.Errorf("got %#v, want kind %q and message %q", trap, tt.kind, tt.message)
			}
		})
	}
}
