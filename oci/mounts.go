package oci

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
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

// mountKind is an index into mountPolicy.
type mountKind int

const (
	bindMount mountKind = iota
	tmpfsMount
	devMount
	deviceMount
	kernelMount
	otherMount
)

var mountPolicy = [...]mountRule{
	bindMount:   {"bind, rbind", Granted, Granted, "a directory or file, read-only with ro or rro"},
	tmpfsMount:  {"tmpfs", Granted, Granted, "Direct: in memory, with size and mode"},
	devMount:    {"tmpfs at /dev or below", Granted, Limited, "Entered: no preopen of its own. Direct: hidden, no devices and no shared memory"},
	deviceMount: {"bind from below /dev to below /dev", Enforced, Granted, "Entered: seen through the mount of /dev, opens where harmless"},
	kernelMount: {"proc sysfs cgroup cgroup2 mqueue devpts", Enforced, Ignored, "hidden from the guest, as are binds of /proc and /sys to themselves"},
	otherMount:  {"any other", Granted, Rejected, "Direct: nobody mounts it; mount it on the host and use a bind mount"},
}

// kernelTypes show the kernel or the engine's own process. A guest has no process and is granted none of them.
var kernelTypes = map[string]bool{"proc": true, "sysfs": true, "cgroup": true, "cgroup2": true, "mqueue": true, "devpts": true}

// mountKindOf tells the kind of m, whose clean destination is dest.
func mountKindOf(m *specs.Mount, dest string) mountKind {
	bind := m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
	switch {
	case bind && m.Source == dest && (dest == "/proc" || dest == "/sys"):
		return kernelMount
	case bind && strings.HasPrefix(m.Source, "/dev/") && strings.HasPrefix(dest, "/dev/"):
		return deviceMount
	case bind:
		return bindMount
	case kernelTypes[m.Type]:
		return kernelMount
	case m.Type == "tmpfs" && (dest == "/dev" || strings.HasPrefix(dest, "/dev/")):
		return devMount
	case m.Type == "tmpfs":
		return tmpfsMount
	}
	return otherMount
}

// optionRule is one row of the policy for options of mounts in Direct. Entered, every option was applied by the
// runtime that made the container.
type optionRule struct {
	Names  string // separated by spaces; with "=" they take a value
	Tmpfs  bool   // of a tmpfs only
	Direct Verdict
	Why    string
}

var optionPolicy = []optionRule{
	{"ro rro rw rrw", false, Granted, "the last one counts, for everything beneath"},
	{"rbind", false, Granted, "what the host has mounted beneath the source comes with it"},
	{"bind", false, Ignored, "what the host has mounted beneath the source comes with it, as with rbind"},
	{"nosuid suid nodev dev noexec exec rnosuid rsuid rnodev rdev rnoexec rexec", false, Granted, "a guest executes no file, and of devices opens harmless ones only"},
	{"defaults async loud silent nomand symfollow rsymfollow", false, Granted, "as ever"},
	{"private rprivate slave rslave shared rshared unbindable runbindable", false, Ignored, "no mount namespace: what the host mounts beneath the source later appears"},
	{
		"atime noatime relatime norelatime strictatime nostrictatime diratime nodiratime lazytime nolazytime iversion noiversion " +
			"ratime rnoatime rrelatime rnorelatime rstrictatime rnostrictatime rdiratime rnodiratime",
		false, Ignored, "times of access are kept as the file system does",
	},
	{"sync dirsync mand", false, Ignored, "writes and locks are as on the file system"},
	{"size= mode=", true, Granted, "64 MiB where the size is absent, 0 or a percentage"},
	{"nr_inodes= nr_blocks= uid= gid= huge= mpol= inode32 inode64 noswap", true, Ignored, "a tmpfs in this process has no such property"},
	{"nosymfollow rnosymfollow", false, Rejected, "links cannot be forbidden without a container: remove it"},
	{"idmap ridmap", false, Rejected, "owners cannot be mapped without a container: remove it"},
	{"tmpcopyup", true, Rejected, "a tmpfs in this process starts empty: remove it"},
	{"remount", false, Rejected, "there is no mount to change: give its options to the mount itself"},
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
	for at := guest; at != "/"; at = parent(at) {
		if i, ok := p.at[at]; ok {
			return p.mounts[i]
		}
	}
	if i, ok := p.at["/"]; ok {
		return p.mounts[i]
	}
	return wasi.Mount{}
}

// parent is the directory of a clean absolute path other than "/".
func parent(guest string) string { return guest[:max(1, strings.LastIndexByte(guest, '/'))] }

// maxPath is Linux's PATH_MAX.
const maxPath = 4096

// hide makes guest not exist. It returns false if it does not exist already.
func (p *planner) hide(guest string) bool {
	if p.covering(guest).Hidden {
		return false
	}
	p.place(wasi.Mount{Guest: guest, Hidden: true})
	return true
}

// guestPath checks a path inside the container and cleans it, as runc does, without a look at links.
func (p *planner) guestPath(field, name string) (clean string, ok bool) {
	switch {
	case name == "":
		p.reject(field, nil, "is empty")
	case len(name) > maxPath:
		p.reject(field, name, "is longer than any path may be")
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
	dests := p.destinations()
	covers := coveredBy(dests)
	for i, m := range p.spec.Mounts {
		if dests[i] == "" || !p.mount(i, &m, dests[i], covers[i]) {
			p.partly(mountField(i))
		}
	}
}

// destinations are the clean destinations of the mounts; "" stands for one that is rejected.
func (p *planner) destinations() []string {
	dests := make([]string, len(p.spec.Mounts))
	for i, m := range p.spec.Mounts {
		dests[i], _ = p.guestPath(mountField(i)+".destination", m.Destination)
	}
	return dests
}

// coveredBy has for each of the destinations the index of a later one that covers it; 0 where none does.
func coveredBy(dests []string) []int {
	later := make(map[string]int, len(dests)) // by destination: the first mount after this one
	covers := make([]int, len(dests))
	for i := len(dests) - 1; i >= 0; i-- {
		for at := dests[i]; len(at) > 1; at = parent(at) {
			if j, ok := later[at]; ok {
				covers[i] = j
			}
		}
		later[dests[i]] = i
	}
	return covers
}

func mountField(i int) string { return "mounts[" + strconv.Itoa(i) + "]" }

// mount plans the mount with index i; coveredBy, if not 0, is the index of the mount that covers it. It returns false if
// something of the mount is rejected.
func (p *planner) mount(i int, m *specs.Mount, dest string, coveredBy int) bool {
	field := mountField(i)
	failed := len(p.errs)
	p.textual(field+".type", m.Type)
	for k, opt := range m.Options {
		p.textual(field+".options["+strconv.Itoa(k)+"]", opt)
	}
	if len(p.errs) > failed {
		return false
	}
	kind := mountKindOf(m, dest)
	verdict := mountPolicy[kind].in(p.opts.Where)
	granted := wasi.Mount{Guest: dest, ReadOnly: readOnly(m.Options)}
	reason := "at " + dest + ", read-write"
	if granted.ReadOnly {
		reason = "at " + dest + ", read-only"
	}
	switch {
	case kind == kernelMount:
		granted = wasi.Mount{Guest: dest, Hidden: true}
		reason = "at " + dest + ", hidden from the guest: it shows the host and the engine's process"
	case p.opts.Where == Entered && kind == deviceMount:
		granted = wasi.Mount{}
		reason = "at " + dest + ", seen through the mount of /dev, opens where harmless"
	case p.opts.Where == Entered:
		granted.Host = dest
		granted.NoPreopen = kind == devMount // of the container's surroundings, and no volume
	case kind == bindMount || kind == deviceMount:
		granted.Host = p.source(field+".source", m.Source)
		p.effects(field, m, nil)
		reason += ": the host's " + granted.Host
	case kind == tmpfsMount:
		granted.Tmpfs = &wasi.Tmpfs{}
		p.effects(field, m, granted.Tmpfs)
		reason += ", in memory"
	case kind == devMount:
		granted = wasi.Mount{Guest: dest, Hidden: true}
		reason = "at " + dest + ", hidden: no devices and no shared memory without a container"
	default:
		p.reject(field+".type", m.Type, mountPolicy[kind].Why)
	}
	if len(p.errs) > failed {
		return false
	}
	if coveredBy != 0 {
		p.record(field, Enforced, fmt.Sprintf("at %s, not there: mounts[%d] is mounted over it, as in a container", dest, coveredBy))
		return true
	}
	if dest != m.Destination {
		reason += fmt.Sprintf(" (written %q)", m.Destination)
	}
	p.record(field, verdict, reason)
	if granted.Hidden {
		p.hide(dest)
	} else if granted.Guest != "" {
		p.place(granted)
	}
	return true
}

func (r mountRule) in(w Where) Verdict {
	if w == Direct {
		return r.Direct
	}
	return r.Entered
}

// readOnly says whether a mount with these options is read-only: the last of them counts.
func readOnly(options []string) (ro bool) {
	for _, opt := range options {
		switch opt {
		case "ro", "rro":
			ro = true
		case "rw", "rrw":
			ro = false
		}
	}
	return ro
}

// source is the host path of a bind mount in Direct.
func (p *planner) source(field, source string) string {
	if source == "" {
		p.reject(field, nil, "is missing: a bind mount needs a directory or file of the host")
		return ""
	}
	if !p.textual(field, source) {
		return ""
	}
	host, err := p.host(source)
	if err != "" {
		p.reject(field, source, err)
	}
	return host
}

// effects checks the options of a mount in Direct, records those that are without effect, and takes the size and mode of
// a tmpfs.
func (p *planner) effects(field string, m *specs.Mount, tmpfs *wasi.Tmpfs) {
	for i, opt := range m.Options {
		at := field + ".options[" + strconv.Itoa(i) + "]"
		name, value, hasValue := strings.Cut(opt, "=")
		if hasValue {
			name += "="
		}
		rule := optionByName()[name]
		switch {
		case rule == nil || rule.Tmpfs && tmpfs == nil:
			p.reject(at, opt, "is no option that runtime-spec has for this mount")
		case name == "size=":
			p.size(at, value, tmpfs)
		case name == "mode=":
			mode, err := strconv.ParseUint(value, 8, 12)
			if err != nil {
				p.reject(at, opt, "is not a mode in octal")
			}
			tmpfs.Mode = uint32(mode)
		case rule.Direct == Rejected:
			p.reject(at, opt, rule.Why)
		case rule.Direct != Granted:
			p.record(at, rule.Direct, opt+": "+rule.Why)
		}
	}
	if len(m.UIDMappings) > 0 {
		p.reject(field+".uidMappings", nil, "owners cannot be mapped without a container: remove it")
	}
	if len(m.GIDMappings) > 0 {
		p.reject(field+".gidMappings", nil, "owners cannot be mapped without a container: remove it")
	}
}

// size reads the size of a tmpfs.
func (p *planner) size(field, value string, tmpfs *wasi.Tmpfs) {
	if percent, ok := strings.CutSuffix(value, "%"); ok {
		if _, err := strconv.ParseUint(percent, 10, 32); err == nil {
			p.record(field, Limited, "a share of the host's memory is not known here: 64 MiB")
			return
		}
	}
	switch n, ok := bytesOf(value); {
	case !ok:
		p.reject(field, value, "is not a size: write bytes, or a number with k, m or g")
	case n == 0:
		p.record(field, Limited, "no bound is not granted: 64 MiB")
	default:
		tmpfs.SizeBytes = n
	}
}

// bytesOf reads a size as the kernel does: bytes, or with one of the suffixes k m g t p e.
func bytesOf(value string) (n uint64, ok bool) {
	digits, shift := value, 0
	if n := len(value); n > 0 {
		if k := strings.IndexByte("kmgtpe", value[n-1]|0x20); k >= 0 {
			digits, shift = value[:n-1], 10*(k+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n << shift, err == nil && n<<shift>>shift == n
}
