//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// gated is a container with a gate, before which nobody waits yet.
func gated(t *testing.T, record string) (*state.Store, *state.Container) {
	t.Helper()
	dir := t.TempDir()
	c := &state.Container{ID: "c", Ahead: true, Complete: true, Record: filepath.Join(dir, "c", "record.json")}
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{gateFIFO, readyFIFO} {
		if err := unix.Mkfifo(filepath.Join(dir, "c", name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(c.Record, []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	return state.At(dir), c
}

// TestLetGo: who waits is let go, once.
func TestLetGo(t *testing.T) {
	store, c := gated(t, "")
	held := make(map[string]*os.File) // as the runner has them
	for _, name := range []string{gateFIFO, readyFIFO} {
		f, err := os.OpenFile(filepath.Join(store.Path("c"), name), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		held[name] = f
	}
	if !waiting(store, c) {
		t.Error("it does not wait")
	}
	said := make(chan error, 1)
	go func() {
		_, err := held[readyFIFO].Write([]byte{runner.ReadySignals})
		if err == nil {
			_, err = held[gateFIFO].Read(make([]byte, 1))
			held[gateFIFO].Close()
		}
		if err == nil {
			_, err = held[readyFIFO].Write([]byte{runner.ReadyGuest})
		}
		said <- err
	}()
	ready, err := openReady(store, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	r := &ociRuntime{}
	if err := r.letGo(store, c, ready); err != nil {
		t.Error(err)
	}
	if err := <-said; err != nil {
		t.Error(err)
	}
	if waiting(store, c) {
		t.Error("it waits still")
	}
	if err := r.letGo(store, c, ready); err == nil || !strings.Contains(err.Error(), `"c" does not wait for its start`) {
		t.Errorf("once more: %v", err)
	}
}

// TestLetGoEnded: a runner that has failed before it was let go has an exit status, which is for its client to see; one that was ended has not
// been started.
func TestLetGoEnded(t *testing.T) {
	for name, c := range map[string]struct {
		record string
		fails  bool
	}{
		"failed":        {`{"status":125,"kind":"error","detail":"no code"}`, false},
		"out of memory": {`{"status":137,"kind":"killed","detail":"the container was out of memory"}`, false},
		"TERM":          {`{"status":143,"kind":"signal","detail":"15"}`, true},
		"KILL":          {"\n\n\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			store, made := gated(t, c.record)
			err := (&ociRuntime{}).letGo(store, made, nil)
			if c.fails != (err != nil) || c.fails && !strings.Contains(err.Error(), "has ended before") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestLetGoOnce: what was let go has been started, also where it takes its time, and whoever let it go is gone.
func TestLetGoOnce(t *testing.T) {
	store, c := gated(t, "")
	gate, err := os.OpenFile(filepath.Join(store.Path("c"), gateFIFO), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	said, err := os.OpenFile(filepath.Join(store.Path("c"), readyFIFO), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	ready, err := openReady(store, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	done := make(chan error, 1)
	go func() { done <- (&ociRuntime{}).letGo(store, c, ready) }()
	for begun := time.Now(); waiting(store, c); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("it waits still")
		}
	}
	if _, err := gate.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Write([]byte{runner.ReadyGuest}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestLetGoTooLate: a runner of which one thread is left has the gate open yet, and reads nothing any more.
func TestLetGoTooLate(t *testing.T) {
	for name, c := range map[string]struct {
		record       string
		taken, fails bool
	}{
		"killed":            {record: "\n\n\n", fails: true},
		"TERM":              {record: `{"status":143,"kind":"signal","detail":"15"}`, fails: true},
		"failed":            {record: `{"status":125,"kind":"error","detail":"no code"}`},
		"killed afterwards": {record: "\n\n\n", taken: true},
	} {
		t.Run(name, func(t *testing.T) {
			store, made := gated(t, c.record)
			var held []*os.File
			for _, name := range []string{gateFIFO, readyFIFO} {
				f, err := os.OpenFile(filepath.Join(store.Path("c"), name), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				held = append(held, f)
			}
			ready, err := openReady(store, "c")
			if err != nil {
				t.Fatal(err)
			}
			defer ready.Close()
			done := make(chan error, 1)
			go func() { done <- (&ociRuntime{}).letGo(store, made, ready) }()
			for begun := time.Now(); waiting(store, made); time.Sleep(time.Millisecond) {
				if time.Since(begun) > 30*time.Second {
					t.Fatal("it waits still")
				}
			}
			if c.taken {
				if _, err := held[0].Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range held {
				f.Close()
			}
			if err := <-done; c.fails != (err != nil) || c.fails && !strings.Contains(err.Error(), "has ended before") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWaits: while somebody looks whether a container waits for its start, nobody starts it; of one that has been started no lock is
// asked for, which its process may hold.
func TestWaits(t *testing.T) {
	store, c := gated(t, "")
	gate, err := os.OpenFile(filepath.Join(store.Path("c"), gateFIFO), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	held, yes := waits(store, c)
	if !yes {
		t.Error("it does not wait")
	}
	fd, err := unix.Open(filepath.Join(store.Path("c"), readyFIFO), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != unix.EWOULDBLOCK {
		t.Errorf("who starts it does not wait: %v", err)
	}
	held.Close()
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("who starts it waits for ever: %v", err)
	}
	gate.Close()
	if held, yes := waits(store, c); yes || held != nil {
		t.Error("it waits after its start")
	}
}

// TestMayGoAhead: nothing is done before start where somebody could tell.
func TestMayGoAhead(t *testing.T) {
	hook := []specs.Hook{{Path: "/hook"}}
	for name, c := range map[string]struct {
		hooks  *specs.Hooks
		notify string
		want   bool
	}{
		"no hooks":       {want: true},
		"no hook":        {hooks: &specs.Hooks{}, want: true},
		"others":         {hooks: &specs.Hooks{CreateRuntime: hook, CreateContainer: hook, Poststop: hook}, want: true},
		"startContainer": {hooks: &specs.Hooks{StartContainer: hook}},
		"poststart":      {hooks: &specs.Hooks{Poststart: hook}},
		"NOTIFY_SOCKET":  {notify: "/run/notify"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NOTIFY_SOCKET", c.notify)
			if got := mayGoAhead(&specs.Spec{Hooks: c.hooks}); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
