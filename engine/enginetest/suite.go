package enginetest

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

const (
	// patience is how long the suite waits for what must come, before it says that it does not.
	patience = 60 * time.Second
	// release is how soon a guest has ended after its context has.
	release = time.Second
)

type opener = func(context.Context, engine.Options) (engine.Engine, error)

// suite is one engine under test.
type suite struct {
	open    opener
	eng     engine.Engine
	has     engine.Capabilities
	modules map[string]engine.Module // by guest, of eng
}

// newSuite opens the engine that most cases share; it is closed with tb.
func newSuite(tb testing.TB, open opener) *suite {
	tb.Helper()
	eng, err := open(context.WithoutCancel(tb.Context()), engine.Options{})
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() {
		if err := eng.Close(); err != nil {
			tb.Errorf("close the engine: %v", err)
		}
	})
	has, ok := eng.Info().Capabilities[wasi.FormatModule]
	if !ok {
		tb.Fatalf("%s declares no capabilities for core modules: the suite has nothing to run on it", eng.Info().Name)
	}
	return &suite{open: open, eng: eng, has: has, modules: map[string]engine.Module{}}
}

// run runs one case: as it is, or, where the engine does not declare what it needs, to see that it is refused.
func (s *suite) run(tb testing.TB, c Case) {
	tb.Helper()
	defer func() {
		if tb.Failed() {
			tb.Logf("the rule: %s", c.Why)
		}
	}()
	t := s.trial(tb, c)
	before := readFiles(t, t.dir)
	has, runs := s.eng.Info().Capabilities[c.format()]
	missing := has.Missing(c.Needs)
	switch {
	case !runs:
		t.unrunnable()
		before.differ(t, readFiles(t, t.dir))
		t.silent()
		return
	case !missing.Empty():
		t.refused(missing)
		before.differ(t, readFiles(t, t.dir))
		t.silent()
		return
	case c.drive != nil:
		c.drive(t)
	default:
		t.play()
	}
	before.with(c.after).differ(t, readFiles(t, t.dir))
	if out := t.stdout.String() + t.stderr.String(); !c.shows && strings.Contains(out, canary) {
		t.Errorf("the guest read what it was not granted: %q", out)
	}
}

// trial is one case on one engine.
type trial struct {
	testing.TB
	*suite
	c              Case
	dir            string       // the case's own, with its files
	cfg            *wasi.Config // of the run
	stdout, stderr *sink        // where cfg has them
}

func (s *suite) trial(tb testing.TB, c Case) *trial {
	tb.Helper()
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	t := &trial{TB: tb, suite: s, c: c, dir: dir, cfg: c.config.Clone(), stdout: newSink(), stderr: newSink()}
	c.files.write(t, dir)
	if c.script != "" {
		t.cfg.Args = append([]string{gopher}, c.script.args(dir)...)
	}
	for i, m := range t.cfg.Mounts {
		if m.Host != "" && m.Host != "/" {
			t.cfg.Mounts[i].Host = filepath.Join(dir, filepath.FromSlash(m.Host))
		}
	}
	if !c.bare {
		if c.stdin != "" {
			t.cfg.Stdin = strings.NewReader(c.stdin)
		}
		t.cfg.Stdout, t.cfg.Stderr = t.stdout, t.stderr
	}
	if c.prepare != nil {
		c.prepare(t)
	}
	return t
}

// module returns the compiled guest of that name on the shared engine.
func (t *trial) module(name string) engine.Module {
	t.Helper()
	if m := t.modules[name]; m != nil {
		return m
	}
	m := t.compile(t.eng, name)
	t.modules[name] = m
	return m
}

// compile compiles a guest on any engine.
func (t *trial) compile(eng engine.Engine, name string) engine.Module {
	t.Helper()
	m, err := eng.Compile(context.WithoutCancel(t.Context()), t.source(name))
	if err != nil {
		t.Fatalf("compile %s: %v", name, err)
	}
	return m
}

func (t *trial) source(name string) engine.Source {
	t.Helper()
	wasm, err := guest(name)
	if err != nil {
		t.Fatal(err)
	}
	return engine.FromBytes(wasm)
}

// fresh opens an engine for this case alone, which is closed with it.
func (t *trial) fresh(opts engine.Options) engine.Engine {
	t.Helper()
	eng, err := t.open(context.WithoutCancel(t.Context()), opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := eng.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return eng
}

// endless is a context without end: its runs do not need Interrupt.
func (t *trial) endless() context.Context { return context.WithoutCancel(t.Context()) }

// start starts the case's guest, which must succeed.
func (t *trial) start(ctx context.Context) engine.Instance {
	t.Helper()
	inst, err := t.module(t.c.guest).Start(ctx, t.cfg)
	if err != nil {
		t.Fatalf("start %s: %v", t.c.guest, err)
	}
	return inst
}

// wait is the instance's Wait, but not for ever.
func (t *trial) wait(inst engine.Instance) error {
	t.Helper()
	err, ended := waitFor(inst, patience)
	if !ended {
		t.Fatalf("the guest has not ended within %v", patience)
	}
	return err
}

func waitFor(inst engine.Instance, limit time.Duration) (error, bool) {
	end := make(chan error, 1)
	go func() { end <- inst.Wait() }()
	select {
	case err := <-end:
		return err, true
	case <-time.After(limit):
		return nil, false
	}
}

// play runs the case's guest once and compares everything that can be seen of it.
func (t *trial) play() {
	t.Helper()
	ctx := t.endless()
	if t.c.ends {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	m := t.module(t.c.guest)
	if t.c.options != nil {
		m = t.compile(t.fresh(*t.c.options), t.c.guest)
	}
	inst, err := m.Start(ctx, t.cfg)
	if t.c.refuse != nil {
		if err == nil {
			t.Errorf("start: the guest runs, want %v; it ended with %v", t.c.refuse, t.wait(inst))
		} else {
			t.same(err, t.c.refuse)
		}
		t.silent()
		return
	}
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	err = t.wait(inst)
	t.same(err, t.c.end)
	if status := engine.ExitCode(err); status != t.c.status && (t.c.status != 0 || t.c.end == nil) {
		t.Errorf("exit status %d, want %d", status, t.c.status)
	}
	if t.c.script != "" {
		t.c.script.check(t, t.stdout.String(), t.dir)
	} else if got := t.stdout.String(); got != t.c.stdout {
		t.Errorf("stdout: got %s, want %s", abbreviate(got), abbreviate(t.c.stdout))
	}
	if got := t.stderr.String(); got != t.c.stderr {
		t.Errorf("stderr: got %s, want %s", abbreviate(got), abbreviate(t.c.stderr))
	}
}

// refused checks that the case's request is refused for exactly what is missing.
func (t *trial) refused(missing engine.Capabilities) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.endless())
	defer cancel()
	if !t.c.ends {
		ctx = t.endless()
	}
	err := t.attempt(ctx, cancel)
	if err == nil {
		t.Errorf("%s does not declare %s, yet runs a guest that needs it", t.eng.Info().Name, missing)
		return
	}
	var unsupported *engine.UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Errorf("%s does not declare %s: got the error %v, want an *engine.UnsupportedError", t.eng.Info().Name, missing, err)
		return
	}
	// That a Host is a single file is found only when it is opened, after everything else has been checked.
	want := missing
	if known := missing.Without(engine.MountFile); !known.Empty() {
		want = known
	}
	if unsupported.Missing.String() != want.String() {
		t.Errorf("the error says that %q is missing, want %q", unsupported.Missing, want)
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v: is not errors.ErrUnsupported", err)
	}
	if status := engine.ExitCode(err); status != 126 {
		t.Errorf("exit status %d, want 126", status)
	}
}

// attempt opens, compiles and starts what the case asks for and returns the first error. A guest that runs all the same
// is ended.
func (t *trial) attempt(ctx context.Context, cancel func()) error {
	t.Helper()
	var m engine.Module
	if t.c.options != nil {
		eng, err := t.open(t.endless(), *t.c.options)
		if err != nil {
			return err
		}
		defer func() {
			if err := eng.Close(); err != nil {
				t.Errorf("close the engine: %v", err)
			}
		}()
		m = t.compile(eng, t.c.guest)
	} else {
		m = t.module(t.c.guest)
	}
	inst, err := m.Start(ctx, t.cfg)
	if err != nil {
		return err
	}
	cancel()
	if _, ended := waitFor(inst, 5*time.Second); !ended {
		t.Fatal("the guest runs, and cannot be ended")
	}
	return nil
}

// silent checks that the guest has written nothing.
func (t *trial) silent() {
	t.Helper()
	if out := t.stdout.String() + t.stderr.String(); out != "" {
		t.Errorf("the guest ran: it wrote %s", abbreviate(out))
	}
}

// same checks that an error is of want's type and content; a [engine.TrapKind] wants a trap of that kind.
func (t *trial) same(got, want error) {
	t.Helper()
	var trap *engine.TrapError
	kind, wantTrap := want.(engine.TrapKind)
	switch {
	case want == nil && got == nil:
		return
	case want == nil || got == nil:
		t.Errorf("the run ended with %v, want %v", got, want)
		return
	case wantTrap:
		if !errors.As(got, &trap) || !errors.Is(got, kind) {
			t.Errorf("the run ended with %v (%T), want a trap: %v", got, got, want)
		}
		return
	}
	target := reflect.New(reflect.TypeOf(want))
	if !errors.As(got, target.Interface()) {
		t.Errorf("got the error %v (%T), want %v (%T)", got, got, want, want)
	} else if found := target.Elem().Interface(); !reflect.DeepEqual(found, want) {
		t.Errorf("got the error %#v, want %#v", found, want)
	}
}

// hello checks that the engine, and a module that it compiled before, still work.
func (t *trial) hello() {
	t.Helper()
	out := newSink()
	cfg := &wasi.Config{}
	if t.has.Has(engine.Streams) {
		cfg.Stdout = out
	}
	inst, err := t.module("hello").Start(t.endless(), cfg)
	if err != nil {
		t.Fatalf("afterwards a guest does not start: %v", err)
	}
	if err := t.wait(inst); err != nil {
		t.Fatalf("afterwards a guest does not run: %v", err)
	}
	if cfg.Stdout != nil && out.String() != helloLine {
		t.Errorf("afterwards a guest writes %q, want %q", out, helloLine)
	}
}

const helloLine = "Hello, guest!\n"

// abbreviate quotes a text, the middle of a long one left out.
func abbreviate(s string) string {
	const most = 400
	if len(s) > most {
		s = s[:most/2] + "…" + s[len(s)-most/2:]
	}
	return "\"" + strings.ReplaceAll(s, "\n", "\\n") + "\""
}
