//go:build linux

package subprocess_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestSameErrors checks that an error of a run in a child is the error of the same run in process: its text, its exit status,
// and the types and values of all that it wraps.
func TestSameErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/notes\xff.txt", []byte("no module"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	closed, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	directory, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	importing := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x07\x01\x01e\x01f\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x01\x0a\x04\x01\x02\x00\x0b")
	open := func(opts engine.Options) func(func(engine.Options) (engine.Engine, error)) error {
		return func(open func(engine.Options) (engine.Engine, error)) error {
			eng, err := open(opts)
			if err == nil {
				eng.Close()
			}
			return err
		}
	}
	compiles := func(src func() engine.Source, opts engine.Options) func(func(engine.Options) (engine.Engine, error)) error {
		return func(open func(engine.Options) (engine.Engine, error)) error {
			eng, err := open(opts)
			if err != nil {
				return err
			}
			defer eng.Close()
			_, err = eng.Compile(t.Context(), src())
			return err
		}
	}
	empty := t.TempDir()
	if err := os.Chmod(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	exports := func(opts engine.Options) func(func(engine.Options) (engine.Engine, error)) error {
		return func(open func(engine.Options) (engine.Engine, error)) error {
			eng, err := open(opts)
			if err != nil {
				return err
			}
			defer eng.Close()
			return engine.Export(t.Context(), eng, engine.FromBytes(quick), empty)
		}
	}
	runs := func(wasm []byte, cfg *wasi.Config) func(func(engine.Options) (engine.Engine, error)) error {
		return func(open func(engine.Options) (engine.Engine, error)) error {
			eng, err := open(engine.Options{})
			if err != nil {
				return err
			}
			defer eng.Close()
			m, err := eng.Compile(t.Context(), engine.FromBytes(wasm))
			if err != nil {
				return err
			}
			return engine.Run(t.Context(), m, cfg)
		}
	}
	bytesOf := func(s string) func() engine.Source {
		return func() engine.Source { return engine.FromBytes([]byte(s)) }
	}
	for name, try := range map[string]func(func(engine.Options) (engine.Engine, error)) error{
		"nil":                 runs(quick, nil),
		"trap":                runs(trap, nil),
		"untrusted cache":     open(engine.Options{CacheDir: dir}),
		"required":            compiles(bytesOf(string(quick)), engine.Options{CacheDir: empty, CacheMode: engine.CacheRequired}),
		"required, no cache":  open(engine.Options{CacheMode: engine.CacheRequired}),
		"unknown mode":        open(engine.Options{CacheDir: empty, CacheMode: "sometimes"}),
		"nothing exported":    compiles(bytesOf(string(quick)), engine.Options{CacheDir: empty, CacheMode: engine.CacheExported}),
		"export, no cache":    exports(engine.Options{}),
		"export the exported": exports(engine.Options{CacheDir: empty, CacheMode: engine.CacheExported}),
		"not a module":        compiles(func() engine.Source { return engine.FromFile(reopen(t, dir+"/notes\xff.txt")) }, engine.Options{}),
		"not a file":          compiles(func() engine.Source { return engine.FromFile(directory) }, engine.Options{}),
		"invalid module":      compiles(bytesOf("\x00asm\x01\x00\x00\x00\xff"), engine.Options{}),
		"component":           compiles(bytesOf("\x00asm\x0d\x00\x01\x00"), engine.Options{}),
		"too large":           compiles(bytesOf(string(quick)), engine.Options{MaxModuleBytes: 10}),
		"missing import":      runs(importing, nil),
		"missing export":      runs(quick, &wasi.Config{Entrypoint: "gopher"}),
		"memory limit":        runs(quick, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 1}}),
		"wrong configuration": runs(quick, &wasi.Config{Dir: "a", Env: []string{"=", "A"}, Args: []string{"\x00"}, Mounts: []wasi.Mount{{Guest: "b"}}}),
		"mounts":              runs(quick, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/a", Host: "/no\xff/such"}, {Guest: "/b", Host: os.DevNull}}}),
		"closed mount":        runs(quick, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/a", File: closed}, {Guest: "/b", Host: "/no/such"}}}),
		"device mount":        runs(quick, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/a", File: null}}}),
		"closed stdin":        runs(quick, &wasi.Config{Stdin: closed}),
		"directory as stdout": runs(quick, &wasi.Config{Stdout: directory}),
		"nil file as stderr":  runs(quick, &wasi.Config{Stderr: (*os.File)(nil)}),
		"closed listener":     runs(quick, &wasi.Config{Listeners: []wasi.Listener{{Name: "web", File: closed}}}),
		"no socket":           runs(quick, &wasi.Config{Listeners: []wasi.Listener{{Name: "web", File: null}}}),
	} {
		t.Run(name, func(t *testing.T) {
			want := try(func(opts engine.Options) (engine.Engine, error) { return engine.Open(t.Context(), "wazero", opts) })
			got := try(func(opts engine.Options) (engine.Engine, error) {
				return subprocess.New(t.Context(), subprocess.Config{Engine: "wazero"}, opts)
			})
			if (want == nil) != (name == "nil") {
				t.Errorf("in process the error is %v", want)
			}
			if want == nil || got == nil {
				if got != want { //nolint:errorlint // nil
					t.Errorf("got %v, want %v", got, want)
				}
				return
			}
			if got.Error() != want.Error() {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if g, w := engine.ExitCode(got), engine.ExitCode(want); g != w {
				t.Errorf("exit status %d, want %d", g, w)
			}
			if g, w := exported(got), exported(want); !slices.Equal(g, w) {
				t.Errorf("got the errors %v, want %v", g, w)
			}
			if name == "untrusted cache" && !errors.As(got, new(*cache.UntrustedError)) {
				t.Errorf("%v is no *cache.UntrustedError", got)
			}
		})
	}
}

func reopen(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// exported lists the types, and the texts, of err and all that it wraps whose type a caller can name.
func exported(err error) []string {
	if err == nil {
		return nil
	}
	var list []string
	typ := reflect.TypeOf(err)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if name := typ.Name(); name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		list = append(list, typ.String()+" "+err.Error())
	}
	switch u := err.(type) { //nolint:errorlint // this error's own
	case interface{ Unwrap() error }:
		list = append(list, exported(u.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			list = append(list, exported(inner)...)
		}
	}
	return list
}

// TestSameRecords checks that events and log records are those of the engine in process.
func TestSameRecords(t *testing.T) {
	observe := func(open func(engine.Options) (engine.Engine, error)) (string, []engine.Event) {
		var log bytes.Buffer
		var events []engine.Event
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		}}))
		eng, err := open(engine.Options{Logger: logger, Observe: func(e engine.Event) { events = append(events, e) }})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "module\xff")
		if err := os.WriteFile(name, quick, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := eng.Compile(t.Context(), engine.FromFile(reopen(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		if m.Info().Name != "" && m.Info().Name != name {
			t.Errorf("the module's name is %q", m.Info().Name)
		}
		for i := range events {
			if events[i].Module == name {
				events[i].Module = "its name"
			}
		}
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
		return log.String(), events
	}
	wantLog, wantEvents := observe(func(opts engine.Options) (engine.Engine, error) { return engine.Open(t.Context(), testEngine, opts) })
	gotLog, gotEvents := observe(func(opts engine.Options) (engine.Engine, error) {
		return subprocess.New(t.Context(), subprocess.Config{Engine: testEngine}, opts)
	})
	if gotLog != wantLog || wantLog == "" {
		t.Errorf("logged\n%s\nwant\n%s", gotLog, wantLog)
	}
	if !reflect.DeepEqual(gotEvents, wantEvents) || len(wantEvents) != 1 {
		t.Errorf("got the events %+v, want %+v", gotEvents, wantEvents)
	}
}

// TestEvents checks the phases of a run, with their module.
func TestEvents(t *testing.T) {
	var events []engine.Event
	eng := open(t, subprocess.Config{Engine: "wazero"}, engine.Options{Observe: func(e engine.Event) { events = append(events, e) }})
	m := compile(t, eng, quick)
	for i, want := range [][]engine.Phase{
		{engine.PhaseCompile, engine.PhaseInstantiate, engine.PhaseGuest, engine.PhaseEnd},
		{engine.PhaseLoad, engine.PhaseInstantiate, engine.PhaseGuest, engine.PhaseEnd},
	} {
		if err := engine.Run(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
		var got []engine.Phase
		for _, e := range events {
			if e.Size != int64(len(quick)) {
				t.Errorf("%+v: not of the module", e)
			}
			if e.Elapsed < 1 || e.Phase != engine.PhaseCompile && e.Phase != engine.PhaseLoad { // those may repeat
				got = append(got, e.Phase)
			}
		}
		if events = nil; !slices.Equal(got, want) {
			t.Errorf("run %d: %v, want %v", i, got, want)
		}
	}
	if m.Info().Cached {
		t.Error("a module that was compiled says that it was cached")
	}
}

// TestManyMounts checks that more descriptors are passed than go with one message.
func TestManyMounts(t *testing.T) {
	dir := reopen(t, t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cfg := &wasi.Config{Listeners: []wasi.Listener{{File: socket}}}
	for i := range 600 {
		cfg.Mounts = append(cfg.Mounts, wasi.Mount{Guest: "/" + string(rune('a'+i%26)) + string(rune('a'+i/26)), File: dir})
	}
	if err := engine.Run(context.WithoutCancel(t.Context()), compile(t, open(t, subprocess.Config{Engine: "wazero"}, engine.Options{}), quick), cfg); err != nil {
		t.Error(err)
	}
}
