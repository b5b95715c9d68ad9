// Package wazero is the default engine: wazero, in pure Go, always built, without a build tag.
//
// Core modules run on wasi/preview1, not on wazero's own WASI, which follows links out of a mount. Compiled code is kept
// by package engine/cache. A run's memory is reserved at once and grows without being copied, and its limit holds for
// that run alone. Guests are interrupted in loops as well as in host calls, by checks that are put into their code. A process
// for one guest at a time can do without them: see [Dedicate].
//
// Importing the package registers the driver [Name].
package wazero

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
)

// Name is the name under which the engine is registered.
const Name = "wazero"

// New opens the engine. Its errors are *engine.Error with Op "open".
func New(ctx context.Context, opts engine.Options) (engine.Engine, error) { return open(ctx, opts) }

// capabilities are those of an engine whose guests have checks.
var capabilities = declared.Of(Name)

func init() {
	engine.Register(engine.Driver{Name: Name, Capabilities: capabilities, Open: open, Dedicate: Dedicate})
}
