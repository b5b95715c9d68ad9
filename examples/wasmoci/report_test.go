package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

func TestWarnings(t *testing.T) {
	var b strings.Builder
	log := slog.New(warnings{w: &b})
	log.Info("not shown", "key", "value")
	log.Warn("a\x1b[31mred\nline")
	log.With("entry", "x y").WithGroup("cache").Error("damaged", "dir", "/a", "err", errors.New("short"))
	want := "wasmoci: warning: a\\x1b[31mred\\nline\nwasmoci: warning: damaged: entry=\"x y\" cache.dir=/a cache.err=short\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		event engine.Event
		want  string
	}{
		"begun":      {engine.Event{Phase: engine.PhaseCompile, Size: 1 << 20}, ""},
		"compile":    {engine.Event{Phase: engine.PhaseCompile, Size: 3 << 19, Elapsed: 2100 * time.Millisecond}, "wasmoci: compiling \"/app\" (1.5 MiB): 2 s\n"},
		"percentage": {engine.Event{Phase: engine.PhaseCompile, Size: 2048, Elapsed: time.Second, Done: 1, Total: 3}, "wasmoci: compiling \"/app\" (2.0 KiB): 1 s, 33%\n"},
		"lock":       {engine.Event{Phase: engine.PhaseLock, Size: 7, Elapsed: time.Minute}, "wasmoci: waiting for another process that compiles \"/app\" (7 bytes): 60 s\n"},
		"load":       {engine.Event{Phase: engine.PhaseLoad, Size: 7, Elapsed: time.Minute}, "wasmoci: loading the compiled code of \"/app\" (7 bytes): 60 s\n"},
		"guest":      {engine.Event{Phase: engine.PhaseGuest, Elapsed: time.Minute}, ""},
		"end":        {engine.Event{Phase: engine.PhaseEnd, Elapsed: time.Minute}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if progress(&b, "/app")(test.event); b.String() != test.want {
				t.Errorf("got %q, want %q", b.String(), test.want)
			}
		})
	}
}
