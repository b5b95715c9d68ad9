package known_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/known"
)

// TestKnown: none can be opened, and the error says what to do.
func TestKnown(t *testing.T) {
	if n := len(engine.List()); n != 4 {
		t.Errorf("%d engines, want four", n)
	}
	for _, d := range engine.List() {
		eng, err := engine.Open(t.Context(), d.Name, engine.Options{})
		var why *engine.NotBuiltError
		if eng != nil || !errors.As(err, &why) || why.Engine != d.Name || engine.ExitCode(err) != 126 || !strings.Contains(err.Error(), "engine/subprocess") {
			t.Errorf("%s: %v, %v", d.Name, eng, err)
		}
	}
}

// TestReplaced: a driver that can be opened takes the place of what is known, and keeps it. The other order is that of engine/all's tests.
func TestReplaced(t *testing.T) {
	opened := errors.New("opened")
	known, _ := engine.Lookup("wazero")
	mine := known
	mine.Unavailable, mine.Open = nil, func(context.Context, engine.Options) (engine.Engine, error) { return nil, opened }
	engine.Register(mine)
	engine.Register(known)
	if _, err := engine.Open(t.Context(), "wazero", engine.Options{}); err != opened {
		t.Errorf("what was registered is not what is opened: %v", err)
	}
}
