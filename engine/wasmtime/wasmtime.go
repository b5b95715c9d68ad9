// Package wasmtime is the place of the engine that runs guests on Wasmtime (https://wasmtime.dev).
//
// Wasmtime is fast, keeps to the specification and is the one engine here that runs components natively.
// This version of wasmoci has no adapter for it yet. The package registers the name all the same, as an engine that is
// known and cannot be opened, so that a program which asks for it is told why instead of "unknown engine", and never gets
// another engine in its place.
package wasmtime

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
)

// Name is the engine's name in the registry, and its build tag.
const Name = "wasmtime"

// New opens the engine without the registry. In this version it always returns the [*engine.NotBuiltError] that
// [engine.Open] returns for [Name].
func New(ctx context.Context, opts engine.Options) (engine.Engine, error) { return open(ctx, opts) }
