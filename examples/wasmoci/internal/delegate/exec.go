//go:build linux

package delegate

import (
	"fmt"
	"os"
	"syscall"
)

// Exec becomes the runtime, with args after its name and everything else as this process has it. It returns only on failure.
func (d Delegate) Exec(args []string) error {
	err := syscall.Exec(d.Path, append([]string{d.Path}, args...), os.Environ())
	return fmt.Errorf("start %s: %w", d.Path, err)
}
