//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// hasten has the kernel prepare for a process to be put into a cgroup, which the delegate does with the container's in a moment. The
// first such move waits 5 to 15 ms until all processors have noticed, and those soon after do not. So this process is put where it is:
// nothing changes. It is the first version of cgroups that needs this: in the second, processes are made in their cgroup.
func hasten() {
	for line := range strings.Lines(readString("/proc/self/cgroup")) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || fields[1] == "" || strings.Contains(fields[1], "=") {
			continue
		}
		procs := filepath.Join("/sys/fs/cgroup", fields[1], fields[2], "cgroup.procs")
		if !slices.Contains(strings.Fields(readString(procs)), strconv.Itoa(os.Getpid())) {
			continue // what is mounted here is no view of this process's own
		}
		if f, err := os.OpenFile(procs, os.O_WRONLY, 0); err == nil { // who may not will wait
			_, _ = f.WriteString("0")
			f.Close()
		}
		return
	}
}
