package enginetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var moduleCases = []Case{
	{
		Name:  "Module/Info",
		Why:   "a module says what it is: engine, format, world, digest, size, imports, exports, memory, capabilities",
		drive: moduleInfo,
	},
	{
		Name: "Module/Worlds",
		Why:  "a module's world follows from its exports",
		drive: func(t *trial) {
			for name, want := range map[string]engine.World{
				"hello": engine.WorldCommand, "entrypoints": engine.WorldCommand, "reactor": engine.WorldReactor,
				"empty": engine.WorldOther, "command_initialize": engine.WorldCommand,
			} {
				if got := t.module(name).Info().World; got != want {
					t.Errorf("%s is a %q, want %q", name, got, want)
				}
			}
		},
	},
	{
		Name:   "Module/MissingImport",
		Why:    "a function of another host is refused before the guest runs, by module and name",
		guest:  "import_function",
		refuse: &engine.MissingImportError{Module: "env", Name: "emscripten_magic", Kind: "func", Type: "(i32) -> (i32)"},
	},
	{
		Name:   "Module/MissingFunction",
		Why:    "a function that preview 1 does not have is refused, never replaced by one that does nothing",
		guest:  "import_name",
		refuse: &engine.MissingImportError{Module: "wasi_snapshot_preview1", Name: "fd_teleport", Kind: "func", Type: "(i32) -> (i32)"},
	},
	{
		Name:  "Module/ImportType",
		Why:   "a function imported with another type than the host's is refused, with both types",
		guest: "import_type",
		refuse: &engine.MissingImportError{
			Module: "wasi_snapshot_preview1", Name: "fd_write", Kind: "func",
			Type: "(i32, i64) -> (i32)", Want: "(i32, i32, i32, i32) -> (i32)",
		},
	},
	{
		Name:   "Module/MissingMemory",
		Why:    "a memory that the host should bring is refused, with its kind",
		guest:  "import_memory",
		refuse: &engine.MissingImportError{Module: "env", Name: "memory", Kind: "memory"},
	},
	{
		Name:  "Module/NoMemory",
		Why:   "a guest that gives addresses to its host but has no memory for them is refused, or has EFAULT",
		guest: "no_memory",
		drive: func(t *trial) {
			const efault = 21
			if err := engine.Run(t.endless(), t.module("no_memory"), t.cfg); engine.ExitCode(err) == 126 {
				t.same(err, &engine.MissingExportError{Name: "memory"})
			} else {
				t.same(err, &engine.ExitError{Code: efault})
			}
			t.hello()
		},
	},
	{
		Name: "Module/Invalid",
		Why:  "what is no valid module is an *InvalidModuleError with exit status 126, whatever is wrong with it",
		drive: func(t *trial) {
			hello := t.wasm("hello")
			for name, wasm := range map[string][]byte{
				"nothing":          {},
				"magic only":       hello[:4],
				"half the header":  hello[:6],
				"no section":       append(slices.Clone(hello[:8]), 0xff),
				"cut in the code":  hello[:len(hello)-30],
				"cut in a section": hello[:20],
				"garbage code":     replaced(hello, 0x10, 0xff), // an instruction that does not exist, or a bad type
				"another version":  append([]byte("\x00asm\x07\x00\x00\x00"), hello[8:]...),
				"a script":         []byte("#!/bin/sh\necho canary\n"),
				"zeros":            make([]byte, 100),
				"a native program": []byte("\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00", 60)),
			} {
				_, err := t.eng.Compile(t.endless(), engine.FromBytes(wasm))
				var invalid *engine.InvalidModuleError
				if !errors.As(err, &invalid) {
					t.Errorf("%s: got %v (%T), want an *engine.InvalidModuleError", name, err, err)
				} else if status := engine.ExitCode(err); status != 126 {
					t.Errorf("%s: exit status %d, want 126", name, status)
				}
			}
			t.hello()
		},
	},
	{
		Name:  "Module/Formats",
		Why:   "a format that the engine does not declare is refused by its name, and precompiled code always is",
		drive: formats,
	},
	{
		Name: "Module/TooLarge",
		Why:  "a module beyond MaxModuleBytes is refused before it is read",
		drive: func(t *trial) {
			wasm := t.wasm("hello")
			eng := t.fresh(engine.Options{MaxModuleBytes: int64(len(wasm)) - 1})
			_, err := eng.Compile(t.endless(), engine.FromBytes(wasm))
			t.same(err, &engine.TooLargeError{Size: int64(len(wasm)), Max: int64(len(wasm)) - 1})
		},
	},
	{
		Name: "Module/InputNotRetained",
		Why:  "the bytes given belong to the caller again at once",
		drive: func(t *trial) {
			wasm := slices.Clone(t.wasm("hello"))
			src := engine.FromBytes(wasm)
			clear(wasm)
			m, err := t.eng.Compile(t.endless(), src)
			if err != nil {
				t.Fatalf("compile: %v", err)
			}
			t.same(engine.Run(t.endless(), m, t.cfg), nil)
			if got := t.stdout.String(); got != helloLine {
				t.Errorf("got %q, want %q", got, helloLine)
			}
			t.same(m.Close(), nil)
		},
	},
	{
		Name: "Module/FromFile",
		Why:  "a module is read from an open file, from its beginning, whatever happens to the file afterwards",
		drive: func(t *trial) {
			p := t.path("hello.wasm")
			if err := os.WriteFile(p, t.wasm("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
			f := t.openFile("hello.wasm")
			if _, err := f.Seek(100, 0); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
			m, err := t.eng.Compile(t.endless(), engine.FromFile(f))
			if err != nil {
				t.Fatalf("compile: %v", err)
			}
			if err := f.Close(); err != nil {
				t.Errorf("the caller's file was closed: %v", err)
			}
			t.same(engine.Run(t.endless(), m, t.cfg), nil)
			if got := t.stdout.String(); got != helloLine {
				t.Errorf("got %q, want %q", got, helloLine)
			}
			if got := m.Info().Name; got != p {
				t.Errorf("the module is named %q, want %q", got, p)
			}
			t.same(m.Close(), nil)
		},
	},
	{
		Name: "Module/CompileStopped",
		Why:  "nothing is compiled for a context that has ended",
		drive: func(t *trial) {
			ctx, cancel := context.WithCancelCause(t.endless())
			cancel(engine.Signal(15))
			_, err := t.eng.Compile(ctx, t.source("hello"))
			t.stopped(ctx, err, 143)
		},
	},
	{
		Name: "Module/Observe",
		Why:  "an observer is told of each phase, in order and serially, with the module's size",
		drive: func(t *trial) {
			var mu sync.Mutex
			var events []engine.Event
			eng := t.fresh(engine.Options{Observe: func(e engine.Event) {
				if !mu.TryLock() {
					t.Error("the observer is called by two goroutines at once")
					return
				}
				events = append(events, e)
				time.Sleep(time.Millisecond)
				mu.Unlock()
			}})
			t.same(engine.Run(t.endless(), t.compile(eng, "hello"), t.cfg), nil)
			mu.Lock()
			defer mu.Unlock()
			var phases []engine.Phase
			for _, e := range events {
				phases = append(phases, e.Phase)
				if want := int64(len(t.wasm("hello"))); e.Size != want {
					t.Errorf("the event %q has the size %d, want %d", e.Phase, e.Size, want)
				}
			}
			want := []engine.Phase{engine.PhaseCompile, engine.PhaseInstantiate, engine.PhaseGuest, engine.PhaseEnd}
			if phases = slices.Compact(phases); !slices.Equal(phases, want) {
				t.Errorf("the phases are %q, want %q", phases, want)
			}
		},
	},
}

func (t *trial) wasm(name string) []byte {
	t.Helper()
	wasm, err := guest(name)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func replaced(b []byte, old, with byte) []byte {
	b = slices.Clone(b)
	b[slices.Index(b[8:], old)+8] = with
	return b
}

func moduleInfo(t *trial) {
	wasm := t.wasm("hello")
	info := t.module("hello").Info()
	if got, want := info.Engine, t.eng.Info().Name; got != want {
		t.Errorf("Engine is %q, want %q", got, want)
	}
	if t.eng.Info().Version == "" {
		t.Error("the engine's Version is empty")
	}
	if info.Format != wasi.FormatModule || info.World != engine.WorldCommand {
		t.Errorf("Format and World are %v and %q", info.Format, info.World)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(wasm)); info.Digest != want {
		t.Errorf("Digest is %q, want %q", info.Digest, want)
	}
	if want := int64(len(wasm)); info.Size != want {
		t.Errorf("Size is %d, want %d", info.Size, want)
	}
	if info.MemoryBytes != wasi.PageSize {
		t.Errorf("MemoryBytes is %d, want %d", info.MemoryBytes, wasi.PageSize)
	}
	if got, want := info.Capabilities.String(), t.has.String(); got != want {
		t.Errorf("Capabilities are %q, the engine's %q", got, want)
	}
	wantImport := engine.Extern{
		Module: "wasi_snapshot_preview1", Name: "fd_write", Kind: "func", Type: "(i32, i32, i32, i32) -> (i32)",
	}
	if len(info.Imports) != 1 || info.Imports[0] != wantImport {
		t.Errorf("Imports are %v, want %v", info.Imports, wantImport)
	}
	exports := slices.SortedFunc(slices.Values(info.Exports), func(a, b engine.Extern) int { return cmp.Compare(a.Name, b.Name) })
	if len(exports) != 2 || exports[0] != (engine.Extern{Name: "_start", Kind: "func", Type: engine.EntrypointType}) ||
		exports[1].Name != "memory" || exports[1].Kind != "memory" {
		t.Errorf("Exports are %v", info.Exports)
	}
}

func formats(t *trial) {
	for _, f := range []struct {
		format wasi.Format
		bytes  string
	}{
		{wasi.FormatComponent, "\x00asm\x0d\x00\x01\x00"},
		{wasi.FormatText, "(module)"},
		{wasi.FormatPrecompiled, "\x7fELF\x02\x01\x01\xc8" + strings.Repeat("\x00", 56)},
		{wasi.FormatPrecompiled, "WAZERO" + strings.Repeat("\x00", 56)},
		{wasi.FormatPrecompiled, "\x00aot\x01\x00\x00\x00"},
		{wasi.FormatPrecompiled, "wasmer-universal\x00\x00\x00\x00"},
	} {
		if _, declared := t.eng.Info().Capabilities[f.format]; declared {
			if f.format == wasi.FormatPrecompiled {
				t.Error("the engine declares that it runs precompiled code")
			}
			continue // with capabilities of its own, which cases for that format show
		}
		_, err := t.eng.Compile(t.endless(), engine.FromBytes([]byte(f.bytes)))
		var unsupported *engine.UnsupportedError
		if !errors.As(err, &unsupported) || unsupported.Format != f.format || !unsupported.Missing.Empty() ||
			unsupported.Engine != t.eng.Info().Name {
			t.Errorf("%q: got %v (%T), want an *engine.UnsupportedError for the format %v", f.bytes[:8], err, err, f.format)
		}
	}
}
