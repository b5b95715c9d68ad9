//go:build !linux

package subprocess

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/wasmoci/wasmoci/engine"
)

var entered atomic.Bool // initialize was called

func newEngine(_ context.Context, cfg Config, _ engine.Options) (engine.Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, &engine.Error{Engine: cfg.Engine, Op: "open", Err: err}
	}
	return nil, &engine.Error{Engine: cfg.Engine, Op: "open", Err: errUnsupported}
}

func initialize() bool {
	entered.Store(true)
	return false
}

func serve() error { return errUnsupported }

var errUnsupported = fmt.Errorf("subprocess: engines in child processes need Linux, this is %s: %w", runtime.GOOS, errors.ErrUnsupported)
