//go:build linux

package main

import (
	"os"
	"strconv"
	"strings"
)

// cgroupMemory is the directories of a cgroup that counts memory: of the first version of cgroups, and of the second.
func cgroupMemory(cgroup string) (dirs [2]string) {
	return [2]string{"/sys/fs/cgroup/memory" + cgroup, "/sys/fs/cgroup" + cgroup}
}

// counters reads a file of lines with a name and a number each.
func counters(name string) map[string]int64 {
	all := make(map[string]int64)
	for line := range strings.Lines(readString(name)) {
		if key, text, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[key], _ = strconv.ParseInt(text, 10, 64)
		}
	}
	return all
}

// oomKills is how many processes the kernel has killed in a container's cgroup, which is there until it is deleted.
func oomKills(cgroup string) int64 {
	if cgroup == "" {
		return 0
	}
	dirs := cgroupMemory(cgroup)
	return counters(dirs[0] + "/memory.oom_control")["oom_kill"] + counters(dirs[1] + "/memory.events")["oom_kill"]
}

// memoryLimit is the limit that a cgroup of its own has now, in bytes; 0 is none.
func memoryLimit(cgroup string) int64 {
	if cgroup == "" {
		return 0
	}
	dirs := cgroupMemory(cgroup)
	for _, name := range []string{dirs[0] + "/memory.limit_in_bytes", dirs[1] + "/memory.max"} {
		if n, err := strconv.ParseInt(strings.TrimSpace(readString(name)), 10, 64); err == nil && n < 1<<62 { // what stands for none is more
			return n
		}
	}
	return 0
}

// memoryUsed is how many bytes of a container's memory are in use, without what the kernel takes back where memory is short: the
// content of files.
func memoryUsed(cgroup string) int64 {
	if cgroup == "" {
		return 0
	}
	dirs := cgroupMemory(cgroup)
	name, prefix := dirs[1]+"/memory.current", ""
	dir := dirs[1]
	if _, err := os.Stat(dirs[0]); err == nil {
		dir, name, prefix = dirs[0], dirs[0]+"/memory.usage_in_bytes", "total_"
	}
	used, _ := strconv.ParseInt(strings.TrimSpace(readString(name)), 10, 64)
	content := counters(dir + "/memory.stat")
	return max(0, used-content[prefix+"active_file"]-content[prefix+"inactive_file"])
}
