package main

import (
	"fmt"
	"io"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

// progress returns an observer that writes a line each second while something before the guest's start takes longer than one.
// A percentage is shown only where the engine knows it. module is what the user calls the module.
func progress(w io.Writer, module string) func(engine.Event) {
	return func(e engine.Event) {
		if e.Elapsed < time.Second {
			return
		}
		var what string
		switch e.Phase {
		case engine.PhaseLock:
			what = "waiting for another process that compiles"
		case engine.PhaseCompile:
			what = "compiling"
		case engine.PhaseLoad:
			what = "loading the compiled code of"
		default:
			return
		}
		fmt.Fprintf(w, "wasmoci: %s %q (%s): %d s", what, module, size(e.Size), int(e.Elapsed.Seconds()))
		if e.Total > 0 {
			fmt.Fprintf(w, ", %d%%", 100*e.Done/e.Total)
		}
		fmt.Fprintln(w)
	}
}

// size returns a number of bytes in words: "12.3 MiB".
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
