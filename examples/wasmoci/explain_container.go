//go:build linux

package main

import (
	"cmp"
	"fmt"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
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
	e.Policy = &setting{s.Policy.String(), s.From["policy"]}
	module, where, missing := loaded.Locate()
	if missing == nil {
		defer module.Close()
	}
	found, err := r.detect(loaded.Spec, module)
	e.Detection = &found
	if found.Kind == oci.Native {
		e.asNative()
		if missing == nil {
			err = runnable(module, where, found)
		}
		return err // what is missing is the delegate's to find
	}
	if err = cmp.Or(err, missing); err != nil {
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
	e.Chosen = chosen(s, found, loaded.Spec)
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

// asNative tells of a native container, which has nothing of a guest's plan.
func (e *explanation) asNative() {
	plan := &oci.Plan{}
	for _, a := range e.Account {
		plan.Account = append(plan.Account, oci.Entry{Field: a.Field, Verdict: oci.Enforced, Reason: "the delegate's, as the bundle has it"})
	}
	e.Plan = plan
}

// chosen says who has chosen the engine of a container.
func chosen(s *operator.Settings, found oci.Detection, spec *specs.Spec) string {
	switch {
	case s.Engine != "":
		return s.From["engine"]
	case found.Engine != "" && spec.Annotations["run.oci.handler"] == found.Engine:
		return "annotations[run.oci.handler]"
	case found.Engine != "":
		return "the name that the runtime was called by"
	}
	return "the first that has a runner and can run this"
}
