package core

import (
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// Unchecked completes the capabilities of an engine that runs guests without checks in a process that is dedicated to one guest, and
// nowhere else: there, whoever asked for it is refused, with advice what to call.
func Unchecked(name string, dedicated, asked bool, caps engine.Capabilities, advice error) (engine.Capabilities, error) {
	switch {
	case !dedicated && asked:
		unsupported := &engine.UnsupportedError{Engine: name, Format: wasi.FormatModule, Missing: engine.NewCapabilities(engine.Unchecked)}
		return caps, fmt.Errorf("%w: %w", unsupported, advice)
	case !dedicated:
		return caps, nil
	case asked:
		caps = caps.Without(engine.Interrupt)
	}
	return caps.With(engine.Unchecked), nil
}
