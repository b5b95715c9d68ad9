//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// update becomes the delegate, for new limits of a WebAssembly container: not for those below what its runner needs, which create
// refuses, too. A guest keeps the bound that its memory had when it was made.
func (r *ociRuntime) update(c *state.Container, args []string) error {
	limits, err := limitsOf(args)
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	need := c.Made.Need
	if p := limits.Pids; p != nil && p.Limit != nil && *p.Limit > 0 && *p.Limit < need.Pids {
		return belowNeed("linux.resources.pids.limit", *p.Limit, need.Pids)
	}
	if m := limits.Memory; m != nil && m.Limit != nil && *m.Limit > 0 && *m.Limit < need.Memory+wasi.PageSize {
		return belowNeed("linux.resources.memory.limit", *m.Limit, need.Memory+wasi.PageSize)
	}
	return r.handOver(c)
}

func belowNeed(field string, limit, least int64) error {
	return &oci.SpecError{Field: field, Value: limit, Err: fmt.Errorf("is less than what the runner of the guest needs: set %d or more", least)}
}

// limitsOf is what the arguments of update ask for, as far as it matters to a runner. What is on standard input is there again. Arguments
// that are not understood are the delegate's to refuse.
func limitsOf(args []string) (limits specs.LinuxResources, err error) {
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		if !has && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "--resources", "-r":
			if err := readLimits(value, &limits); err != nil {
				return limits, err
			}
		case "--memory", "-m":
			if n, ok := bytesOf(value); ok {
				limits.Memory = &specs.LinuxMemory{Limit: &n}
			}
		case "--pids-limit":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				limits.Pids = &specs.LinuxPids{Limit: &n}
			}
		default:
			continue
		}
		if !has {
			i++
		}
	}
	return limits, nil
}

func readLimits(name string, limits *specs.LinuxResources) error {
	in := os.Stdin
	if name != "-" {
		f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, oci.MaxConfigBytes+1))
	if err == nil && len(data) > oci.MaxConfigBytes {
		err = fmt.Errorf("%s has more than %d bytes", name, oci.MaxConfigBytes)
	}
	if err == nil && name == "-" {
		err = setStdin(data)
	}
	if err != nil {
		return err
	}
	_ = json.NewDecoder(bytes.NewReader(data)).Decode(limits) // what is none is the delegate's to refuse
	return nil
}

// bytesOf reads a number of bytes, with a suffix as runc takes one.
func bytesOf(text string) (int64, bool) {
	text = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text), "b"), "i")
	shift := 0
	for i, suffix := range []string{"k", "m", "g", "t"} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			text, shift = number, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n << shift, err == nil
}

// setStdin makes data what this process, and what it becomes, reads from standard input.
func setStdin(data []byte) error {
	fd, err := unix.MemfdCreate("stdin", 0)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	if _, err = unix.Write(fd, data); err == nil {
		_, err = unix.Seek(fd, 0, io.SeekStart)
	}
	if err == nil {
		err = unix.Dup3(fd, 0, 0)
	}
	if cerr := unix.Close(fd); err == nil {
		err = cerr
	}
	return err
}
