package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

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

// TestRecordLine: a record is written as encoding/json would, field for field.
func TestRecordLine(t *testing.T) {
	at := func(n int) time.Time { return time.Date(2026, 5, 9, 1, 2, 3, n, time.FixedZone("x", 3600)) }
	times := Times{Begun: at(1), Loaded: at(20), Started: at(300_000_000), Ended: at(0)}
	for name, r := range map[string]Record{
		"nothing": {Kind: KindExit},
		"all":     {Status: 255, Kind: KindError, Detail: "é\u2028<&>\"\\\x00", MemoryPeakBytes: 1<<64 - 1, Times: times},
		"one":     {Kind: KindSignal, Times: Times{Ended: at(7)}},
		"two":     {Kind: KindTrap, Times: Times{Begun: at(1), Ended: at(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			var got Record
			if err := json.Unmarshal(r.line(), &got); err != nil {
				t.Fatal(err)
			}
			want := r
			for _, step := range []*time.Time{&want.Times.Begun, &want.Times.Loaded, &want.Times.Started, &want.Times.Ended} {
				*step = step.UTC()
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if text, err := json.Marshal(want); err != nil || string(r.line()) != string(text)+"\n" {
				t.Errorf("got  %swant %s, %v", r.line(), text, err)
			}
		})
	}
	all := reflect.ValueOf(Record{Status: 1, Kind: KindExit, Detail: "d", MemoryPeakBytes: 1, Times: times})
	for _, v := range []reflect.Value{all, all.FieldByName("Times")} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s is a new field: write it, and test it here", v.Type().Field(i).Name)
			}
		}
	}
}
