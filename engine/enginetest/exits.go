package enginetest

import (
	"errors"
	"strconv"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var exitCases = exits()

func exits() []Case {
	cases := []Case{
		{
			Name:   "Exit/Return",
			Why:    "returning from _start is exit status 0",
			stdout: helloLine,
		},
		{
			Name:   "Exit/AfterOutput",
			Why:    "what was written before proc_exit arrives",
			script: "print 1 before\nexit 5",
			drive: func(t *trial) {
				err := t.wait(t.start(t.endless()))
				t.same(err, &engine.ExitError{Code: 5})
				if got := t.stdout.String(); got != "before" {
					t.Errorf("got %q, want %q", got, "before")
				}
			},
		},
		{
			Name:   "Exit/NotATrap",
			Why:    "a guest that exits with 134 is told from one that trapped by the error's type",
			guest:  "exit",
			config: wasi.Config{Args: []string{"exit", "134"}},
			drive: func(t *trial) {
				err := t.wait(t.start(t.endless()))
				t.same(err, &engine.ExitError{Code: 134})
				var trap *engine.TrapError
				if errors.As(err, &trap) {
					t.Errorf("%v is a trap, too", err)
				}
				if status := engine.ExitCode(err); status != 134 {
					t.Errorf("exit status %d, want 134", status)
				}
			},
		},
	}
	for _, e := range []struct {
		code   uint32
		status int
	}{
		{0, 0},
		{1, 1},
		{42, 42},
		{125, 125},
		{126, 126},
		{137, 137},
		{255, 255},
		{256, 255},
		{300, 44},
		{1 << 16, 255},
		{0xefffffff, 255},
		{0xffffffff, 255},
	} {
		code := strconv.FormatUint(uint64(e.code), 10)
		c := Case{
			Name:   "Exit/" + code,
			Why:    "proc_exit's 32 bits arrive whole in *ExitError; as an exit status they are cut to eight, and never become 0",
			guest:  "exit",
			config: wasi.Config{Args: []string{"exit", code}},
			status: e.status,
			bare:   true,
		}
		if e.code != 0 {
			c.end = &engine.ExitError{Code: e.code}
		}
		cases = append(cases, c)
	}
	return cases
}
