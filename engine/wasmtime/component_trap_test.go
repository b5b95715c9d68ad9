package wasmtime

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestComponentFailure(t *testing.T) {
	for _, tt := range []struct {
		words string
		begun bool
		kind  engine.TrapKind // "" for no trap
		says  string          // the trap's Message
	}{
		{words: "resource limit exceeded: memory count too high at 2"},
		{words: "wasm trap: out of bounds memory access", kind: engine.TrapMemoryBounds},
		{words: "wasm trap: wasm `unreachable` instruction executed", begun: true, kind: engine.TrapUnreachable},
		{words: "something: wasm trap: integer divide by zero", begun: true, kind: engine.TrapDivideByZero},
		{words: "wasm trap: cannot enter component instance", begun: true, kind: engine.TrapOther, says: "cannot enter component instance"},
		{words: "unknown handle index 77", begun: true, kind: engine.TrapOther, says: "unknown handle index 77"},
	} {
		err := componentFailure(errors.New(tt.words), tt.begun)
		var trap *engine.TrapError
		if !errors.As(err, &trap) {
			if tt.kind != "" || err.Error() != tt.words {
				t.Errorf("%s: got %v", tt.words, err)
			}
			continue
		}
		if trap.Kind != tt.kind || trap.Message != tt.says {
			t.Errorf("%s: got %+v, want %v %q", tt.words, trap, tt.kind, tt.says)
		}
	}
}
