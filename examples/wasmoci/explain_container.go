//go:build linux

package main

import (
	"cmp"
	"fmt"
	"path"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/oci"
)

// explain finds out what create would make of a bundle.
func (r *ociRuntime) explain(e *explanation, h *host, loaded *oci.Bundle) error {
	s, err := r.operator()
	if err != nil {
		return err
	}
	if h.engine != "" {
		s.Engine, s.From["engine"] = h.engine, "--engine"
	}
	if d, err := r.other(); err == nil {
		e.Delegate = &setting{d.Path, d.From}
	} else {
		e.Delegate = &setting{"none", err.Error()}
	}
	module, where, missing := loaded.Locate()
	if missing == nil {
		defer module.Close()
	}
	found, err := r.detect(loaded.Spec, module)
	e.Detection = &found
	if err = cmp.Or(err, missing); err != nil || found.Kind != oci.Wasm {
		if found.Kind == oci.Native {
			return nil // the delegate's to find
		}
		return err
	}
	g := &guest{bundle: loaded, module: module, path: where, engine: found.Engine}
	if g.format, err = formatOf(module); err != nil {
		return err
	}
	if e.Runner, e.Engine, err = runnerFor(s, g); err != nil {
		e.Refused = err.Error()
		return err
	}
	fds, err := handedOver(0)
	if err != nil {
		return err
	}
	listening := s.Listeners(loaded.Spec.Annotations)
	for i, name := range listening {
		e.Listen = append(e.Listen, fmt.Sprintf("%s = %s, the guest's descriptor %d", name, s.Listen[name].Address, 3+fds.listen+i))
	}
	need := needOf(e.Engine, module, 0, 3+len(listening))
	need.OpenFiles += held(loaded.Spec)
	derived, err := loaded.Derive(oci.Delegation{
		Runner: e.Runner, Libraries: s.Libraries(e.Engine), Code: s.Cache, Name: path.Base(where), First: 3, Env: runner.Environ(3),
		Hook: []string{"/proc/self/exe"}, Need: need,
	})
	if err != nil {
		e.Refused = err.Error()
		return err
	}
	if e.Plan != nil {
		e.Config, e.Account = derived.Config, derived.Account
	}
	return nil
}
