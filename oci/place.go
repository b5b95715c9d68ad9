package oci

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// runnerPlace is where a runner is mounted. On the tmpfs that a container has at /dev mount points can be made, whatever the
// rootfs is, and nothing of them stays in the rootfs.
const runnerPlace = "/dev/.wasmoci"

// placeOf decides how the runner gets into the container: by mount at runnerPlace, or by descriptor. A spec that names the
// runner's place itself is rejected, as is one that leaves no way. A runner with libraries needs a place for them.
func placeOf(spec *specs.Spec, libraries bool) (byDescriptor bool, errs []*SpecError) {
	if errs := placeIsFree(spec); len(errs) > 0 {
		return false, errs
	}
	noMount := whyNoMount(spec)
	if noMount == "" {
		return false, nil
	}
	noDescriptor := whyNoDescriptor(spec)
	if libraries {
		noDescriptor = "a runner with shared libraries, as this engine's, cannot come by descriptor (an engine with a static one can: wazero, wasmtime)"
	}
	if noDescriptor == "" {
		return true, nil
	}
	return false, []*SpecError{{Field: "mounts", Err: fmt.Errorf(
		"have no place for the runner of the guest: %s, and %s: mount a tmpfs at /dev or a proc at /proc, as runtimes do by default", noMount, noDescriptor)}}
}

// placeIsFree refuses a spec that has something of its own at the runner's place.
func placeIsFree(spec *specs.Spec) (errs []*SpecError) {
	check := func(field, name string) {
		if clean := path.Join("/", name); clean == runnerPlace || strings.HasPrefix(clean, runnerPlace+"/") {
			errs = append(errs, &SpecError{Field: field, Value: name, Err: errors.New("is the place of the guest's runner: choose another one")})
		}
	}
	for i, m := range spec.Mounts {
		check(mountField(i)+".destination", m.Destination)
	}
	if spec.Linux != nil {
		for i, d := range spec.Linux.Devices {
			check("linux.devices["+strconv.Itoa(i)+"].path", d.Path)
		}
		for i, name := range spec.Linux.MaskedPaths {
			check("linux.maskedPaths["+strconv.Itoa(i)+"]", name)
		}
		for i, name := range spec.Linux.ReadonlyPaths {
			check("linux.readonlyPaths["+strconv.Itoa(i)+"]", name)
		}
	}
	return errs
}

// whyNoMount says why nothing can be mounted at runnerPlace without a trace, or where the image or the caller could reach
// it in another way; "" if it can. A read-only /dev is fine: runtimes make it so when all is mounted.
func whyNoMount(spec *specs.Spec) string {
	i := lastMountAt(spec, "/dev")
	switch {
	case i < 0:
		return "nothing is mounted at /dev"
	case mountKindOf(&spec.Mounts[i], "/dev") != devMount:
		return mountField(i) + " at /dev is no tmpfs of its own"
	case isListed(spec, "/dev", true):
		return "/dev is masked or made read-only by a mount over it"
	}
	for _, opt := range spec.Mounts[i].Options {
		name, value, _ := strings.Cut(opt, "=")
		switch name {
		case "tmpcopyup":
			return mountField(i) + " at /dev has what the image has there (tmpcopyup)"
		case "mode":
			if mode, err := strconv.ParseUint(value, 8, 32); err != nil || mode&0o1 == 0 {
				return mountField(i) + " at /dev is not for every user (" + opt + ")"
			}
		}
	}
	return ""
}

// whyNoDescriptor says why a process in the container cannot name its own descriptors; "" if it can.
func whyNoDescriptor(spec *specs.Spec) string {
	i := lastMountAt(spec, "/proc")
	if i < 0 {
		return "nothing is mounted at /proc"
	}
	m := &spec.Mounts[i]
	switch {
	case mountKindOf(m, "/proc") != kernelMount, m.Source != "/proc" && m.Type != "proc":
		return mountField(i) + " at /proc is no proc"
	case slices.Contains(m.Options, "nosymfollow"):
		return mountField(i) + " at /proc follows no links (nosymfollow)"
	}
	for _, at := range []string{"/proc/self", "/proc/self/fd"} {
		if j := lastMountAt(spec, at); j > i {
			return mountField(j) + " covers " + at
		}
	}
	for _, at := range []string{"/proc", "/proc/self", "/proc/self/fd"} {
		if isListed(spec, at, false) {
			return at + " is masked"
		}
	}
	return ""
}

// lastMountAt is the index of the mount that is at dest in the end; -1 where there is none.
func lastMountAt(spec *specs.Spec, dest string) int {
	for i, m := range slices.Backward(spec.Mounts) {
		if path.Join("/", m.Destination) == dest {
			return i
		}
	}
	return -1
}

// isListed says whether name is masked, or as well if it is among the read-only paths.
func isListed(spec *specs.Spec, name string, readonly bool) bool {
	if spec.Linux == nil {
		return false
	}
	same := func(listed string) bool { return path.Join("/", listed) == name }
	return slices.ContainsFunc(spec.Linux.MaskedPaths, same) || readonly && slices.ContainsFunc(spec.Linux.ReadonlyPaths, same)
}
