package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/wasmoci/wasmoci/engine"
)

// withSignals takes over TERM, INT, QUIT and HUP. Until guest is called they end the process at once, with status 128+n:
// nothing runs yet that would have to be ended first. From then on they end ctx, with an engine.Signal as its cause, and
// the same signal once more ends the process at once. A signal that is ignored stays so, as nohup expects.
func withSignals(parent context.Context) (ctx context.Context, guest, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	var started atomic.Bool
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
			if seen[sig] || !started.Load() {
				os.Exit(engine.Signal(n).ExitStatus())
			}
			seen[sig] = true
			cancel(engine.Signal(n))
		}
	}()
	guest = func() { started.Store(true) }
	return ctx, guest, func() {
		signal.Stop(caught)
		close(caught)
		cancel(nil)
	}
}
