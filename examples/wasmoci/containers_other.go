//go:build !linux

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// ociRuntime is nothing where there are no containers.
type ociRuntime struct{}

var containerVerbs []command

func (r *ociRuntime) setFlags(*cobra.Command) {}

func (r *ociRuntime) straight() (verb string, done bool, err error) { return "", false, nil }

type creation struct{ bundle string }

func (c *creation) addFlags(f interface {
	StringVarP(*string, string, string, string, string)
},
) {
	f.StringVarP(&c.bundle, "bundle", "b", ".", "`DIR` of the bundle")
}

func (r *ociRuntime) runContainer(*cobra.Command, *creation, string, bool, bool) error {
	return fmt.Errorf("run: containers need Linux; with --no-container the guest runs here: %w", errors.ErrUnsupported)
}

// inherit is for systems on which guests have sockets.
func inherit(*wasi.Config) error { return nil }

func (r *ociRuntime) openRunners() error { return nil }

func (r *ociRuntime) unavailable(d engine.Driver) error { return d.Unavailable }

func (r *ociRuntime) report(error) error { return nil }

func (r *ociRuntime) explain(*explanation, *host, *oci.Bundle) error {
	return fmt.Errorf("explain: containers need Linux: %w", errors.ErrUnsupported)
}
