//go:build linux

package subprocess_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// children are the processes whose parent is this one, zombies among them.
func children(t *testing.T) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		var pid, parent int
		if _, err := fmt.Sscan(strings.Split(name, "/")[2], &pid); err != nil {
			t.Fatal(err)
		}
		_, after, _ := bytes.Cut(b, []byte(") "))
		if _, err := fmt.Sscan(string(after[2:]), &parent); err != nil {
			t.Fatal(err)
		}
		if parent == os.Getpid() {
			list = append(list, pid)
		}
	}
	return list
}

type possessions struct{ descriptors, goroutines, threads, children, files int }

func count(t *testing.T, dirs ...string) (p possessions) {
	t.Helper()
	list := func(dir string) int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	p = possessions{list("/proc/self/fd"), runtime.NumGoroutine(), list("/proc/self/task"), len(children(t)), 0}
	for _, dir := range dirs {
		p.files += list(dir)
	}
	return p
}

// returns waits until this process has no more than before. Threads Go keeps for later: a few more are no leak.
func (p possessions) returns(t *testing.T, dirs ...string) {
	t.Helper()
	for end := time.Now().Add(late); ; time.Sleep(10 * time.Millisecond) {
		now := count(t, dirs...)
		if now.descriptors <= p.descriptors && now.goroutines <= p.goroutines && now.children <= p.children && now.files <= p.files &&
			now.threads <= p.threads+16 {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 64<<10)
			t.Fatalf("before %+v, after %+v\n%s", p, now, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// ways a run can go.
func runOne(t *testing.T, way int, quickModule, trapModule, spinModule engine.Module) {
	var out bytes.Buffer
	cfg := &wasi.Config{Stdin: strings.NewReader("x"), Stdout: &out}
	switch way % 4 {
	case 0:
		if err := engine.Run(t.Context(), quickModule, cfg); err != nil {
			t.Error(err)
		}
	case 1:
		if err := engine.Run(t.Context(), trapModule, cfg); !errors.Is(err, engine.TrapUnreachable) {
			t.Error(err)
		}
	case 2:
		cfg.Mounts = []wasi.Mount{{Guest: "/", Host: "/no/such/directory"}}
		if err := engine.Run(t.Context(), quickModule, cfg); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	case 3:
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := engine.Run(ctx, spinModule, cfg); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
}

func TestNothingLeft(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	before := count(t, temp)
	eng := open(t, subprocess.Config{Engine: "wazero"}, engine.Options{})
	modules := [3]engine.Module{compile(t, eng, quick), compile(t, eng, trap), compile(t, eng, spin)}
	for way := range 8 {
		runOne(t, way, modules[0], modules[1], modules[2])
	}
	steady := count(t)
	for way := range 200 {
		runOne(t, way, modules[0], modules[1], modules[2])
	}
	steady.returns(t)
	if err := eng.Close(); err != nil {
		t.Fatal(err)
	}
	before.returns(t, temp)
}

// TestOnce: nothing is written where there is no cache and a module is run once, and further runs work all the same.
func TestOnce(t *testing.T) {
	t.Setenv("TMPDIR", "/no/such/directory")
	var place *os.PathError
	if _, err := subprocess.New(t.Context(), subprocess.Config{Engine: "wazero"}, engine.Options{}); !errors.As(err, &place) {
		t.Errorf("with a private cache: %v", err)
	}
	eng := open(t, subprocess.Config{Engine: "wazero", Once: true}, engine.Options{})
	m := compile(t, eng, quick)
	for range 3 {
		if err := engine.Run(t.Context(), m, nil); err != nil {
			t.Error(err)
		}
	}
}

// TestRandomCancellation ends a thousand runs, and their engines' compilations, at any moment, on each engine that this program has.
func TestRandomCancellation(t *testing.T) {
	for _, d := range engine.List() {
		if d.Open != nil && d.Name != testEngine {
			t.Run(d.Name, func(t *testing.T) { cancelAtRandom(t, d.Name) })
		}
	}
}

func cancelAtRandom(t *testing.T, name string) {
	temp, cache := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	if err := os.Chmod(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	before := count(t, temp)
	eng := open(t, subprocess.Config{Engine: name}, engine.Options{CacheDir: cache})
	m := compile(t, eng, spin)
	cached := count(t, cache)
	var heap, grown runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&heap)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 250 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(30_000))*time.Microsecond)
				var out bytes.Buffer
				err := engine.Run(ctx, m, &wasi.Config{Stdin: strings.NewReader(""), Stdout: &out})
				if !errors.Is(err, context.DeadlineExceeded) || engine.ExitCode(err) != 137 {
					t.Errorf("got %v", err)
				}
				if rand.IntN(10) == 0 {
					if other, err := eng.Compile(ctx, engine.FromBytes(spin)); err == nil {
						_ = other.Close()
					} else if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("compile: got %v", err)
					}
				}
				cancel()
			}
		})
	}
	workers.Wait()
	if err := eng.Close(); err != nil {
		t.Fatal(err)
	}
	before.returns(t, temp)
	if now := count(t, cache); now.files > cached.files {
		t.Errorf("the cache has %d entries, and had %d", now.files, cached.files)
	}
	runtime.GC()
	runtime.ReadMemStats(&grown)
	if grown.HeapAlloc > heap.HeapAlloc+4<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", heap.HeapAlloc, grown.HeapAlloc)
	}
}

// TestInherited checks that a child has nothing of this process but what it was given.
func TestInherited(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/secret")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd())) // not closed on exec
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	t.Setenv("SECRET", "inherited")
	m := compile(t, open(t, subprocess.Config{Engine: testEngine, Env: []string{"GIVEN=1"}}, engine.Options{}), quick)
	for range 2 { // in the process that compiled, and in one that did not
		var out bytes.Buffer
		if err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"describe"}, Stdout: &out}); err != nil {
			t.Fatal(err)
		}
		pipes, sockets := 0, 0
		for line := range strings.Lines(out.String()) {
			switch line = strings.TrimSpace(line); {
			case strings.HasPrefix(line, "pipe:"):
				pipes++ // its last words, thrice
			case strings.HasPrefix(line, "socket:"):
				sockets++ // to the parent, and to Stdout
			case strings.HasPrefix(line, "anon_inode:"), strings.HasPrefix(line, "/proc/"), strings.HasPrefix(line, "/sys/fs/cgroup/"): // of Go's runtime
			case line == `env ["GIVEN=1"]`, line == "dir /", line == "leader true":
			default:
				t.Errorf("the child has %s", line)
			}
		}
		if pipes != 3 || sockets != 2 {
			t.Errorf("%d pipes and %d sockets:\n%s", pipes, sockets, out.String())
		}
	}
}

// TestSweep checks that what a killed process left is removed, and what another one uses is not.
func TestSweep(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	left, young := temp+"/wasmoci-engine-left", temp+"/wasmoci-engine-young"
	for _, dir := range []string{left, young} {
		if err := os.MkdirAll(dir+"/entry", 0o700); err != nil {
			t.Fatal(err)
		}
	}
	other := open(t, subprocess.Config{Engine: testEngine}, engine.Options{})
	old := time.Now().Add(-time.Hour)
	entries, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(young) {
			if err := os.Chtimes(filepath.Join(temp, e.Name()), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	eng := open(t, subprocess.Config{Engine: testEngine}, engine.Options{})
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what was left is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
	for _, e := range []engine.Engine{other, eng} {
		compile(t, e, quick)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries, err = os.ReadDir(temp); err != nil || len(entries) != 1 {
		t.Errorf("%v are left, %v", entries, err)
	}
}
