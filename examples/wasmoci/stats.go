//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// statsFlag is the flag of events that asks for one look, and no more.
const statsFlag = "--stats"

// engineStats is what is known of a guest beside what the kernel counts of its container. It is data.wasmoci of an event of stats.
type engineStats struct {
	Engine string `json:"engine"`
	Module string `json:"module"`
	// Code is "compiled" where the container's module was compiled for it, and "cache" where that had been done before.
	Code string `json:"code"`
	// CompileTime is what compiling took, in nanoseconds; 0 for code of the cache.
	CompileTime int64 `json:"compile_time"`
	// Resident and ResidentPeak are the memory of the container's process, its engine with the guest's linear memory, in bytes.
	Resident     int64 `json:"resident"`
	ResidentPeak int64 `json:"resident_peak"`
}

// stats prints what a WebAssembly container uses, as an event of runc's: what the delegate prints, or where it has no such command (crun)
// what the container's cgroup counts, with what is known of the guest.
func (r *ociRuntime) stats(w io.Writer, c *state.Container) error {
	out, err := r.ask(c, r.rooted("state", c.ID)...)
	if err != nil {
		return err
	}
	var about struct {
		Status string
		Pid    int
	}
	if err := json.Unmarshal(out, &about); err != nil {
		return fmt.Errorf("the delegate's state: %w", err)
	}
	if about.Status == "stopped" {
		return &endedError{c}
	}
	data := make(map[string]any)
	if out, err := exec.Command(c.Delegate, r.rooted("events", statsFlag, c.ID)...).Output(); err == nil {
		var event struct{ Data map[string]any }
		d := json.NewDecoder(bytes.NewReader(out))
		d.UseNumber()
		if err := d.Decode(&event); err != nil {
			return fmt.Errorf("the delegate's events: %w", err)
		}
		maps.Copy(data, event.Data)
	} else {
		data = cgroupStats(c.Cgroup)
	}
	own := engineStats{Engine: c.Engine, Module: c.Module, Code: "cache", CompileTime: int64(c.Compiled)}
	if c.Compiled > 0 {
		own.Code = "compiled"
	}
	for line := range strings.Lines(readString(fmt.Sprintf("/proc/%d/status", about.Pid))) {
		key, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch key {
		case "VmRSS":
			own.Resident = n << 10
		case "VmHWM":
			own.ResidentPeak = n << 10
		}
	}
	data["wasmoci"] = own
	return json.NewEncoder(w).Encode(map[string]any{"type": "stats", "id": c.ID, "data": data})
}

// endedError is a container that nothing happens in any more.
type endedError struct{ container *state.Container }

func (e *endedError) Error() string {
	return fmt.Sprintf("events: container %q is not running: %s", e.container.ID, end(e.container))
}

// watch is the verb events for a WebAssembly container.
func (r *ociRuntime) watch(w io.Writer, c *state.Container, args []string) error {
	if slices.Contains(args, statsFlag) {
		return r.stats(w, c)
	}
	return r.events(w, c, args)
}

// events prints a WebAssembly container's stats again and again until it has ended, and when the kernel has killed for want of memory, as
// runc does: crun has no such command.
func (r *ociRuntime) events(w io.Writer, c *state.Container, args []string) error {
	interval, err := intervalOf(args)
	if err != nil {
		return err
	}
	killed := oomKills(c.Cgroup)
	for first := true; first || r.exists(c.ID, c); first = false {
		if now := oomKills(c.Cgroup); now > killed {
			killed = now
			if err := json.NewEncoder(w).Encode(map[string]any{"type": "oom", "id": c.ID}); err != nil {
				return err
			}
		}
		var ended *endedError
		if err := r.stats(w, c); errors.As(err, &ended) && !first {
			return nil
		} else if err != nil {
			return err
		}
		time.Sleep(interval)
	}
	return nil
}

// intervalOf is the time between two looks, that of the flag --interval or runc's.
func intervalOf(args []string) (time.Duration, error) {
	for i, arg := range args {
		name, value, has := strings.Cut(arg, "=")
		if strings.TrimLeft(name, "-") != "interval" || !strings.HasPrefix(name, "-") {
			continue
		}
		if !has && i+1 < len(args) {
			value = args[i+1]
		}
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return 0, fmt.Errorf("events: --interval %q is no time that passes: write it as 5s", value)
		}
		return d, nil
	}
	return 5 * time.Second, nil
}

// cgroupStats is what the kernel counts in a cgroup of either version, as runc names it. What cannot be read is left out; so is all where
// it is not known which cgroup that is.
func cgroupStats(cgroup string) map[string]any {
	if cgroup == "" { // the machine's own
		return make(map[string]any)
	}
	number := func(controller string, names ...string) int64 { // the first that there is: of version 1, then of version 2
		for _, dir := range []string{"/sys/fs/cgroup/" + controller + cgroup, "/sys/fs/cgroup" + cgroup} {
			for _, name := range names {
				if text := strings.TrimSpace(readString(dir + "/" + name)); text != "" {
					n, _ := strconv.ParseUint(text, 10, 63) // "max", and what stands for it, is 0: no limit
					return int64(n)
				}
			}
		}
		return 0
	}
	stat := func(controller, name string) map[string]int64 {
		if all := counters("/sys/fs/cgroup/" + controller + cgroup + "/" + name); len(all) > 0 {
			return all
		}
		return counters("/sys/fs/cgroup" + cgroup + "/" + name)
	}
	cpu := stat("cpu", "cpu.stat")
	total, user, kernel := cpu["usage_usec"]*1000, cpu["user_usec"]*1000, cpu["system_usec"]*1000
	if total == 0 {
		total, user, kernel = number("cpuacct", "cpuacct.usage"), number("cpuacct", "cpuacct.usage_user"), number("cpuacct", "cpuacct.usage_sys")
	}
	raw := stat("memory", "memory.stat")
	limit := number("memory", "memory.limit_in_bytes", "memory.max")
	if limit >= 1<<62 {
		limit = 0
	}
	return map[string]any{
		"cpu": map[string]any{
			"usage": map[string]int64{"total": total, "user": user, "kernel": kernel},
			"throttling": map[string]int64{
				"periods": cpu["nr_periods"], "throttledPeriods": cpu["nr_throttled"], "throttledTime": cpu["throttled_time"] + cpu["throttled_usec"]*1000,
			},
		},
		"memory": map[string]any{
			"cache": raw["cache"] + raw["file"],
			"usage": map[string]int64{
				"usage": number("memory", "memory.usage_in_bytes", "memory.current"), "max": number("memory", "memory.max_usage_in_bytes", "memory.peak"),
				"limit": limit, "failcnt": number("memory", "memory.failcnt"),
			},
			"raw": raw,
		},
		"pids":  map[string]int64{"current": number("pids", "pids.current"), "limit": number("pids", "pids.max")},
		"blkio": map[string]any{},
	}
}
