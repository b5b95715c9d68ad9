package oci

import (
	"strconv"
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// maskedPaths hides paths from the guest, and all that is mounted at or beneath them. Entered, the container's runtime
// has masked them.
func (p *planner) maskedPaths(r *rule) {
	if p.opts.Where == Entered {
		p.usual(r)
		return
	}
	failed := len(p.errs)
	masked := map[string]bool{}
	for i, name := range p.spec.Linux.MaskedPaths {
		at := r.Field + "[" + strconv.Itoa(i) + "]"
		if guest, ok := p.guestPath(at, name); ok {
			masked[guest] = true
			if p.hide(guest) {
				p.record(at, Limited, guest+" does not exist for the guest; where it is a link, what it leads to does")
			}
		}
	}
	p.unmount(masked)
	if len(p.errs) > failed {
		p.partly(r.Field)
		return
	}
	p.usual(r)
}

// unmount takes what is beneath a masked path out of the tree.
func (p *planner) unmount(masked map[string]bool) {
	kept := p.mounts[:0]
	clear(p.at)
	for _, m := range p.mounts {
		under := false
		for at := m.Guest; len(at) > 1 && !under; at = parent(at) {
			under = masked[at] && at != m.Guest
		}
		if !under {
			p.at[m.Guest] = len(kept)
			kept = append(kept, m)
		}
	}
	p.mounts = kept
}

// readonlyPaths checks that the paths are on read-only or hidden mounts. A writable mount cannot be made read-only from
// a path on: the host path would have to be opened by name when the run starts, and an image could have put a link
// to anywhere there. What is beneath /proc and /sys, which no guest needs, is hidden instead.
func (p *planner) readonlyPaths(r *rule) {
	if p.opts.Where == Entered {
		p.usual(r)
		return
	}
	failed := len(p.errs)
	for i, name := range p.spec.Linux.ReadonlyPaths {
		at := r.Field + "[" + strconv.Itoa(i) + "]"
		guest, ok := p.guestPath(at, name)
		if !ok {
			continue
		}
		switch m := p.covering(guest); {
		case m.ReadOnly || m.Hidden:
		case strings.HasPrefix(guest, "/proc/") || strings.HasPrefix(guest, "/sys/"):
			p.place(wasi.Mount{Guest: guest, Hidden: true})
			p.record(at, Limited, guest+" does not exist for the guest")
		default:
			p.reject(at, name, "is on a writable mount, and becomes read-only only in a container: set root.readonly, or ro on the mount")
		}
	}
	if len(p.errs) > failed {
		p.partly(r.Field)
		return
	}
	p.usual(r)
}
