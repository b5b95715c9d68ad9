//go:build linux

package wazero_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/enginetest"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

const role = "WAZERO_TEST_ROLE"

func TestMain(m *testing.M) {
	if what := os.Getenv(role); what != "" && what != "suite" {
		if err := dedicatedProgram(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestNotDedicated(t *testing.T) {
	_, err := wazero.New(t.Context(), engine.Options{Uninterruptible: true})
	var unsupported *engine.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Missing.String() != string(engine.Unchecked) || !strings.Contains(err.Error(), "wazero.Dedicate") {
		t.Errorf("%v, want an *engine.UnsupportedError that says what to call", err)
	}
}

// TestDedicated: in a process of its own, a guest without checks computes for ever, or makes host calls without end, and the process still
// does what it has to.
func TestDedicated(t *testing.T) {
	for _, c := range []struct{ role, env, said string }{
		{"loop", "", "terminated\n"},
		{"loop", "GOMAXPROCS=1", "terminated\n"},
		{"loop on one processor", "", "terminated\n"},
		{"loop, processors change", "", "terminated\n"},
		{"loop", "GOMEMLIMIT=1MiB", "terminated\n"},
		{"open", "", "flat\n"},
		{"open within a limit", "GOMEMLIMIT=20MiB", "flat\n"},
		{"refuse", "", "refused\n"},
	} {
		t.Run(c.role+" "+c.env, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), role+"="+c.role, c.env, "TMPDIR="+t.TempDir())
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != c.said {
				t.Errorf("%v, output %q, want %q", err, out, c.said)
			}
		})
	}
}

func dedicatedProgram(role string) error {
	if role == "loop on one processor" {
		if err := useOneProcessor(); err != nil {
			return err
		}
	}
	wazero.Dedicate()
	ctx := context.Background()
	e, err := wazero.New(ctx, engine.Options{Uninterruptible: true})
	if err != nil {
		return err
	}
	start := func(name string, cfg *wasi.Config) (engine.Instance, error) {
		wasm, err := os.ReadFile("../enginetest/testdata/" + name + ".wasm")
		if err != nil {
			return nil, err
		}
		m, err := e.Compile(ctx, engine.FromBytes(wasm))
		if err != nil {
			return nil, err
		}
		return m.Start(ctx, cfg)
	}
	if strings.HasPrefix(role, "open") {
		return opensFlat(e)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	said := make(chan struct{})
	inst, err := start("spin", &wasi.Config{Stderr: writer(func([]byte) { close(said) })})
	if err != nil {
		return err
	}
	<-said
	if role == "refuse" {
		ended, cancel := context.WithCancel(ctx)
		defer cancel()
		m, err := e.Compile(ctx, engine.FromBytes(openClose))
		if err != nil {
			return err
		}
		var unsupported *engine.UnsupportedError
		if _, err := m.Start(ended, nil); !errors.As(err, &unsupported) || unsupported.Missing.String() != string(engine.Interrupt) {
			return fmt.Errorf("with a context that ends: %w", err)
		}
		if err := engine.Run(ctx, m, &wasi.Config{Mounts: []wasi.Mount{}}); err == nil || !strings.Contains(err.Error(), "another guest runs") {
			return fmt.Errorf("a second guest: %w", err)
		}
		fmt.Println("refused")
		return nil
	}
	for range 20 { // what a supervisor does meanwhile: goroutines, timers, some memory
		if role == "loop, processors change" {
			if err := useOneProcessor(); err != nil {
				return err
			}
		}
		kept := make(chan []byte)
		go func() { kept <- make([]byte, 1<<20) }()
		<-kept
		time.Sleep(5 * time.Millisecond)
	}
	if runtime.GOMAXPROCS(0) < 2 {
		return fmt.Errorf("GOMAXPROCS is %d", runtime.GOMAXPROCS(0))
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-signals:
		fmt.Println("terminated")
	case <-time.After(time.Minute):
		return errors.New("the signal is not handled")
	}
	_ = inst // it computes for ever
	return nil
}

// useOneProcessor leaves the process one of its processors, for all threads that it has.
func useOneProcessor() error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return err
	}
	one := 0
	for !set.IsSet(one) {
		one++
	}
	set.Zero()
	set.Set(one)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id := 0
		if _, err := fmt.Sscan(thread.Name(), &id); err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// openClose opens and closes the file "a" 400,000 times, and traps where that fails.
var openClose = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x16\x03`\x09\x7f\x7f\x7f\x7f\x7f~~\x7f\x7f\x01\x7f`\x01\x7f\x01\x7f`\x00\x00" +
	"\x02F\x02\x16wasi_snapshot_preview1\x09path_open\x00\x00\x16wasi_snapshot_preview1\x08fd_close\x00\x01" +
	"\x03\x02\x01\x02" +
	"\x05\x03\x01\x00\x01" +
	"\x07\x0a\x01\x06_start\x00\x02" +
	"\x0a;\x019\x01\x01\x7fA\x80\xb5\x18!\x00\x03@A\x03A\x00A\x00A\x01A\x00B\x02B\x00A\x00A\x08\x10\x00\x04@\x00\x0bA\x08(\x02\x00\x10\x01\x04@\x00\x0b \x00A\x01k\x22\x00\x0d\x00\x0b\x0b" +
	"\x0b\x07\x01\x00A\x00\x0b\x01a")

// opensFlat runs it and looks at the heap, which nobody else collects.
func opensFlat(e engine.Engine) error {
	dir, err := os.MkdirTemp("", "opens")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(dir+"/a", nil, 0o600); err != nil {
		return err
	}
	ctx := context.Background()
	m, err := e.Compile(ctx, engine.FromBytes(openClose))
	if err != nil {
		return err
	}
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/gc/cycles/forced:gc-cycles"}, {Name: "/gc/cycles/automatic:gc-cycles"}}
	runtime.GC() // none of what is before the guest
	metrics.Read(sample)
	allocated, forced, automatic := sample[0].Value.Uint64(), sample[2].Value.Uint64(), sample[3].Value.Uint64()
	limit := debug.SetMemoryLimit(-1)
	inst, err := m.Start(ctx, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
	if err != nil {
		return err
	}
	if err := inst.Wait(); err != nil {
		return err
	}
	before := sample[1].Value.Uint64()
	metrics.Read(sample)
	if grown := int64(sample[1].Value.Uint64() - before); limit < math.MaxInt64 && grown > limit+limit/2 {
		return fmt.Errorf("the process grew by %d bytes, with a limit of %d", grown, limit)
	}
	if now := debug.SetMemoryLimit(-1); now != limit {
		return fmt.Errorf("the limit was %d, and is %d", limit, now)
	}
	allocated = sample[0].Value.Uint64() - allocated
	if calls := inst.Stats().HostCalls; calls != 800_000 {
		return fmt.Errorf("%d host calls", calls)
	}
	if allocated < 68<<20 {
		return fmt.Errorf("%d bytes were allocated: too few to show anything", allocated)
	}
	if total := sample[1].Value.Uint64(); total > 128<<20 || sample[2].Value.Uint64() == forced || sample[3].Value.Uint64() > automatic+1 { // one may begin when the guest has ended
		return fmt.Errorf("the heap grew to %d bytes, of %d allocated; collections: %d forced, %d of its own", total, allocated, sample[2].Value.Uint64()-forced, sample[3].Value.Uint64()-automatic)
	}
	fmt.Println("flat")
	return nil
}

// TestDedicatedSuite runs those parts of the conformance suite without checks that have one guest at a time.
func TestDedicatedSuite(t *testing.T) {
	if os.Getenv(role) == "suite" {
		wazero.Dedicate()
		enginetest.Run(t, func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
			opts.Uninterruptible = true
			return wazero.New(ctx, opts)
		})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.timeout", "5m", "-test.run", "^TestDedicatedSuite$/^(Args|Env|Entrypoint|Exit|Trap|Module|File|ReadOnly|Mount|Link|Path|Clock|Interrupt|Export)$")
	cmd.Env = append(os.Environ(), role+"=suite")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
