package enginetest

import (
	"errors"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var trapCases = traps()

func traps() []Case {
	cases := []Case{
		{
			Name:   "Trap/InStartSection",
			Why:    "a trap in the start section is the end of a run that has begun: Wait's, not Start's",
			guest:  "trap_in_start",
			end:    engine.TrapUnreachable,
			status: 134,
			bare:   true,
		},
		{
			Name:   "Trap/EngineUsable",
			Why:    "a trap ends its own run only: the module and the engine go on",
			guest:  "trap",
			config: wasi.Config{Args: []string{"trap", "m"}},
			drive: func(t *trial) {
				for range 3 {
					t.same(t.wait(t.start(t.endless())), engine.TrapMemoryBounds)
				}
				t.hello()
			},
		},
		{
			Name:   "Trap/HostPanicAfter",
			Why:    "after a guest's trap a fault of the host is a Go panic as ever: the engine leaves no signal handler in its way",
			guest:  "trap",
			config: wasi.Config{Args: []string{"trap", "m"}},
			drive: func(t *trial) {
				t.same(t.wait(t.start(t.endless())), engine.TrapMemoryBounds)
				defer func() {
					if recover() == nil {
						t.Error("a nil pointer of the host did not panic")
					}
				}()
				var nothing *engine.ExitError
				nothing.Code = 1
			},
		},
	}
	for _, k := range []struct {
		name, letter, function string
		kinds                  []engine.TrapKind
	}{
		{"Unreachable", "u", "unreachable_here", []engine.TrapKind{engine.TrapUnreachable}},
		{"MemoryBounds", "m", "memory_out_of_bounds", []engine.TrapKind{engine.TrapMemoryBounds}},
		{"DivideByZero", "d", "divides_by_zero", []engine.TrapKind{engine.TrapDivideByZero}},
		{"DivideOverflow", "o", "overflows", []engine.TrapKind{engine.TrapIntegerOverflow}},
		{"ConvertNaN", "c", "converts_nan", []engine.TrapKind{engine.TrapConversion}},
		{"ConvertOverflow", "C", "converts_big", []engine.TrapKind{engine.TrapIntegerOverflow}},
		{"TableBounds", "t", "table_out_of_bounds", []engine.TrapKind{engine.TrapTableBounds}},
		// The specification has one message for both; not every engine tells them apart.
		{"TableNull", "n", "table_null", []engine.TrapKind{engine.TrapNullReference, engine.TrapTableBounds}},
		{"Signature", "s", "calls_other_type", []engine.TrapKind{engine.TrapSignatureMismatch}},
		{"StackOverflow", "r", "recurses", []engine.TrapKind{engine.TrapStackOverflow}},
	} {
		cases = append(cases, Case{
			Name: "Trap/" + k.name,
			Why: "a trap ends the run with a *TrapError of its kind, whose backtrace, where there is one, names the guest's " +
				"functions, innermost first; its exit status is 134",
			guest:  "trap",
			config: wasi.Config{Args: []string{"trap", k.letter}},
			drive: func(t *trial) {
				err := t.wait(t.start(t.endless()))
				var trap *engine.TrapError
				if !errors.As(err, &trap) {
					t.Fatalf("the run ended with %v (%T), want a trap", err, err)
				}
				kind := false
				for _, want := range k.kinds {
					kind = kind || errors.Is(err, want)
				}
				if !kind {
					t.Errorf("the trap is %q, want %q", trap.Kind, k.kinds)
				}
				if status := engine.ExitCode(err); status != 134 {
					t.Errorf("exit status %d, want 134", status)
				}
				if trap.Backtrace != "" && !strings.Contains(strings.SplitN(trap.Backtrace, "\n", 2)[0], k.function) {
					t.Errorf("the backtrace does not begin in %s:\n%s", k.function, trap.Backtrace)
				}
				if k.letter != "r" && trap.Backtrace != "" && !strings.Contains(trap.Backtrace, "outer") {
					t.Errorf("the backtrace does not name the caller, outer:\n%s", trap.Backtrace)
				}
			},
		})
	}
	return cases
}
