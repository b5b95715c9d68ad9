package oci

import (
	"errors"
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// Need is what a runner takes of its container's limits, as measured. A limit that leaves less is refused before there is a
// container, with the field and the least that would do. Zero means that a limit does not matter to the runner.
type Need struct {
	Pids         int64 // threads: the least for linux.resources.pids.limit and RLIMIT_NPROC
	OpenFiles    int64 // descriptors: the least for RLIMIT_NOFILE
	AddressSpace int64 // bytes: the least for RLIMIT_AS
	Data         int64 // bytes: the least for RLIMIT_DATA
	FileSize     int64 // bytes: the least for RLIMIT_FSIZE
	Memory       int64 // bytes of linux.resources.memory.limit that are the runner's; the guest has the rest, at least a page
}

// tooLow is the error for a limit beneath what a runner needs.
func tooLow(field string, value any, least int64) *SpecError {
	return &SpecError{Field: field, Value: value, Err: fmt.Errorf("is less than what the runner of the guest needs: set %d or more", least)}
}

// rlimits checks the soft limits of a process, which are those that count.
func (n Need) rlimits(p *specs.Process) (errs []*SpecError) {
	least := map[string]int64{
		"RLIMIT_NPROC": n.Pids, "RLIMIT_NOFILE": n.OpenFiles, "RLIMIT_AS": n.AddressSpace, "RLIMIT_DATA": n.Data, "RLIMIT_FSIZE": n.FileSize,
	}
	for i, limit := range p.Rlimits {
		if need := least[limit.Type]; limit.Soft < uint64(need) {
			errs = append(errs, tooLow("process.rlimits["+strconv.Itoa(i)+"].soft", limit.Soft, need))
		}
	}
	return errs
}

// cgroup checks the limits of a cgroup, and takes the runner's memory off the guest's. A limit of pids that is negative is
// none, and so is 0 to crun, and to runc before 1.4.
func (n Need) cgroup(spec *specs.Spec, limits *wasi.Limits) (errs []*SpecError) {
	if spec.Linux == nil || spec.Linux.Resources == nil {
		return nil
	}
	resources := spec.Linux.Resources
	const pids, pidsMax = "linux.resources.pids.limit", "linux.resources.unified[pids.max]"
	if p := resources.Pids; p != nil && p.Limit != nil && *p.Limit > 0 && *p.Limit < n.Pids {
		errs = append(errs, tooLow(pids, *p.Limit, n.Pids))
	}
	if max, ok := resources.Unified["pids.max"]; ok && max != "max" {
		switch threads, err := strconv.ParseUint(max, 10, 63); {
		case err != nil:
			errs = append(errs, &SpecError{Field: pidsMax, Value: max, Err: errors.New(`is neither a number nor "max"`)})
		case threads < uint64(n.Pids):
			errs = append(errs, tooLow(pidsMax, max, n.Pids))
		}
	}

	var field string
	var value any
	const memory = "linux.resources.memory.limit"
	if limits.MemoryBytes > 0 {
		field, value = memory, limits.MemoryBytes
	} else if m := resources.Memory; m != nil && m.Limit != nil && *m.Limit > 0 { // a plan has refused it, and does not know of the runner
		errs = append(errs, tooLow(memory, *m.Limit, n.Memory+wasi.PageSize))
	}
	const memoryMax = "linux.resources.unified[memory.max]"
	if max, ok := resources.Unified["memory.max"]; ok && max != "max" {
		switch bytes, ok := bytesOf(max); {
		case !ok:
			errs = append(errs, &SpecError{Field: memoryMax, Value: max, Err: errors.New(`is neither a size nor "max"`)})
		case field == "" || bytes < limits.MemoryBytes:
			limits.MemoryBytes, field, value = bytes, memoryMax, max
		}
	}
	if field != "" {
		if least := n.Memory + wasi.PageSize; limits.MemoryBytes < uint64(least) {
			errs = append(errs, tooLow(field, value, least))
		} else {
			limits.MemoryBytes -= uint64(n.Memory)
		}
	}
	return errs
}
