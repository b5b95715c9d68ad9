package oci

import (
	"errors"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// Locate finds the module of the bundle's container from the host, before there is a container, and opens it for reading:
// it is LocateProcess of the spec's process.
func (b *Bundle) Locate() (module *os.File, path string, err error) {
	if b.Spec == nil {
		return nil, "", errors.New("oci: locate: there is no spec")
	}
	return b.LocateProcess(b.Spec.Process)
}

// LocateProcess finds what args[0] of p names in the bundle's container, from the host, and opens it for reading; path is
// the absolute path that the container has for it. It looks through root.path and the sources of bind mounts, in p's
// working directory and PATH, by the rules of [Plan.Open]. Of p nothing else matters, and of the spec only root and mounts:
// a container that no plan takes is searched all the same, so that [Detect] can decide whose it is.
//
// What the container will have and the host has not is not found: whatever is on a mount of another kind or on one whose source is
// missing. A tmpfs is empty, but with tmpcopyup shows what the image has there. As in a plan, a mount is where its destination
// says, even where the rootfs has a link on the way.
//
// The errors are those of [Plan.Open], or join a [*SpecError] for each field that has to be understood and cannot be. The
// caller closes module. It needs Linux.
func (b *Bundle) LocateProcess(p *specs.Process) (module *os.File, path string, err error) {
	plan, err := b.seenFromHost(p)
	if err != nil {
		return nil, "", err
	}
	return plan.open()
}

// seenFromHost is enough of a plan to open the module of p.
func (b *Bundle) seenFromHost(p *specs.Process) (*Plan, error) {
	if b.Spec == nil {
		return nil, errors.New("oci: locate: there is no spec")
	}
	spec := *b.Spec
	spec.Process = p
	l := planner{spec: &spec, opts: Options{Where: Direct, Bundle: b.Dir, GOOS: runtime.GOOS}}
	l.missing()
	if p != nil && len(p.Args) > 0 {
		module, _ := ParseEntrypoint(p.Args[0])
		if module == "" {
			l.reject("process.args[0]", p.Args[0], "names no module")
		} else if l.textual("process.args[0]", module) {
			l.plan.Module = module
		}
		l.plan.Config.Env = p.Env
		if l.plan.Config.Dir = path.Clean("/" + p.Cwd); p.Cwd != "" && !path.IsAbs(p.Cwd) {
			l.reject("process.cwd", p.Cwd, "is not an absolute path")
		}
	}
	if spec.Root != nil {
		host, bad := l.host(spec.Root.Path)
		switch {
		case spec.Root.Path == "":
			l.reject("root.path", nil, "is missing: runtime-spec requires it")
		case bad != "":
			l.reject("root.path", spec.Root.Path, bad)
		}
		l.place(wasi.Mount{Guest: "/", Host: host})
	}
	dests := l.destinations()
	covered := coveredBy(dests)
	for i, m := range spec.Mounts {
		if dests[i] != "" && covered[i] == 0 {
			l.placeFromHost(&m, dests[i])
		}
	}
	l.plan.Config.Mounts = l.mounts
	return &l.plan, errors.Join(l.errs...)
}

// placeFromHost places what of a mount can be seen before it is mounted.
func (p *planner) placeFromHost(m *specs.Mount, dest string) {
	switch kind := mountKindOf(m, dest); kind {
	case bindMount, deviceMount:
		host, bad := p.host(m.Source)
		if bad == "" && m.Source != "" && !strings.Contains(m.Source, "\x00") {
			if info, err := os.Stat(host); err == nil && (info.IsDir() || info.Mode().IsRegular()) {
				p.place(wasi.Mount{Guest: dest, Host: host})
				return
			}
		}
	case tmpfsMount, devMount:
		if !slices.Contains(m.Options, "tmpcopyup") {
			p.place(wasi.Mount{Guest: dest, Tmpfs: &wasi.Tmpfs{}})
		}
		return
	}
	p.place(wasi.Mount{Guest: dest, Hidden: true})
}
