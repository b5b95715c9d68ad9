//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/oci"
)

// A runner that gets no thread when it begins can only crash. What a bundle's limits say by themselves is Derive's to refuse; here is what
// others have of them.

// crowded refuses a process whose user has so many threads already that its limit leaves a runner too few. Root has no such limit, and in
// a user namespace of its own a user has none yet.
func crowded(spec *specs.Spec, p *specs.Process, need int64) error {
	i := slices.IndexFunc(p.Rlimits, func(l specs.POSIXRlimit) bool { return l.Type == "RLIMIT_NPROC" })
	if i < 0 || p.User.UID == 0 || ownUsers(spec) {
		return nil
	}
	limit := p.Rlimits[i].Soft
	if limit >= uint64(threadsOfAll()+need) { // whoever they belong to
		return nil
	}
	used := threadsOf(p.User.UID)
	if limit >= uint64(used+need) {
		return nil
	}
	return &oci.SpecError{
		Field: "process.rlimits[" + strconv.Itoa(i) + "].soft", Value: limit,
		Err: fmt.Errorf("leaves the runner of the guest too few threads, as user %d has %d already: set %d or more", p.User.UID, used, used+need),
	}
}

// ownUsers says whether a container's users are not those of this process, or this process's not the machine's.
func ownUsers(spec *specs.Spec) bool {
	if spec.Linux != nil && slices.ContainsFunc(spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace }) {
		return true
	}
	return !slices.Equal(strings.Fields(readString("/proc/self/uid_map")), []string{"0", "0", "4294967295"})
}

// threadsOfAll is how many threads the machine has.
func threadsOfAll() int64 {
	fields := strings.Fields(readString("/proc/loadavg"))
	if len(fields) < 4 {
		return 0
	}
	_, all, _ := strings.Cut(fields[3], "/")
	n, _ := strconv.ParseInt(all, 10, 64)
	return n
}

// threadsOf is how many threads a user has.
func threadsOf(uid uint32) (n int64) {
	processes, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, name := range processes {
		var own bool
		for line := range strings.Lines(readString(name)) {
			switch fields := strings.Fields(line); {
			case len(fields) < 2:
			case fields[0] == "Uid:":
				own = fields[1] == strconv.FormatUint(uint64(uid), 10)
			case fields[0] == "Threads:" && own:
				threads, _ := strconv.ParseInt(fields[1], 10, 64)
				n += threads
			}
		}
	}
	return n
}

// full refuses another runner in a container whose cgroup leaves it too few threads.
func full(cgroup string, need int64) error {
	if cgroup == "" {
		return nil
	}
	for _, dir := range []string{"/sys/fs/cgroup/pids" + cgroup, "/sys/fs/cgroup" + cgroup} {
		limit, err := strconv.ParseInt(strings.TrimSpace(readString(dir+"/pids.max")), 10, 64)
		if err != nil { // there is none
			continue
		}
		if used, _ := strconv.ParseInt(strings.TrimSpace(readString(dir+"/pids.current")), 10, 64); limit < used+need {
			return &oci.SpecError{
				Field: "linux.resources.pids.limit", Value: limit,
				Err: fmt.Errorf("leaves the runner of another guest too few threads, as the container has %d already: set %d or more (update --pids-limit)", used, used+need),
			}
		}
	}
	return nil
}
