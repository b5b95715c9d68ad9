package wasmtime_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
)

func TestNotBuilt(t *testing.T) {
	for name, open := range map[string]func(context.Context) (engine.Engine, error){
		"New": func(ctx context.Context) (engine.Engine, error) {
			return wasmtime.New(ctx, engine.Options{})
		},
		"engine.Open": func(ctx context.Context) (engine.Engine, error) {
			return engine.Open(ctx, wasmtime.Name, engine.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			eng, err := open(t.Context())
			if eng != nil {
				t.Errorf("engine is %v, want nil", eng)
			}
			for _, target := range []error{engine.ErrNotBuilt, errors.ErrUnsupported} {
				if !errors.Is(err, target) {
					t.Errorf("error %v does not match %v", err, target)
				}
			}
			for _, word := range []string{wasmtime.Name, "-tags wasmtime", "CGO_ENABLED=1", "no adapter"} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			if code := engine.ExitCode(err); code != 126 {
				t.Errorf("exit code %d, want 126: found but not runnable", code)
			}
		})
	}
}
