package oci

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wasmoci/wasmoci/wasi"
)

// version takes every 1.x, pre-releases included: runtime-spec is compatible within a major version.
func (p *planner) version(r *rule) {
	switch v := p.spec.Version; {
	case v == "":
		p.reject("ociVersion", nil, "is missing: runtime-spec requires it")
	case !strings.HasPrefix(v, "1."):
		p.reject("ociVersion", v, "is not a version 1 of runtime-spec")
	default:
		p.usual(r)
	}
}

func (p *planner) uid(r *rule) { p.user(r, p.spec.Process.User.UID, p.opts.UID) }
func (p *planner) gid(r *rule) { p.user(r, p.spec.Process.User.GID, p.opts.GID) }

func (p *planner) user(r *rule, want uint32, have int) {
	if p.opts.Where == Direct && int64(want) == int64(have) {
		p.record(r.Field, Enforced, "is this process's own")
		return
	}
	p.usual(r)
}

func (p *planner) args(r *rule) {
	args := p.spec.Process.Args
	ok := true
	for i, a := range args {
		ok = p.textual("process.args["+strconv.Itoa(i)+"]", a) && ok
	}
	module, fn := ParseEntrypoint(args[0])
	switch {
	case module == "":
		p.reject("process.args[0]", args[0], `names no module: write "path/to/module.wasm" or "path/to/module.wasm#function"`)
	case !utf8.ValidString(fn):
		p.reject("process.args[0]", args[0], "names a function that is not UTF-8, as names of exports are")
	case ok:
		p.plan.Module = module
		p.plan.Config.Entrypoint = fn
		p.plan.Config.Args = slices.Clone(args)
		p.plan.Config.Args[0] = module
		p.usual(r)
		return
	}
	p.partly(r.Field)
}

func (p *planner) env(r *rule) {
	ok := true
	for i, e := range p.spec.Process.Env {
		field := "process.env[" + strconv.Itoa(i) + "]"
		if !p.textual(field, e) {
			ok = false
		} else if strings.IndexByte(e, '=') <= 0 {
			p.reject(field, e, `is not of the form "KEY=value"`)
			ok = false
		}
	}
	if !ok {
		p.partly(r.Field)
		return
	}
	p.plan.Config.Env = slices.Clone(p.spec.Process.Env)
	p.usual(r)
}

func (p *planner) cwd(r *rule) {
	const field = "process.cwd"
	cwd := p.spec.Process.Cwd
	switch {
	case cwd == "":
		p.reject(field, nil, "is missing: runtime-spec requires it")
	case !p.textual(field, cwd):
	case !strings.HasPrefix(cwd, "/"):
		p.reject(field, cwd, "is not an absolute path")
	case !utf8.ValidString(cwd):
		p.reject(field, cwd, "is not UTF-8, as WASI requires of paths")
	case path.Clean(cwd) == "/":
		p.plan.Config.Dir = "/"
		p.usual(r)
	default:
		p.plan.Config.Dir = path.Clean(cwd)
		p.record(field, Limited, "WASI preview 1 has no working directory: given as PWD, which some guests' libraries follow")
	}
}

// memory limits what a cgroup counts, in bytes; -1 and 0 are no limit.
func (p *planner) memory(r *rule) {
	const field = "linux.resources.memory.limit"
	switch limit := *p.spec.Linux.Resources.Memory.Limit; {
	case limit == -1 || limit == 0:
		p.record(field, Enforced, "is no limit")
	case limit < wasi.PageSize:
		p.reject(field, limit, "is less than one WebAssembly page of 64 KiB")
	default:
		p.plan.Config.Limits.MemoryBytes = uint64(limit)
		p.usual(r)
	}
}

// harmless are the character devices that hold no state of the host; a guest opens no others (wasi/vfs).
var harmless = map[[2]int64]bool{{1, 3}: true, {1, 5}: true, {1, 7}: true, {1, 8}: true, {1, 9}: true}

func (p *planner) devices(r *rule) {
	if p.opts.Where == Direct {
		p.usual(r)
		return
	}
	for i, d := range p.spec.Linux.Devices {
		field := "linux.devices[" + strconv.Itoa(i) + "]"
		if d.Type == "c" && harmless[[2]int64{d.Major, d.Minor}] {
			p.record(field, Granted, d.Path+" can be opened by the guest")
		} else {
			p.record(field, Limited, d.Path+" exists, but a guest opens null, zero, full, random and urandom only")
		}
	}
}

// annotations are the spec's only map with rules by key: the keys that [Detect] reads, and those that ask another
// runtime for something.
func (p *planner) annotations(*rule) {
	for _, key := range slices.Sorted(maps.Keys(p.spec.Annotations)) {
		field := fmt.Sprintf("annotations[%s]", key)
		switch {
		case key == annotationHandler || key == annotationVariant || key == annotationCRI || key == annotationCRIO:
			p.record(field, Enforced, "read by Detect")
		case strings.HasPrefix(key, "run.oci.") || strings.HasPrefix(key, "krun."):
			p.record(field, Ignored, "asks a particular runtime for something that wasmoci does not have")
		default:
			p.record(field, Granted, "metadata, which asks nothing of the guest")
		}
	}
}
