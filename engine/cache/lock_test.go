package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine/cache"
)

const (
	lockDirEnv  = "CACHE_TEST_LOCK_DIR"
	lockHoldEnv = "CACHE_TEST_LOCK_HOLD"
)

// TestMain is also a process that makes an entry under the lock, for TestLockProcesses, or holds the lock until it is killed.
func TestMain(m *testing.M) {
	path := os.Getenv(lockDirEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	d, err := cache.Open(path)
	if err != nil {
		panic(err)
	}
	unlock, err := d.Lock(context.Background(), key("locked"), func() {})
	if err != nil {
		panic(err)
	}
	if os.Getenv(lockHoldEnv) != "" {
		fmt.Println("held")
		time.Sleep(time.Hour) // Go would end a process that nothing can wake
	}
	entry, err := d.Get(key("locked"))
	switch {
	case err == nil:
		entry.File.Close()
	case errors.Is(err, cache.ErrMiss):
		time.Sleep(50 * time.Millisecond) // compiling
		if err := d.Put(key("locked"), "", strings.NewReader("code")); err != nil {
			panic(err)
		}
		fmt.Println("made")
	default:
		panic(err)
	}
	unlock()
}

func key(config string) cache.Key { return cache.Key{Engine: "test", Config: config} }

// TestLockProcesses: of eight processes that need an entry at once, one makes it.
func TestLockProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var made sync.WaitGroup
	outputs := make([]string, 8)
	for i := range outputs {
		made.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), lockDirEnv+"="+dir)
			out, err := cmd.CombinedOutput()
			outputs[i] = string(out)
			if err != nil {
				outputs[i] += err.Error()
			}
		})
	}
	made.Wait()
	if all := strings.Join(outputs, ""); all != "made\n" {
		t.Errorf("the processes said %q, want one made", all)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.lock")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestLockOfTheDead: the lock of a process that was killed is free.
func TestLockOfTheDead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), lockDirEnv+"="+dir, lockHoldEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	d, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	waited := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		unlock, err := d.Lock(t.Context(), key("locked"), func() { close(waited) })
		if err == nil {
			unlock()
		}
		got <- err
	}()
	select {
	case <-waited:
	case err := <-got:
		t.Fatalf("it did not wait for the lock of a process that lives: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestLockEndsWithItsContext(t *testing.T) {
	d, err := cache.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	unlock, err := d.Lock(t.Context(), key("a"), func() { t.Error("waits for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	other, err := d.Lock(t.Context(), key("b"), func() { t.Error("waits for another key") })
	if err != nil {
		t.Fatal(err)
	}
	other()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	if _, err := d.Lock(ctx, key("a"), func() { cancel(why) }); !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache")
	if _, err := cache.OpenReadOnly(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a directory that does not exist: %v", err)
	}
	w, err := cache.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, k := range []string{"good", "bad"} {
		if err := w.Put(key(k), "label", strings.NewReader("code")); err != nil {
			t.Fatal(err)
		}
	}
	bad := filepath.Join(path, key("bad").String())
	names, err := os.ReadDir(bad)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bad, names[0].Name()), []byte("codE"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := cache.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	entry, err := d.Get(key("good"))
	if err != nil {
		t.Fatal(err)
	}
	defer entry.File.Close()
	scratch, remove, err := d.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	link := filepath.Join(scratch, "code")
	if err := d.Link(entry, link); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(link); string(b) != "code" {
		t.Errorf("by its link the entry is %q, %v", b, err)
	}
	var damaged *cache.DamagedError
	for range 2 { // it stays
		if _, err := d.Get(key("bad")); !errors.As(err, &damaged) {
			t.Errorf("a damaged entry: %v", err)
		}
	}
	for name, err := range map[string]error{
		"put": d.Put(key("new"), "", strings.NewReader("code")),
		"lock": func() error {
			_, err := d.Lock(t.Context(), key("good"), func() {})
			return err
		}(),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v, want permission denied", name, err)
		}
	}
}
