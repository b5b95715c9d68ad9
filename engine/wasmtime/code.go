//go:build wasmtime && cgo

package wasmtime

import (
	"context"

	"github.com/wasmoci/wasmoci/engine/internal/core"
)

// code is a compiled module.
type code struct {
	host     *host
	compiled *compiled
	demand   demand
}

// Run implements core.Code.
func (c *code) Run(ctx context.Context, r *core.Run) error {
	b, err := c.demand.within(r.MemoryLimit)
	if err != nil {
		return err
	}
	var ended error
	if err := c.host.do(func() { ended = c.host.run(ctx, c.compiled, r, b, c.demand) }); err != nil {
		return err
	}
	return ended
}

// Close implements core.Code.
func (c *code) Close() error {
	c.compiled.close()
	return nil
}
