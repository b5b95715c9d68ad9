package oci

import (
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// mountRule is one row of the policy for a kind of mount.
type mountRule struct {
	Kind            string // in words
	Entered, Direct Verdict
	Why             string
}

const (
	kindBind = iota
	kindTmpfs
	kindDev
	kindKernel
	kindOther
)

var mountPolicy = [...]mountRule{
	kindBind:   {"bind, rbind: directory or file", Granted, Granted, "at its destination, read-only with ro or rro"},
	kindTmpfs:  {"tmpfs", Granted, Granted, "in Direct a file system in memory of its own, with size and mode"},
	kindDev:    {"tmpfs at /dev and below", Granted, Limited, "in Direct empty: no devices and no shared memory without a container"},
	kindKernel: {"proc, sysfs, cgroup, cgroup2, mqueue, devpts", Enforced, Ignored, "hidden from the guest: it tells about the host and this process"},
	kindOther:  {"any other", Granted, Rejected, "in Direct nobody mounts it: mount it on the host and use a bind mount"},
}

// kernelTypes show the kernel or the engine's own process. A guest has no process and is granted none of them.
var kernelTypes = map[string]bool{"proc": true, "sysfs": true, "cgroup": true, "cgroup2": true, "mqueue": true, "devpts": true}

// optionRule is one row of the policy for options of mounts in Direct. Entered, every option was applied by the
// runtime that made the container.
type optionRule struct {
	Names  string // separated by spaces; with "=" they take a value
	Direct Verdict
	Why    string
}

var optionPolicy = []optionRule{
	{"ro rro rw rrw", Granted, "the last one counts, for everything beneath the destination"},
	{"rbind", Granted, "what the host has mounted beneath the source comes with it"},
	{"bind", Ignored, "what the host has mounted beneath the source comes with it, as with rbind"},
	{"defaults", Granted, "the defaults"},
	{"nosuid suid nodev dev noexec exec rnosuid rsuid rnodev rdev rnoexec rexec", Granted, "a guest executes no file, has no set-user-ID, and opens harmless devices only"},
	{"private rprivate slave rslave shared rshared unbindable runbindable", Ignored, "no mount namespace: what the host mounts beneath the source later appears"},
	{"atime noatime relatime norelatime strictatime nostrictatime diratime nodiratime lazytime nolazytime ratime rnoatime rrelatime rnorelatime rstrictatime rnostrictatime rdiratime rnodiratime iversion noiversion", Ignored, "times are kept as the host's file system does"},
	{"async loud silent nomand symfollow rsymfollow", Granted, "the defaults"},
	{"sync dirsync mand", Ignored, "writes and locks are as on the host's file system"},
	{"size= mode=", Granted, "tmpfs: bound and permissions; where size is 0, \"%\" or absent, 64 MiB"},
	{"nr_inodes= nr_blocks= uid= gid= huge= inode32 inode64 noswap", Ignored, "tmpfs: a file system in memory of its own has no such bound or owner"},
	{"nosymfollow rnosymfollow", Rejected, "links cannot be forbidden without a mount: remove it"},
	{"idmap ridmap", Rejected, "owners cannot be mapped without a mount: remove it, with uidMappings and gidMappings"},
	{"tmpcopyup", Rejected, "a tmpfs starts empty: remove it"},
	{"remount", Rejected, "there is no mount to change: name the options on the mount itself"},
	{"any other", Rejected, "is not an option of runtime-spec"},
}

var optionByName = sync.OnceValue(func() map[string]*optionRule {
	byName := map[string]*optionRule{}
	for i := range optionPolicy {
		for _, name := range strings.Fields(optionPolicy[i].Names) {
			byName[name] = &optionPolicy[i]
		}
	}
	return byName
})

// root is the mount at "/". Entered, root.path is where this process already is.
func (p *planner) root(r *rule) {
	const field = "root.path"
	host := "/"
	switch rootfs := p.spec.Root.Path; {
	case rootfs == "":
		p.reject(field, nil, "is missing: runtime-spec requires it")
		return
	case !p.textual(field, rootfs):
		return
	case p.opts.Where == Direct:
		var err string
		if host, err = p.host(rootfs); err != "" {
			p.reject(field, rootfs, err)
			return
		}
	}
	p.plan.Root = host
	p.place(wasi.Mount{Guest: "/", Host: host, ReadOnly: p.spec.Root.Readonly})
	p.usual(r)
}

// host is the absolute host path that name means, or why it means none.
func (p *planner) host(name string) (abs, err string) {
	switch {
	case filepath.IsAbs(name):
		return filepath.Clean(name), ""
	case strings.HasPrefix(name, "/"):
		return "", "is not an absolute path on " + p.opts.GOOS
	case p.opts.Bundle == "":
		return "", "is relative to the bundle, and options name no bundle"
	default:
		return filepath.Join(p.opts.Bundle, filepath.FromSlash(name)), ""
	}
}

// place puts m into the guest's tree; it may replace what is there.
func (p *planner) place(m wasi.Mount) {
	if i, ok := p.at[m.Guest]; ok {
		p.mounts[i] = m
		return
	}
	if p.at == nil {
		p.at = make(map[string]int, len(p.spec.Mounts)+8)
	}
	p.at[m.Guest] = len(p.mounts)
	p.mounts = append(p.mounts, m)
}

// covering is the mount that guest, a clean path, is on; the zero Mount where there is no root.
func (p *planner) covering(guest string) wasi.Mount {
	for {
		if i, ok := p.at[guest]; ok {
			return p.mounts[i]
		}
		if guest == "/" {
			return wasi.Mount{}
		}
		guest = path.Dir(guest)
	}
}

// hide makes guest not exist, unless it does not exist already.
func (p *planner) hide(guest string) {
	if !p.covering(guest).Hidden {
		p.place(wasi.Mount{Guest: guest, Hidden: true})
	}
}

// guestPath checks a path inside the container and cleans it, as runc does, without a look at links.
func (p *planner) guestPath(field, name string) (clean string, ok bool) {
	switch {
	case name == "":
		p.reject(field, nil, "is empty")
	case !p.textual(field, name):
	case !utf8.ValidString(name):
		p.reject(field, name, "is not UTF-8, as WASI requires of paths")
	case path.Join("/", name) == "/":
		p.reject(field, name, "is the root, which is root.path's")
	default:
		return path.Join("/", name), true
	}
	return "", false
}

// allMounts grants the mounts in their order. One that a later mount covers is not granted: in a container it cannot be
// reached either.
func (p *planner) allMounts(*rule) {
	dests := make([]string, len(p.spec.Mounts))
	for i, m := range p.spec.Mounts {
		dests[i], _ = p.guestPath(mountField(i)+".destination", m.Destination)
	}
	later := make(map[string]int, len(dests)) // by destination: the first mount after this one
	covers := make([]int, len(dests))
	for i := len(dests) - 1; i >= 0; i-- {
		for at := dests[i]; len(at) > 1; at = path.Dir(at) {
			if j, ok := later[at]; ok {
				covers[i] = j
			}
		}
		later[dests[i]] = i
	}
	for i, m := range p.spec.Mounts {
		if dests[i] != "" {
			p.mount(i, &m, dests[i], covers[i])
		}
	}
}

func mountField(i int) string { return "mounts[" + strconv.Itoa(i) + "]" }

// mount plans the mount with index i; coveredBy, if not 0, is the index of the mount that covers it.
func (p *planner) mount(i int, m *specs.Mount, dest string, coveredBy int) {
	field := mountField(i)
	failed := len(p.errs)
	o := p.options(field, m)
	kind := kindOther
	switch {
	case o.bind && !(m.Source == dest && (dest == "/proc" || dest == "/sys")):
		kind = kindBind
	case o.bind || kernelTypes[m.Type]:
		kind = kindKernel
	case m.Type == "tmpfs" && (dest == "/dev" || strings.HasPrefix(dest, "/dev/")):
		kind = kindDev
	case m.Type == "tmpfs":
		kind = kindTmpfs
	}
	rule := mountPolicy[kind]
	verdict := rule.Entered
	if p.opts.Where == Direct {
		verdict = rule.Direct
	}
	granted := wasi.Mount{Guest: dest, ReadOnly: o.readOnly}
	var reason string
	switch {
	case kind == kindKernel:
		granted = wasi.Mount{Guest: dest, Hidden: true}
		reason = dest + " is " + rule.Why
	case p.opts.Where == Entered:
		granted.Host = dest
		reason = access(o.readOnly) + " at " + dest
	case kind == kindBind:
		reason = p.bind(field, m, &granted)
	case kind == kindTmpfs:
		granted.Tmpfs = &wasi.Tmpfs{SizeBytes: o.size, Mode: o.mode}
		reason = access(o.readOnly) + " at " + dest + ", in memory"
	case kind == kindDev:
		granted = wasi.Mount{Guest: dest, Hidden: true}
		reason = dest + " is empty: no devices and no shared memory without a container"
	default:
		p.reject(field+".type", m.Type, "nobody mounts this type without a container: mount it on the host and use a bind mount")
	}
	if len(p.errs) > failed {
		return
	}
	if coveredBy != 0 {
		p.record(field, Enforced, fmt.Sprintf("not there: mounts[%d] is mounted over it, as in a container", coveredBy))
		return
	}
	if dest != m.Destination {
		reason += fmt.Sprintf(", written %q", m.Destination)
	}
	p.record(field, verdict, reason)
	if granted.Hidden {
		p.hide(dest)
	} else {
		p.place(granted)
	}
}

// bind grants a source of the host in Direct and says so.
func (p *planner) bind(field string, m *specs.Mount, granted *wasi.Mount) string {
	if m.Source == "" {
		p.reject(field+".source", nil, "is missing: a bind mount needs a directory or file of the host")
		return ""
	}
	if !p.textual(field+".source", m.Source) {
		return ""
	}
	host, err := p.host(m.Source)
	if err != "" {
		p.reject(field+".source", m.Source, err)
		return ""
	}
	granted.Host = host
	return access(granted.ReadOnly) + " at " + granted.Guest + ": the host's " + host
}

func access(readOnly bool) string {
	if readOnly {
		return "read-only"
	}
	return "read-write"
}

// mountOptions are what the options of a mount say to a plan.
type mountOptions struct {
	bind, readOnly bool
	size           uint64
	mode           uint32
}

// options reads the options of a mount. In Direct it records those that do not have their effect.
func (p *planner) options(field string, m *specs.Mount) mountOptions {
	o := mountOptions{bind: m.Type == "bind"}
	tmpfs := m.Type == "tmpfs"
	direct := p.opts.Where == Direct
	for i, opt := range m.Options {
		at := func() string { return field + ".options[" + strconv.Itoa(i) + "]" }
		name, value, hasValue := strings.Cut(opt, "=")
		if hasValue {
			name += "="
		}
		switch name {
		case "ro", "rro":
			o.readOnly = true
		case "rw", "rrw":
			o.readOnly = false
		case "bind", "rbind":
			o.bind = true
		}
		rule := optionByName()[name]
		switch {
		case strings.IndexByte(opt, 0) >= 0:
			p.reject(at(), opt, "contains a NUL byte")
		case !direct || kernelTypes[m.Type]:
		case rule == nil || strings.HasPrefix(rule.Why, "tmpfs: ") && !tmpfs:
			p.reject(at(), opt, "is not an option of this kind of mount in runtime-spec")
		case name == "size=":
			p.size(at(), value, &o)
		case name == "mode=":
			mode, err := strconv.ParseUint(value, 8, 32)
			if err != nil || mode > 0o7777 {
				p.reject(at(), opt, "is not a mode in octal")
			}
			o.mode = uint32(mode)
		case rule.Direct == Rejected:
			p.reject(at(), opt, rule.Why)
		case rule.Direct != Granted:
			p.record(at(), rule.Direct, opt+": "+rule.Why)
		}
	}
	for _, ids := range []struct {
		name string
		set  bool
	}{{"uidMappings", len(m.UIDMappings) > 0}, {"gidMappings", len(m.GIDMappings) > 0}} {
		switch {
		case ids.set && direct:
			p.reject(field+"."+ids.name, nil, "owners cannot be mapped without a mount: remove it")
		case ids.set:
			p.record(field+"."+ids.name, Enforced, byRuntime)
		}
	}
	return o
}

// size reads the size of a tmpfs, as the kernel does: bytes, or with one of the suffixes k m g t p e.
func (p *planner) size(field, value string, o *mountOptions) {
	digits, shift := value, 0
	if n := len(value); n > 0 {
		if k := strings.IndexByte("kmgtpe", value[n-1]|0x20); k >= 0 {
			digits, shift = value[:n-1], 10*(k+1)
		}
	}
	if percent, ok := strings.CutSuffix(value, "%"); ok {
		if _, err := strconv.ParseUint(percent, 10, 32); err == nil {
			p.record(field, Limited, "a share of the host's memory is not known here: 64 MiB")
			return
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil || n<<shift>>shift != n:
		p.reject(field, value, "is not a size: write bytes, or a number with k, m or g")
	case n == 0:
		p.record(field, Limited, "no bound is not granted: 64 MiB")
	default:
		o.size = n << shift
	}
}
