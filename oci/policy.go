package oci

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// rule is one row of the policy: what becomes of a field of the spec.
type rule struct {
	Field           string  // path in JSON names; it speaks for all that is below it
	Entered, Direct Verdict // what becomes of it where the guest runs
	Why             string  // the reason, save for what a container enforces

	plan func(*planner, *rule) // does more than record the verdict: grants, checks, or differs by value; nil for most
}

// verdict and reason for a place.
func (r *rule) in(w Where) (Verdict, string) {
	switch {
	case w == Direct:
		return r.Direct, r.Why
	case r.Entered == Enforced:
		return Enforced, byRuntime
	default:
		return r.Entered, r.Why
	}
}

const (
	byRuntime = "applied by the runtime that made the container"
	alone     = "no container: this process stays as it is"
	noCgroup  = "no cgroup without a container"
	foreign   = "describes a container of another kind: remove the section"
	hookless  = "hooks run around a container, and there is none: remove them"
)

// policy is the whole policy for fields, in the order of the specification. Package documentation and tests are made
// from it. Rules with a plan function record the verdict named here for a value that asks for no more than usual.
var policy = []rule{
	{"ociVersion", Granted, Granted, "a version 1 of runtime-spec", (*planner).version},

	{"process.terminal", Enforced, Rejected, "nobody makes a terminal: set it to false", nil},
	{"process.consoleSize", Enforced, Ignored, "there is no terminal to size", nil},
	{"process.user.uid", Enforced, Ignored, "no container: the guest acts as this process's user", (*planner).uid},
	{"process.user.gid", Enforced, Ignored, "no container: the guest acts as this process's group", (*planner).gid},
	{"process.user.umask", Enforced, Ignored, "no container: this process's umask counts", nil},
	{"process.user.additionalGids", Enforced, Ignored, "no container: this process's groups count", nil},
	{"process.user.username", Ignored, Ignored, "names a user of Windows", nil},
	{"process.args", Granted, Granted, "exact; args[0] without \"#function\"", (*planner).args},
	{"process.commandLine", Rejected, Rejected, "is a command line of Windows: use args", nil},
	{"process.env", Granted, Granted, "exact, and nothing of the host's", (*planner).env},
	{"process.cwd", Granted, Granted, "where every guest starts", (*planner).cwd},
	{"process.capabilities", Enforced, Ignored, alone, nil},
	{"process.rlimits", Enforced, Ignored, alone, nil},
	{"process.noNewPrivileges", Enforced, Enforced, "a guest executes no program, so it gains no privilege", nil},
	{"process.apparmorProfile", Enforced, Ignored, alone, nil},
	{"process.oomScoreAdj", Enforced, Ignored, alone, nil},
	{"process.scheduler", Enforced, Ignored, alone, nil},
	{"process.selinuxLabel", Enforced, Ignored, alone, nil},
	{"process.ioPriority", Enforced, Ignored, alone, nil},
	{"process.execCPUAffinity", Enforced, Ignored, alone, nil},

	{"root.path", Granted, Granted, "the guest's /", (*planner).root},
	{"root.readonly", Enforced, Enforced, "every change fails with EROFS, except in mounts", nil},

	{"hostname", Enforced, Ignored, "no container; WASI shows no host name", nil},
	{"domainname", Enforced, Ignored, "no container; WASI shows no domain name", nil},

	{"mounts", Granted, Granted, "one grant each: see the tables below", (*planner).allMounts},

	{"hooks.prestart", Enforced, Rejected, hookless, nil},
	{"hooks.createRuntime", Enforced, Rejected, hookless, nil},
	{"hooks.createContainer", Enforced, Rejected, hookless, nil},
	{"hooks.startContainer", Enforced, Rejected, hookless, nil},
	{"hooks.poststart", Enforced, Rejected, hookless, nil},
	{"hooks.poststop", Enforced, Rejected, hookless, nil},

	{"annotations", Granted, Granted, "metadata, which asks nothing of the guest", (*planner).annotations},

	{"linux.uidMappings", Enforced, Ignored, "no user namespace without a container", nil},
	{"linux.gidMappings", Enforced, Ignored, "no user namespace without a container", nil},
	{"linux.sysctl", Enforced, Ignored, alone, nil},
	{"linux.resources.devices", Enforced, Ignored, noCgroup + "; a guest opens harmless ones only", nil},
	{"linux.resources.memory.limit", Enforced, Limited, "bounds the guest's memory, not what the engine needs", (*planner).memory},
	{"linux.resources.memory.reservation", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.swap", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.kernel", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.kernelTCP", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.swappiness", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.disableOOMKiller", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.useHierarchy", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.memory.checkBeforeUpdate", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.cpu", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.pids", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.blockIO", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.hugepageLimits", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.network", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.rdma", Enforced, Ignored, noCgroup, nil},
	{"linux.resources.unified", Enforced, Ignored, noCgroup, nil},
	{"linux.cgroupsPath", Enforced, Ignored, noCgroup, nil},
	{"linux.namespaces", Enforced, Ignored, alone, nil},
	{"linux.devices", Enforced, Ignored, "no device nodes without a container", (*planner).devices},
	{"linux.netDevices", Enforced, Ignored, "no network namespace without a container", nil},
	{"linux.seccomp", Enforced, Ignored, alone, nil},
	{"linux.rootfsPropagation", Enforced, Ignored, "no mount namespace without a container", nil},
	{"linux.maskedPaths", Enforced, Enforced, "beneath what is hidden anyway; elsewhere limited", (*planner).maskedPaths},
	{"linux.readonlyPaths", Enforced, Enforced, "read-only or hidden with the mount they are on", (*planner).readonlyPaths},
	{"linux.mountLabel", Enforced, Ignored, "no mount namespace without a container", nil},
	{"linux.intelRdt", Enforced, Ignored, alone, nil},
	{"linux.memoryPolicy", Enforced, Ignored, alone, nil},
	{"linux.personality", Enforced, Ignored, alone, nil},
	{"linux.timeOffsets", Enforced, Ignored, "no time namespace; a monotonic clock starts anywhere", nil},

	{"solaris", Rejected, Rejected, foreign, nil},
	{"windows", Rejected, Rejected, foreign, nil},
	{"vm", Rejected, Rejected, foreign, nil},
	{"zos", Rejected, Rejected, foreign, nil},
	{"freebsd", Rejected, Rejected, foreign, nil},
}

// node is the policy laid over the types of runtime-spec: a rule, or the fields of a struct.
type node struct {
	rule   *rule
	fields []field
}

// field is a field of a struct of runtime-spec; its node is nil where the policy has no rule for it.
type field struct {
	index    int
	name     string
	required bool // encoding/json writes it even when it is zero
	node     *node
}

var policyTree = sync.OnceValue(func() *node { return layOver(reflect.TypeFor[specs.Spec](), policy) })

// layOver panics on a rule for a field that runtime-spec does not have.
func layOver(t reflect.Type, rules []rule) *node {
	root := &node{}
	for i := range rules {
		n, at := root, t
		for _, name := range strings.Split(rules[i].Field, ".") {
			if n.fields == nil {
				n.fields = fieldsOf(at)
			}
			k := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name })
			if k < 0 {
				panic(fmt.Sprintf("oci: policy: runtime-spec has no field %s", rules[i].Field))
			}
			f := &n.fields[k]
			if f.node == nil {
				f.node = &node{}
			}
			if n, at = f.node, at.Field(f.index).Type; at.Kind() == reflect.Pointer {
				at = at.Elem()
			}
		}
		n.rule = &rules[i]
	}
	return root
}

func fieldsOf(t reflect.Type) []field {
	fields := make([]field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i] = field{index: i, name: jsonName(f), required: !strings.Contains(f.Tag.Get("json"), ",omitempty")}
	}
	return fields
}

// walk applies the policy to every field that v sets, in the order of the specification, which has root before mounts
// and mounts before what is laid over them. A field without a rule is rejected: a new one is refused until someone
// has decided about it.
func (p *planner) walk(v reflect.Value, n *node, path string) {
	for _, f := range n.fields {
		fv := v.Field(f.index)
		isStruct := fv.Kind() == reflect.Struct
		if fv.Kind() == reflect.Pointer && !fv.IsNil() && fv.Elem().Kind() == reflect.Struct {
			fv, isStruct = fv.Elem(), true
		}
		name := f.name
		if path != "" {
			name = path + "." + name
		}
		switch {
		case isStruct && f.node != nil && f.node.rule == nil:
			p.walk(fv, f.node, name) // even an empty one: some of its fields may be required
		case isUnset(fv) && !f.required:
		case f.node == nil:
			p.reject(name, nil, "this version of wasmoci has no rule for it: remove it, or use a newer version")
		case f.node.rule.plan != nil:
			f.node.rule.plan(p, f.node.rule)
		default:
			p.usual(f.node.rule)
		}
	}
}

// usual records what r says.
func (p *planner) usual(r *rule) {
	verdict, reason := r.in(p.opts.Where)
	p.record(r.Field, verdict, reason)
}

// isUnset says whether a value asks for nothing: zero, or an empty list or map.
func isUnset(v reflect.Value) bool {
	if k := v.Kind(); k == reflect.Slice || k == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}
