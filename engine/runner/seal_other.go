//go:build !linux

package runner

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/wasmoci/wasmoci/engine"
)

// Seal writes o into a file in memory that nobody can change any more, for a runner to inherit. The caller closes it. An order that
// [Order.Validate] refuses is refused, and so is one on a system other than Linux ([errors.ErrUnsupported]).
func (o Order) Seal() (*os.File, error) {
	if _, err := o.encode(); err != nil {
		return nil, err
	}
	return nil, errUnsupported
}

func main() int {
	engine.Report(os.Stderr, program, errUnsupported)
	return engine.ExitCode(errUnsupported)
}

var errUnsupported = fmt.Errorf("runner: a runner needs Linux, this is %s: %w", runtime.GOOS, errors.ErrUnsupported)
