//go:build wasmtime && cgo

package wasmtime_test

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
	"github.com/wasmoci/wasmoci/wasi"
)

// program is a program of Rust's standard library, as its target wasm32-wasip2 makes it: testdata/program.rs.
//
//go:embed testdata/program.wasm
var program []byte

// TestProgramBuilt: the program was built of its source as it is now.
func TestProgramBuilt(t *testing.T) {
	list, err := os.ReadFile("testdata/digests")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(b)); got != want {
			t.Errorf("%s is not what the program was made with: run testdata/build.sh", name)
		}
	}
}

// component is the text of a command whose run has this body, in a core module with these imports and definitions.
func component(outside, inside, body string) string {
	return `(component ` + outside + `
		(core module $m ` + inside + ` (func (export "run") (result i32) ` + body + `))
		(core instance $i (instantiate $m ` + strings.Join(with(outside), " ") + `))
		(func $run (result (result)) (canon lift (core func $i "run")))
		(instance $r (export "run" (func $run)))
		(export "wasi:cli/run@0.2.0" (instance $r)))`
}

// with are the arguments that a component's text says its module needs, in a comment "with: …".
func with(outside string) []string {
	_, rest, found := strings.Cut(outside, ";; with: ")
	if !found {
		return nil
	}
	line, _, _ := strings.Cut(rest, "\n")
	return []string{line}
}

// output imports what it takes to write to standard output, as the core function "out" "write" (handle, pointer, length, result).
const output = `
	(import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
	(alias export $error "error" (type $e))
	(import "wasi:io/streams@0.2.0" (instance $streams
		(alias outer 1 $e (type $e))
		(export "error" (type $error (eq $e)))
		(export "output-stream" (type $out (sub resource)))
		(type $failed (variant (case "last-operation-failed" (own $error)) (case "closed")))
		(export "stream-error" (type $stream-error (eq $failed)))
		(export "[method]output-stream.blocking-write-and-flush"
			(func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
	(alias export $streams "output-stream" (type $out))
	(import "wasi:cli/stdout@0.2.0" (instance $stdout
		(alias outer 1 $out (type $o))
		(export "output-stream" (type $out (eq $o)))
		(export "get-stdout" (func (result (own $out))))))
	(core module $memory (memory (export "memory") 1))
	(core instance $mem (instantiate $memory))
	(core func $get (canon lower (func $stdout "get-stdout")))
	(core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem "memory")))
	(core instance $host (export "get" (func $get)) (export "write" (func $write)) (export "memory" (memory $mem "memory")))
	;; with: (with "out" (instance $host))
	`

const outputImports = `(import "out" "get" (func $get (result i32))) (import "out" "write" (func $write (param i32 i32 i32 i32))) (import "out" "memory" (memory 1))`

func TestComponentText(t *testing.T) {
	eng := opened(t, wasmtime.New, engine.Options{})
	const enough = `i32.const 0`
	for _, tt := range []struct {
		name, text string
		stdout     string
		end        error  // of the run: nil, *ExitError, a TrapKind
		says       string // the trap
	}{
		{name: "ok", text: component("", "", enough)},
		{name: "failure", text: component("", "", "i32.const 1"), end: &engine.ExitError{Code: 1}},
		{name: "unreachable", text: component("", "", "unreachable"), end: engine.TrapUnreachable},
		{name: "division", text: component("", "", "(i32.div_u (i32.const 1) (i32.const 0))"), end: engine.TrapDivideByZero},
		{name: "bounds", text: component("", "(memory 1)", "(i32.load (i32.const 65536))"), end: engine.TrapMemoryBounds},
		{name: "recursion", text: component("", "(func $f (result i32) (i32.add (call $f) (i32.const 1)))", "call $f"), end: engine.TrapStackOverflow},
		{name: "no result", text: component("", "", "i32.const 5"), end: engine.TrapOther, says: "discriminant"},
		{
			name: "output", stdout: "text",
			text: component(output, outputImports+`(data (i32.const 8) "text")`, `(call $write (call $get) (i32.const 8) (i32.const 4) (i32.const 100)) i32.const 0`),
		},
		{
			name: "no such handle", end: engine.TrapOther, says: "handle",
			text: component(output, outputImports, `(call $write (i32.const 77) (i32.const 8) (i32.const 4) (i32.const 100)) i32.const 0`),
		},
		{
			name: "beyond its memory", end: engine.TrapOther, says: "bounds",
			text: component(output, outputImports, `(call $write (call $get) (i32.const 65000) (i32.const 4000) (i32.const 100)) i32.const 0`),
		},
		{
			name: "a broken rule", end: engine.TrapOther, says: "more than 4096",
			text: component(output, outputImports, `(call $write (call $get) (i32.const 8) (i32.const 5000) (i32.const 100)) i32.const 0`),
		},
		{
			name: "more than a host would copy", end: engine.TrapOther, says: "fuel",
			text: component(output, outputImports, `(drop (memory.grow (i32.const 16384)))
				(call $write (call $get) (i32.const 8) (i32.const 1000000000) (i32.const 100)) i32.const 0`),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := eng.Compile(t.Context(), engine.FromBytes([]byte(tt.text)))
			if err != nil {
				t.Fatal(err)
			}
			if info := m.Info(); info.Format != wasi.FormatComponent || info.World != engine.WorldCommand {
				t.Errorf("the text is a %s of format %v", info.World, info.Format)
			}
			var stdout strings.Builder
			err = engine.Run(t.Context(), m, &wasi.Config{Stdout: &stdout})
			var exit *engine.ExitError
			switch want := tt.end.(type) {
			case *engine.ExitError:
				if !errors.As(err, &exit) || exit.Code != want.Code {
					t.Errorf("ended by %v, want %v", err, want)
				}
			default:
				if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("ended by %v, want %v that has %q", err, want, tt.says)
				}
			}
			if stdout.String() != tt.stdout {
				t.Errorf("wrote %q, want %q", stdout.String(), tt.stdout)
			}
		})
	}
}

// TestComponentLacks: what a component needs and the host has not is named before anything runs.
func TestComponentLacks(t *testing.T) {
	eng := opened(t, wasmtime.New, engine.Options{})
	for _, tt := range []struct {
		name, text string
		want       engine.MissingImportError
	}{
		{
			"http", component(`(import "wasi:http/types@0.2.1" (instance (export "fields" (type (sub resource)))))`, "", "unreachable"),
			engine.MissingImportError{Module: "wasi:http/types@0.2.1", Name: "fields", Kind: "resource"},
		},
		{
			"one's own", component(`(import "my:own/thing" (instance (export "f" (func))))`, "", "unreachable"),
			engine.MissingImportError{Module: "my:own/thing", Name: "f", Kind: "func", Type: "() -> ()"},
		},
		{
			"no instance", component(`(import "f" (func))`, "", "unreachable"),
			engine.MissingImportError{Name: "f", Kind: "func", Type: "() -> ()"},
		},
		{
			"another type", component(`(import "wasi:cli/environment@0.2.0" (instance (export "get-arguments" (func (param "x" u32) (result (list string))))))`, "", "unreachable"),
			engine.MissingImportError{
				Module: "wasi:cli/environment@0.2.0", Name: "get-arguments", Kind: "func", Type: "(u32) -> list<string>", Want: "() -> list<string>",
			},
		},
		{
			"another resource", component(`(import "wasi:io/poll@0.2.0" (instance
				(export "other" (type $q (sub resource)))
				(export "poll" (func (param "in" (list (borrow $q))) (result (list u32))))))`, "", "unreachable"),
			engine.MissingImportError{Module: "wasi:io/poll@0.2.0", Name: "other", Kind: "resource"},
		},
		{
			"a later WASI", component(`(import "wasi:cli/stdin@0.3.0" (instance (export "f" (func))))`, "", "unreachable"),
			engine.MissingImportError{Module: "wasi:cli/stdin@0.3.0", Kind: "instance"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := eng.Compile(t.Context(), engine.FromBytes([]byte(tt.text)))
			if err == nil {
				err = engine.Run(t.Context(), m, nil)
			}
			var missing *engine.MissingImportError
			if !errors.As(err, &missing) || *missing != tt.want {
				t.Errorf("got %v (%#v), want %#v", err, missing, tt.want)
			}
			if engine.ExitCode(err) != 126 {
				t.Errorf("exit status %d, want 126", engine.ExitCode(err))
			}
		})
	}
	m, err := eng.Compile(t.Context(), engine.FromBytes([]byte(`(component)`)))
	if err != nil {
		t.Fatal(err)
	}
	var missing *engine.MissingExportError
	if err := engine.Run(t.Context(), m, nil); !errors.As(err, &missing) || missing.Name != "wasi:cli/run" {
		t.Errorf("a component without run: %v", err)
	}
	if w := m.Info().World; w != engine.WorldOther {
		t.Errorf("an empty component is a %s", w)
	}
	var unsupported *engine.UnsupportedError
	if err := engine.Run(t.Context(), m, &wasi.Config{Entrypoint: "f"}); !errors.As(err, &unsupported) {
		t.Errorf("an entrypoint: %v", err)
	}
}

// TestComponentLimit: the limit holds for all memories of a component together.
func TestComponentLimit(t *testing.T) {
	const pages = wasi.PageSize
	grow := component(`(core module $other (memory (export "m") 2) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
			(core instance $o (instantiate $other))
			;; with: (with "other" (instance $o))
			`,
		`(import "other" "m" (memory 0)) (import "other" "grow" (func $theirs (param i32) (result i32))) (memory $own 1)`,
		`(i32.and (i32.ne (memory.grow $own (i32.const 4)) (i32.const -1)) (i32.ne (call $theirs (i32.const 4)) (i32.const -1))) (if (then unreachable)) i32.const 0`)
	m := compiled(t, engine.Options{}, grow)
	if n := m.Info().MemoryBytes; n != 3*pages {
		t.Errorf("it starts with %d bytes, want %d", n, 3*pages)
	}
	if err := engine.Run(t.Context(), m, nil); !errors.Is(err, engine.TrapUnreachable) {
		t.Errorf("without a limit: %v", err)
	}
	if err := engine.Run(t.Context(), m, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 10 * pages}}); err != nil {
		t.Errorf("with a limit that both cannot reach: %v", err)
	}
	var limit *engine.MemoryLimitError
	if err := engine.Run(t.Context(), m, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 2 * pages}}); !errors.As(err, &limit) {
		t.Errorf("with a limit below what it starts with: %v", err)
	}
	// A module that is instantiated twice has more memories than the component's modules.
	twice := compiled(t, engine.Options{}, component(`(core module $other (memory 1)) (core instance (instantiate $other)) (core instance (instantiate $other))`,
		"", "i32.const 0"))
	if err := engine.Run(t.Context(), twice, nil); err == nil || !strings.Contains(err.Error(), "memory count") {
		t.Errorf("a module instantiated twice: %v", err)
	}
}

func TestComponentProgram(t *testing.T) {
	eng := opened(t, wasmtime.New, engine.Options{})
	m, err := eng.Compile(t.Context(), engine.FromBytes(program))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		cfg    wasi.Config
		stdout string
		end    error
	}{
		{args: "hello", cfg: wasi.Config{Env: []string{"NAME=component"}}, stdout: "Hello, component!\n"},
		{args: "copy /m/in /m/out", cfg: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: dir}}}},
		{args: "list /m", cfg: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: dir, ReadOnly: true}}}, stdout: "[\"in\", \"out\"]\n"},
		{args: "copy /m/in /m/out", cfg: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: dir, ReadOnly: true}}}, end: engine.TrapUnreachable},
		{args: "copy /m/in /m/../../out", cfg: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: dir}}}, end: engine.TrapUnreachable},
		{args: "upper", cfg: wasi.Config{Stdin: strings.NewReader("shout")}, stdout: "SHOUT"},
		{args: "connect 127.0.0.1:1", stdout: "PermissionDenied\n"},
		{args: "lookup", stdout: "false\n"},
		{args: "sleep 0", stdout: "ready\n"},
		{args: "panic", end: engine.TrapUnreachable},
		{args: "recurse", end: engine.TrapMemoryBounds}, // of its own stack, which begins its memory
		{args: "none", end: &engine.ExitError{Code: 1}},
		{args: "write 16", stdout: strings.Repeat("x", 1<<20)},
		{args: "grow", cfg: wasi.Config{Limits: wasi.Limits{MemoryBytes: 16 << 20}}, stdout: "14 MiB\n"},
	} {
		t.Run(strings.ReplaceAll(tt.args, "/", "_"), func(t *testing.T) {
			var stdout, stderr strings.Builder
			cfg := tt.cfg
			cfg.Args, cfg.Stdout, cfg.Stderr = append([]string{"program"}, strings.Fields(tt.args)...), &stdout, &stderr
			err := engine.Run(t.Context(), m, &cfg)
			var exit, want *engine.ExitError
			if errors.As(tt.end, &want) && (!errors.As(err, &exit) || exit.Code != want.Code) || want == nil && !errors.Is(err, tt.end) {
				t.Errorf("ended by %v, want %v; it says %s", err, tt.end, stderr.String())
			}
			if stdout.String() != tt.stdout {
				t.Errorf("wrote %.100q, want %.100q", stdout.String(), tt.stdout)
			}
		})
	}
	if b, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || string(b) != "TEXT" {
		t.Errorf("the host has %q, %v", b, err)
	}
}

// TestComponentCancel: wherever a component is when its context ends, it ends.
func TestComponentCancel(t *testing.T) {
	eng := opened(t, wasmtime.New, engine.Options{})
	m, err := eng.Compile(t.Context(), engine.FromBytes(program))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	args := [][]string{{"program", "loop"}, {"program", "sleep", "1000"}, {"program", "wait"}, {"program", "write", "1000000"}}
	before := runtime.NumGoroutine()
	for i := range 300 {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Duration(rand.IntN(4000))*time.Microsecond, engine.Signal(9))
		cfg := &wasi.Config{Args: args[i%len(args)], Stdin: r}
		begun := time.Now()
		err := engine.Run(ctx, m, cfg)
		var stopped *engine.StoppedError
		if !errors.As(err, &stopped) || engine.ExitCode(err) != 137 {
			t.Fatalf("%v: ended by %v", cfg.Args, err)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Fatalf("%v: ended after %v", cfg.Args, took)
		}
		cancel()
	}
	for late := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d goroutines were %d", runtime.NumGoroutine(), before)
		}
	}
}

// TestComponentsTogether: 32 at once have what is their own.
func TestComponentsTogether(t *testing.T) {
	eng := opened(t, wasmtime.New, engine.Options{})
	m, err := eng.Compile(t.Context(), engine.FromBytes(program))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for range 4 {
				var stdout strings.Builder
				name := fmt.Sprint("guest ", i)
				if err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"", "hello"}, Env: []string{"NAME=" + name}, Stdout: &stdout}); err != nil {
					t.Error(err)
				}
				if got, want := stdout.String(), "Hello, "+name+"!\n"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
	all.Wait()
}

// TestComponentCache: a component is compiled once, and a damaged entry is compiled again.
func TestComponentCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	run := func(opts engine.Options) engine.ModuleInfo {
		t.Helper()
		eng := opened(t, wasmtime.New, opts)
		m, err := eng.Compile(t.Context(), engine.FromBytes(program))
		if err != nil {
			t.Fatal(err)
		}
		var stdout strings.Builder
		if err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"", "hello"}, Env: []string{"NAME=cache"}, Stdout: &stdout}); err != nil {
			t.Error(err)
		}
		if got := stdout.String(); got != "Hello, cache!\n" {
			t.Errorf("wrote %q", got)
		}
		return m.Info()
	}
	fresh := run(engine.Options{CacheDir: dir})
	cached := run(engine.Options{CacheDir: dir})
	if fresh.Cached || !cached.Cached {
		t.Errorf("cached is %v, then %v", fresh.Cached, cached.Cached)
	}
	if required := run(engine.Options{CacheDir: dir, CacheMode: engine.CacheRequired}); !required.Cached {
		t.Error("not from the cache")
	}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() == 0 {
			return err
		}
		if err := os.Chmod(p, 0o600); err != nil {
			return err
		}
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte("damaged"), info.Size()/2)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if again := run(engine.Options{CacheDir: dir}); again.Cached {
		t.Error("a damaged entry was used")
	}
}
