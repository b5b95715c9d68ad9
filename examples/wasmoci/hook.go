//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// newHook is what a delegate runs in place of a container's hook: the hook, with the state that the caller of create knows. The
// arguments are the directory of the container's files, "--", the hook's path and its arguments.
func newHook(*ociRuntime) *cobra.Command {
	return &cobra.Command{
		Use:                "hook",
		Short:              "Run a hook of a WebAssembly container, with the container's state; for delegates",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) < 3 || args[1] != "--" {
				return errors.New("hook: this is for delegates to call")
			}
			return becomeHook(args[0], args[2], args[2:])
		},
	}
}

// maxTold bounds a state, most of which are the container's annotations.
const maxTold = 2 * oci.MaxConfigBytes

func becomeHook(dir, hook string, argv []string) error {
	told, err := io.ReadAll(io.LimitReader(os.Stdin, maxTold+1))
	if err == nil && len(told) > maxTold {
		err = fmt.Errorf("the delegate's state has more than %d bytes", maxTold)
	}
	if err != nil {
		return fmt.Errorf("hook: %w", err)
	}
	store := state.At(filepath.Dir(dir))
	c, err := store.Get(filepath.Base(dir))
	if err != nil || c == nil {
		return errors.Join(fmt.Errorf("hook: nothing is known of the container in %s", dir), err)
	}
	if here, err := os.Getwd(); err == nil && here == filepath.Join(dir, "bundle") { // delegates run hooks in the bundle
		_ = os.Chdir(c.Bundle) // it may be gone by now
	}
	var about map[string]any
	if json.Unmarshal(told, &about) == nil {
		if about, err = restated(told, store, c); err != nil {
			return fmt.Errorf("hook: %w", err)
		}
		if told, err = json.Marshal(about); err != nil {
			return fmt.Errorf("hook: %w", err)
		}
	}
	if err := setStdin(told); err != nil {
		return fmt.Errorf("hook: %w", err)
	}
	if len(argv) > 1 {
		argv = argv[1:] // the hook's args name it themselves
	}
	return fmt.Errorf("hook: %s: %w", hook, syscall.Exec(hook, argv, os.Environ()))
}
