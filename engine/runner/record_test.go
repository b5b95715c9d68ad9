package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func null(t *testing.T) *os.File {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestRecord(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.Signal(15))
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"success": {nil, `{"status":0,"kind":"exit","memoryPeakBytes":65536}`},
		"exit":    {fmt.Errorf("x: %w", &engine.ExitError{Code: 256}), `{"status":255,"kind":"exit","memoryPeakBytes":65536}`},
		"trap":    {&engine.TrapError{Kind: engine.TrapUnreachable}, `{"status":134,"kind":"trap","detail":"unreachable","memoryPeakBytes":65536}`},
		"other":   {&engine.TrapError{Kind: engine.TrapOther, Message: "m"}, `{"status":134,"kind":"trap","detail":"other: m","memoryPeakBytes":65536}`},
		"signal":  {engine.Signal(9), `{"status":137,"kind":"signal","detail":"signal 9","memoryPeakBytes":65536}`},
		"stopped": {engine.Stopped(ctx), `{"status":143,"kind":"signal","detail":"signal 15","memoryPeakBytes":65536}`},
		"memory": {
			&engine.MemoryLimitError{Need: 2, Limit: 1},
			`{"status":126,"kind":"memory","detail":"engine: the module starts with 2 bytes of memory, more than the limit of 1: raise the memory limit","memoryPeakBytes":65536}`,
		},
		"failure": {errors.New("a\nb"), `{"status":125,"kind":"error","detail":"a\nb","memoryPeakBytes":65536}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(recordOf(c.err, engine.Stats{MemoryPeakBytes: 65536}).line())
			if got != c.want+"\n" {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for _, s := range []string{"\x00", "é", "\u2028", "\xff"} {
		if line := recordOf(errors.New(strings.Repeat(s, 5000)), engine.Stats{}).line(); len(line) > RecordBytes {
			t.Errorf("a detail of %q makes a record of %d bytes, more than a pipe takes at once", s, len(line))
		}
	}
}
