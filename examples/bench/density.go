package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	ours "github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

//go:generate wat2wasm testdata/blocked.wat -o testdata/blocked.wasm

//go:embed testdata/blocked.wasm
var blocked []byte

const (
	crowd     = 1000     // guests at once
	mostBytes = 64 << 10 // for each of them, beyond its memory
)

// density measures what a guest that waits costs beyond its linear memory, which is one page and resident: of a crowd of them,
// what the process has more of resident memory and page tables, after a collection.
func density(parent context.Context) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	eng, err := ours.New(parent, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	module, err := eng.Compile(parent, engine.FromBytes(blocked))
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		entrypoint, what string
		calls            uint64 // the last of them blocks
		grant            func(i int, cfg *wasi.Config) (closers []func() error, err error)
	}{
		{"sleep", "sleeps", 1, nil},
		{"read", "reads an empty pipe", 1, grantPipe},
		{"poll", "polls an empty pipe and a clock", 1, grantPipe},
		{"accept", "accepts on a socket", 2, func(i int, cfg *wasi.Config) ([]func() error, error) {
			return grantListener(filepath.Join(dir, fmt.Sprint(i)), cfg)
		}},
	} {
		beyond := func(n int) (bytes int, err error) {
			ctx, cancel := context.WithCancel(parent)
			var guests []engine.Instance
			var closers []func() error
			defer func() {
				cancel()
				for _, g := range guests {
					_ = g.Wait()
				}
				for _, c := range closers {
					err = errors.Join(err, c())
				}
			}()
			before, err := footprint()
			if err != nil {
				return 0, err
			}
			for i := range n {
				cfg := &wasi.Config{Entrypoint: c.entrypoint}
				if c.grant != nil {
					more, err := c.grant(i, cfg)
					closers = append(closers, more...)
					if err != nil {
						return 0, err
					}
				}
				g, err := module.Start(ctx, cfg)
				if err != nil {
					return 0, err
				}
				guests = append(guests, g)
			}
			late := time.Now().Add(time.Minute)
			for _, g := range guests {
				for g.Stats().HostCalls < c.calls {
					if time.Now().After(late) {
						return 0, errors.New("density: the guests do not block")
					}
					time.Sleep(time.Millisecond)
				}
			}
			time.Sleep(100 * time.Millisecond) // from the beginning of the call to where it waits
			during, err := footprint()
			return during - before - n*wasi.PageSize, err
		}
		if _, err := beyond(1); err != nil { // what is made once
			return nil, err
		}
		bytes, err := beyond(crowd)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.entrypoint, err)
		}
		rows = append(rows, row{
			what:     fmt.Sprintf("memory of a guest that %s, one of %d, against 64 KiB", c.what, crowd),
			measured: time.Duration(bytes / crowd), against: mostBytes, bytes: true, limit: 1,
		})
	}
	return rows, nil
}

func grantPipe(_ int, cfg *wasi.Config) ([]func() error, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cfg.Stdin = r
	return []func() error{r.Close, w.Close}, nil
}

func grantListener(name string, cfg *wasi.Config) ([]func() error, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, err
	}
	f, err := l.File()
	if err != nil {
		return []func() error{l.Close}, err
	}
	cfg.Listeners = []wasi.Listener{{Name: "socket", File: f}}
	return []func() error{l.Close, f.Close}, nil
}

// footprint is the resident memory of this process and its page tables, in bytes, after what nobody uses is given back.
func footprint() (bytes int, err error) {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what pools keep lives for one collection more
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("density: needs Linux: %w", err)
	}
	for _, field := range []string{"VmRSS:", "VmPTE:"} {
		_, rest, _ := strings.Cut(string(status), field)
		kib := 0
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			return 0, fmt.Errorf("density: %s %w", field, err)
		}
		bytes += kib << 10
	}
	return bytes, nil
}
