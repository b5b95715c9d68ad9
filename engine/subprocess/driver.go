package subprocess

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
)

// Driver returns the driver of an engine that runs in children as cfg says, for [engine.Register]. known is that engine as package engine/known,
// or its own package where it is not part of the program, registers it: name and capabilities come from there, those of
// formats with what a child adds and takes away. cfg.Engine "" is known.Name. Its Open is [New].
func Driver(known engine.Driver, cfg Config) engine.Driver {
	if cfg.Engine == "" {
		cfg.Engine = known.Name
	}
	d := engine.Driver{Name: known.Name, Native: known.Native, Capabilities: make(engine.FormatCapabilities)}
	for format, caps := range known.Capabilities {
		d.Capabilities[format] = offered(caps)
	}
	d.Open = func(ctx context.Context, opts engine.Options) (engine.Engine, error) { return New(ctx, cfg, opts) }
	return d
}

// offered is what the parent makes of what the engine in the child can do.
func offered(inner engine.Capabilities) engine.Capabilities {
	return inner.With(engine.Interrupt).Without(engine.Unchecked)
}
