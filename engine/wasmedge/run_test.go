//go:build wasmedge && cgo

package wasmedge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

func opened(t testing.TB, opts engine.Options) engine.Engine {
	t.Helper()
	e, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// peak is the most memory that this process has ever had, in bytes.
func peak(t *testing.T) (bytes uint64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes << 10
}

// TestStack: a guest that never stops calling has a trap of its own, and takes no more memory for that than the bound says: the
// engine doubles what its stack has, so that old and new may be there at once.
func TestStack(t *testing.T) {
	e := opened(t, engine.Options{})
	module := guests(t)["stack"]
	if err := runOn(t, e, module, &wasi.Config{Entrypoint: "not_deep"}); err != nil {
		t.Fatalf("calls of a depth that is usual end by %v", err)
	}
	before := peak(t)
	for _, name := range endless {
		if err := runOn(t, e, module, &wasi.Config{Entrypoint: name}); !errors.Is(err, engine.TrapStackOverflow) {
			t.Errorf("%s ends by %v, want %v", name, err, engine.TrapStackOverflow)
		}
	}
	const valueSize = 16
	if grown := peak(t) - before; grown > 4*stackUnits*valueSize {
		t.Errorf("the process has taken %d MiB more", grown>>20)
	}
}

// start exports a command's only function.
var start = section(wasm.SectionExport, "\x06_start\x00\x00")

// TestStackInStart: the start function's calls count too.
func TestStackInStart(t *testing.T) {
	module := []byte(wasm.Header + section(wasm.SectionType, "\x60\x00\x00") + section(wasm.SectionFunction, "\x00") + start +
		"\x08\x01\x00" + section(wasm.SectionCode, function("\x00", "\x10\x00\x0b")))
	if err := runOn(t, opened(t, engine.Options{}), module, nil); !errors.Is(err, engine.TrapStackOverflow) {
		t.Errorf("it ends by %v, want %v", err, engine.TrapStackOverflow)
	}
}

// TestMeaning: functions left in every way compute what they do on another engine, with a stack that has got back all they took.
func TestMeaning(t *testing.T) {
	module := guests(t)["control"]
	want, got := runOn(t, elsewhere(t), module, nil), runOn(t, opened(t, engine.Options{}), module, nil)
	if engine.ExitCode(want) != engine.ExitCode(got) {
		t.Errorf("it ends by %v, elsewhere by %v", got, want)
	}
}

// TestNativeCode: the section in which libwasmedge keeps native code is not looked at in a guest.
func TestNativeCode(t *testing.T) {
	for name, content := range map[string]string{"nothing": "", "a version and no code": "\x03\x00\x00", "garbage": strings.Repeat("\xff\x7fELF", 50)} {
		custom := "\x08wasmedge" + content
		module := append(command(function("\x00", "\x00\x0b"), start), wasm.SectionCustom)
		module = append(binary.AppendUvarint(module, uint64(len(custom))), custom...)
		if err := runOn(t, opened(t, engine.Options{}), module, nil); !errors.Is(err, engine.TrapUnreachable) {
			t.Errorf("with %s the guest ends by %v, want its own %v", name, err, engine.TrapUnreachable)
		}
	}
}

// TestForeignEntry: what stands in the cache under a module's key and is none of it is not run: it is compiled again, and said why.
func TestForeignEntry(t *testing.T) {
	module := guests(t)["hello"]
	for name, foreign := range map[string]string{"nothing": "", "no module": "\x7fELF\x02\x01\x01", "half of one": string(module[:len(module)/2])} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			e := opened(t, engine.Options{CacheDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			kept, err := cache.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			key := cache.Key{Module: sha256.Sum256(module), Engine: Name, Version: e.Info().Version, Config: (&host{}).Config(), CPU: cache.CPU()}
			if err := kept.Put(key, "", strings.NewReader(foreign)); err != nil {
				t.Fatal(err)
			}
			m, err := e.Compile(t.Context(), engine.FromBytes(module))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Info().Cached || !strings.Contains(log.String(), "cannot be used") {
				t.Errorf("cached: %t, log: %q", m.Info().Cached, log.String())
			}
			var out bytes.Buffer
			if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{Stdout: &out}); err != nil || out.Len() == 0 {
				t.Errorf("it ends by %v and writes %q", err, out.String())
			}
		})
	}
}

// TestCancelledAnywhen: a run that is ended at any time, before it begins too, ends, and the next one is not ended by it.
func TestCancelledAnywhen(t *testing.T) {
	e := opened(t, engine.Options{})
	var modules []engine.Module
	for _, name := range []string{"spin", "spin_in_start", "recursion", "spin_calling"} {
		m, err := e.Compile(t.Context(), engine.FromBytes(guests(t)[name]))
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, m)
	}
	hello, err := e.Compile(t.Context(), engine.FromBytes(guests(t)["hello"]))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(worker)))
			for i := range 125 {
				ctx, cancel := context.WithCancelCause(t.Context())
				timer := time.AfterFunc(time.Duration(r.IntN(3000))*time.Microsecond, func() { cancel(engine.Signal(15)) })
				err := engine.Run(ctx, modules[i%len(modules)], &wasi.Config{Stdout: io.Discard, Stderr: io.Discard})
				if status := engine.ExitCode(err); status != 143 || !errors.Is(err, context.Canceled) {
					t.Errorf("it ended by %v, status %d", err, status)
				}
				timer.Stop()
				cancel(nil)
				if err := engine.Run(context.WithoutCancel(ctx), hello, nil); err != nil {
					t.Errorf("another guest ended by %v", err)
				}
			}
		})
	}
	all.Wait()
}

// TestMutations: whatever a module is, the library takes it, or does not, and goes on.
func TestMutations(t *testing.T) {
	e := opened(t, engine.Options{})
	r := rand.New(rand.NewPCG(3, 4))
	for name, module := range guests(t) {
		for range 60 {
			b := bytes.Clone(module)
			for range 1 + r.IntN(3) {
				b[len(wasm.Header)+r.IntN(len(b)-len(wasm.Header))] = byte(r.Uint32())
			}
			mutated(t, e, name, b)
		}
	}
}

func mutated(t *testing.T, e engine.Engine, name string, module []byte) {
	m, err := e.Compile(t.Context(), engine.FromBytes(module))
	if err != nil {
		var invalid *engine.InvalidModuleError
		if !errors.As(err, &invalid) && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_ = engine.Run(ctx, m, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 64 << 20}})
}

func FuzzRun(f *testing.F) {
	for _, module := range guests(f) {
		f.Add(module)
	}
	e, err := New(context.Background(), engine.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	f.Fuzz(func(t *testing.T, module []byte) { mutated(t, e, "", module) })
}
