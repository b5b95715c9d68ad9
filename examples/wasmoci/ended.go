//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// maxRecord bounds what is read of a record.
const maxRecord = 64 << 10

// end says how a container's guest has ended: what its runner has written down, or who killed it. The container's process is gone,
// and its cgroup is there yet.
func end(c *state.Container) string {
	rec, ok := recorded(c)
	if !ok {
		rec = killed(c)
	}
	text := fmt.Sprintf("%s, status %d", rec.Kind, rec.Status)
	if rec.Detail != "" {
		text += ": " + rec.Detail
	}
	return text
}

// recorded reads a container's record, which is empty as long as its guest runs, and for ever when its runner was killed.
func recorded(c *state.Container) (rec runner.Record, ok bool) {
	f, err := os.OpenFile(c.Record, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return rec, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return rec, false
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return rec, json.Unmarshal(line, &rec) == nil
}

// killed is what a runner that was killed could not write down.
func killed(c *state.Container) runner.Record {
	rec := runner.Record{Status: 128 + int(unix.SIGKILL), Kind: runner.KindKilled}
	if oomKills(c.Cgroup) > 0 {
		rec.Detail = "the container was out of memory"
	}
	return rec
}

// complete writes into the record of a container that has ended what its runner could not, before the delegate forgets the container
// and the kernel what it did. The record is for people: one that cannot be written to is left as it is.
func (r *ociRuntime) complete(c *state.Container) {
	if _, ok := recorded(c); ok || c.Record == "" {
		return
	}
	var about struct{ Status string }
	if out, err := r.ask(c, r.rooted("state", c.ID)...); err != nil || json.Unmarshal(out, &about) != nil || about.Status != "stopped" {
		return
	}
	f, err := os.OpenFile(c.Record, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if line, err := json.Marshal(killed(c)); err == nil {
		_, _ = f.Write(append(line, '\n'))
	}
}

// trim cuts off a record what there was room for. Nobody writes to it any more.
func trim(c *state.Container) {
	f, err := os.OpenFile(c.Record, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if len(line) > 0 {
		line = append(line, '\n')
	}
	_ = f.Truncate(int64(len(line)))
}
