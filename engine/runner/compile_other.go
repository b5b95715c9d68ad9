//go:build !linux

package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
)

func (c Compilation) run(context.Context, *os.File, string) error {
	return fmt.Errorf("runner: compile: %w", errors.ErrUnsupported)
}
