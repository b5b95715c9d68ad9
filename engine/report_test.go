package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestReport(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.Signal(15))
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nothing":         {nil, ""},
		"guest's status":  {fmt.Errorf("run: %w", &engine.ExitError{Code: 7}), ""},
		"signal":          {engine.Stopped(ctx), ""},
		"one line":        {errors.New("cause"), "wasmoci: cause\n"},
		"several":         {errors.Join(errors.New("one"), errors.New("two\n\tand a half")), "wasmoci: one\nwasmoci: two\nwasmoci:   and a half\n"},
		"terminal":        {errors.New("a\x1b[31mred\rname \u202e"), "wasmoci: a\\x1b[31mred\\rname \\u202e\n"},
		"trap, no frames": {&engine.TrapError{Kind: engine.TrapUnreachable}, "wasmoci: trap: unreachable\n"},
		"trap": {
			&engine.TrapError{Kind: engine.TrapUnreachable, Backtrace: "inner()\n\touter\x1b()\n"},
			"wasmoci: trap: unreachable\nwasmoci: guest backtrace, innermost function first:\n\tinner()\n\touter\\x1b()\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if engine.Report(&b, "wasmoci", test.err); b.String() != test.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), test.want)
			}
		})
	}
}
