//go:build linux

package main

import (
	"testing"

	"github.com/wasmoci/wasmoci/engine/runner"
)

// TestEnds: how a guest ends is how the runner ends, and what it records.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		guest  string
		args   []string
		out    string
		errs   string
		record runner.Record
	}{
		"hello": {guest: "hello", out: "x", record: runner.Record{Kind: runner.KindExit}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launch{guest: c.guest, order: func(o *runner.Order) { o.Config.Args = append(o.Config.Args, c.args...) }}.start(t)
			status := s.wait()
			t.Log(status, s.out.String(), s.errs.String(), s.recorded())
		})
	}
}
