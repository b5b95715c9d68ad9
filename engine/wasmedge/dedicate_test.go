package wasmedge

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/core"
)

// TestDedicate: without checks for interruption only where the process is for one guest, and then for one.
func TestDedicate(t *testing.T) {
	before := dedicated.Load()
	t.Cleanup(func() { dedicated.Store(before) })
	given := engine.NewCapabilities(engine.Interrupt, engine.Streams)
	for _, c := range []struct {
		dedicated, asked bool
		want             string
	}{
		{false, false, "interrupt,streams"},
		{true, false, "interrupt,streams,uninterruptible"},
		{true, true, "streams,uninterruptible"},
	} {
		if dedicated.Store(false); c.dedicated {
			Dedicate()
		}
		if got, err := core.Unchecked(Name, dedicated.Load(), c.asked, given, errNotDedicated); err != nil || got.String() != c.want {
			t.Errorf("%+v: got %s, %v", c, got, err)
		}
	}
	dedicated.Store(false)
	var unsupported *engine.UnsupportedError
	if _, err := core.Unchecked(Name, dedicated.Load(), true, given, errNotDedicated); !errors.As(err, &unsupported) || !errors.Is(err, errNotDedicated) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		release, err := occupy()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := occupy(); !errors.Is(err, errOccupied) {
			t.Errorf("a second guest: %v", err)
		}
		release()
	}
}
