package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/wasmoci/wasmoci/engine"
)

// withSignals returns a context that TERM, INT, QUIT or HUP ends, with an engine.Signal as its cause. The same signal once
// more ends the process at once, with the exit status that the guest's end would have given it. A signal that is ignored
// stays so, as nohup expects.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	caught := make(chan os.Signal, 8)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	go func() {
		seen := make(map[os.Signal]bool)
		for sig := range caught {
			n, _ := sig.(syscall.Signal)
			if seen[sig] {
				os.Exit(engine.Signal(n).ExitStatus())
			}
			seen[sig] = true
			cancel(engine.Signal(n))
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		close(caught)
		cancel(nil)
	}
}
