package enginetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestAssembled checks that every guest in the text format was assembled as it is now.
func TestAssembled(t *testing.T) {
	texts, err := filepath.Glob("testdata/*.wat")
	if err != nil {
		t.Fatal(err)
	}
	digest := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	for _, wat := range texts {
		name := strings.TrimSuffix(filepath.Base(wat), ".wat")
		if got := [2]string{digest(wat), digest(strings.TrimSuffix(wat, ".wat") + ".wasm")}; got != assembledFrom[name] {
			t.Errorf("%s and its .wasm do not belong together: run go generate", wat)
		}
	}
	embedded, err := fs.Glob(assembled, "testdata/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != len(assembledFrom) || len(embedded) != len(texts) {
		t.Errorf("%d texts, %d modules and %d digests: run go generate, and remove what has no text", len(texts), len(embedded), len(assembledFrom))
	}
}

// TestComponentBuilt checks that the component was built of its source as it is now.
func TestComponentBuilt(t *testing.T) {
	list, err := os.ReadFile("testdata/component/digests")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		b, err := os.ReadFile(filepath.Join("testdata/component", name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not what the component was made with: run testdata/component/build.sh", name)
		}
	}
}

// TestGuestsUsed checks that no guest is without a case.
func TestGuestsUsed(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range sources {
		if name == "assembled.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	for name := range assembledFrom {
		if !strings.Contains(code.String(), `"`+name+`"`) {
			t.Errorf("no case uses the guest %s", name)
		}
	}
}

// TestCases checks the table itself.
func TestCases(t *testing.T) {
	cases := Cases()
	seen, needed, escapes := map[string]bool{}, map[engine.Capability]bool{}, 0
	for _, c := range cases {
		if seen[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		seen[c.Name] = true
		if c.Why == "" || strings.HasSuffix(c.Why, ".") {
			t.Errorf("%s: its Why is %q: want a rule in words, without a full stop", c.Name, c.Why)
		}
		for _, need := range c.Needs.List() {
			needed[need] = true
		}
		if strings.HasPrefix(c.Name, "Escape/") {
			escapes++
		}
	}
	for _, capability := range engine.AllCapabilities() {
		if !needed[capability] {
			t.Errorf("no case needs %q: an engine may declare it or not, as it likes", capability)
		}
	}
	if escapes < 60 {
		t.Errorf("only %d attempts to escape", escapes)
	}
}

// TestNeeds checks that what a case is said to need is what its run asks for, but for what only an engine can find.
func TestNeeds(t *testing.T) {
	s := newSuite(t, wazero.New)
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			trial := s.trial(t, c)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if !c.ends {
				ctx = context.WithoutCancel(ctx)
			}
			asked := engine.Needs(ctx, c.format(), trial.cfg)
			if more := c.Needs.Missing(asked); !more.Empty() {
				t.Errorf("the run needs %s, too", more)
			}
			if less := asked.Missing(c.Needs).Without(engine.MountFile, engine.Unchecked); !less.Empty() {
				t.Errorf("the run does not need %s", less)
			}
		})
	}
}

func TestScript(t *testing.T) {
	for _, tt := range []struct {
		name       string
		script     script
		transcript string
		fails      bool
	}{
		{"value", `read 0 1 => "x"`, "\"x\"\n", false},
		{"other value", `read 0 1 => "x"`, "\"y\"\n", true},
		{"one of two", "close 3 => ok|EBADF", "EBADF\n", false},
		{"neither of two", "close 3 => ok|EBADF", "EIO\n", true},
		{"a value with a bar", `cat 3 a => "a|b"`, "\"a|b\"\n", false},
		{"any error", "close 3 => !", "E2BIG\n", false},
		{"no error", "close 3 => !", "ok\n", true},
		{"a value like an error", "cat 3 a => !", "\"EIO\"\n", true},
		{"anything", "cat 3 a => *", "\"EIO\"\n", false},
		{"directory", "os.getwd => $DIR/a", "/dir/a\n", false},
		{"silent op", "print 1 x\nclose 3 => ok", "ok\n", false},
		{"too little", "close 3 => ok\nclose 4 => *", "ok\n", true},
		{"too much", "close 3 => ok", "ok\nok\n", true},
		{"nothing", "close 3 => *", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &recorder{TB: t}
			tt.script.check(r, tt.transcript, "/dir")
			if r.Failed() != tt.fails {
				t.Errorf("failed is %v: %q", r.Failed(), r.log)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	want := files{"a": "1", "d/": "", "e/b": "2", "l": linkTo + "$DIR/a"}
	dir := t.TempDir()
	want.write(t, dir)
	want.differ(t, readFiles(t, dir))
	for name, changes := range map[string]files{
		"added": {"new": ""}, "removed": {"a": gone}, "changed": {"a": "2"}, "link": {"l": linkTo + "b"}, "directory": {"d/": gone},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			want.differ(r, want.with(changes))
			if len(r.log) != 1 {
				t.Errorf("one difference was reported as %q", r.log)
			}
		})
	}
}

// recorder is a testing.TB that notes failures and does not fail.
type recorder struct {
	testing.TB

	mu     sync.Mutex
	failed bool
	log    []string
}

func (r *recorder) Errorf(format string, a ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	r.log = append(r.log, fmt.Sprintf(format, a...))
}

func (r *recorder) Error(a ...any)                 { r.Errorf("%s", fmt.Sprint(a...)) }
func (r *recorder) Fatalf(format string, a ...any) { r.Errorf(format, a...); panic(failNow{}) }
func (r *recorder) Fatal(a ...any)                 { r.Fatalf("%s", fmt.Sprint(a...)) }
func (r *recorder) Logf(string, ...any)            {}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

type failNow struct{}

// TestUndeclared runs the cases that wazero inverts on what stands in for the capability, so that their scripts are tried
// before the first engine has it. A host directory stands in for a file system in memory, and lacks its bound.
func TestUndeclared(t *testing.T) {
	s := newSuite(t, func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
		eng, err := wazero.New(ctx, opts)
		return altered{
			Engine:   eng,
			declares: func(c engine.Capabilities) engine.Capabilities { return c.With(engine.MountTmpfs) },
			asks: func(cfg *wasi.Config) {
				for i := range cfg.Mounts {
					if cfg.Mounts[i].Tmpfs != nil {
						cfg.Mounts[i] = wasi.Mount{Guest: cfg.Mounts[i].Guest, Host: t.TempDir()}
					}
				}
			},
		}, err
	})
	for _, c := range Cases() {
		if c.Name != "Mount/Tmpfs" {
			continue
		}
		r := &recorder{TB: t}
		s.run(r, c)
		const bound = "fill $ 131072: got ok, want ENOSPC|EDQUOT"
		if want := []string{bound, bound}; !slices.Equal(r.log, want) { // of both runs
			t.Errorf("failed with %q, want %q", r.log, want)
		}
	}
}

// recorded runs a case and returns what it has to say.
func (s *suite) recorded(t *testing.T, c Case) (r *recorder) {
	r = &recorder{TB: t}
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(failNow); !ok {
				panic(v)
			}
		}
	}()
	s.run(r, c)
	return r
}

// failures runs the cases whose names begin with one of prefixes and returns the names of those that failed.
func failures(t *testing.T, open opener, prefixes ...string) []string {
	t.Helper()
	s := newSuite(t, open)
	var failed []string
	for _, c := range Cases() {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(c.Name, p) }) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if s.recorded(t, c).Failed() {
				failed = append(failed, c.Name)
			}
		})
	}
	return failed
}

// altered is an engine with something wrong about it.
type altered struct {
	engine.Engine
	declares func(engine.Capabilities) engine.Capabilities // what it says, not what it does
	asks     func(*wasi.Config)                            // changes what is asked for
	changes  func(*wasi.Config)                            // changes the caller's own
	ends     func(error) error                             // changes how runs end
}

func (e altered) Info() engine.Info {
	info := e.Engine.Info()
	if e.declares != nil {
		info.Capabilities = engine.FormatCapabilities{wasi.FormatModule: e.declares(info.Capabilities[wasi.FormatModule])}
	}
	return info
}

func (e altered) Compile(ctx context.Context, src engine.Source) (engine.Module, error) {
	m, err := e.Engine.Compile(ctx, src)
	if err != nil {
		return nil, err
	}
	return alteredModule{m, e}, nil
}

type alteredModule struct {
	engine.Module
	e altered
}

func (m alteredModule) Info() engine.ModuleInfo {
	info := m.Module.Info()
	info.Capabilities = m.e.Info().Capabilities[wasi.FormatModule]
	return info
}

func (m alteredModule) Start(ctx context.Context, cfg *wasi.Config) (engine.Instance, error) {
	original := cfg
	if m.e.asks != nil && cfg != nil {
		cfg = cfg.Clone()
		m.e.asks(cfg)
	}
	inst, err := m.Module.Start(ctx, cfg)
	if m.e.changes != nil && original != nil {
		m.e.changes(original)
	}
	if err != nil || m.e.ends == nil {
		return inst, err
	}
	return alteredInstance{inst, m.e}, nil
}

type alteredInstance struct {
	engine.Instance
	e altered
}

func (i alteredInstance) Wait() error { return i.e.ends(i.Instance.Wait()) }

// TestSuiteFails checks that the suite fails engines which are wrong, and by which cases.
func TestSuiteFails(t *testing.T) {
	adds := func(more ...engine.Capability) func(engine.Capabilities) engine.Capabilities {
		return func(c engine.Capabilities) engine.Capabilities { return c.With(more...) }
	}
	drops := func(some ...engine.Capability) func(engine.Capabilities) engine.Capabilities {
		return func(c engine.Capabilities) engine.Capabilities { return c.Without(some...) }
	}
	kept := t.TempDir()
	compiled := filepath.Join(t.TempDir(), "compiled") // by the first of them
	for name, tt := range map[string]struct {
		engine altered
		cases  []string // that run, by prefix
		fail   []string // that must fail, and no other
	}{
		"nothing wrong": {
			altered{},
			[]string{"Streams/Stdout", "Exit/", "Args/", "Env/Not", "Mount/Tw", "Mount/Tmpfs", "Socket/"},
			nil,
		},
		"declares too much": {
			altered{declares: adds(engine.Unchecked)},
			[]string{"Socket/", "Mount/Tmpfs", "Interrupt/Uninterruptible"},
			[]string{"Interrupt/Uninterruptible"},
		},
		"gives a tmpfs no bound": {
			altered{asks: func(cfg *wasi.Config) {
				for i := range cfg.Mounts {
					if cfg.Mounts[i].Tmpfs != nil {
						cfg.Mounts[i].Tmpfs = &wasi.Tmpfs{}
					}
				}
			}},
			[]string{"Mount/Tmpfs"},
			[]string{"Mount/Tmpfs"},
		},
		"keeps a tmpfs on the host": {
			altered{asks: func(cfg *wasi.Config) {
				for i, m := range cfg.Mounts {
					if m.Tmpfs != nil {
						cfg.Mounts[i] = wasi.Mount{Guest: m.Guest, Host: kept}
					}
				}
			}},
			[]string{"Mount/Tmpfs"},
			[]string{"Mount/Tmpfs", "Mount/TmpfsNested", "Mount/TmpfsReadOnly"},
		},
		"declares too little": {
			altered{declares: drops(engine.Interrupt, engine.MountReadOnly, engine.MountFile, engine.Entrypoint, engine.Streams)},
			[]string{"Streams/Stdout", "Entrypoint/Custom", "Exit/42", "ReadOnly/Changes", "Mount/File", "Interrupt/Loop", "Interrupt/Sleep"},
			[]string{"Streams/Stdout", "Entrypoint/Custom", "ReadOnly/Changes", "Mount/File", "Mount/FileReadOnly", "Interrupt/Loop", "Interrupt/Sleep"},
		},
		"loses exit codes": {
			altered{ends: func(error) error { return nil }},
			[]string{"Exit/", "Trap/InStart", "Streams/Stdout"},
			[]string{
				"Exit/AfterOutput", "Exit/NotATrap", "Exit/1", "Exit/42", "Exit/125", "Exit/126", "Exit/137", "Exit/255", "Exit/256",
				"Exit/300", "Exit/65536", "Exit/4026531839", "Exit/4294967295", "Trap/InStartSection",
			},
		},
		"cuts exit codes": {
			altered{ends: func(err error) error {
				if code := engine.ExitCode(err); code != 0 {
					return &engine.ExitError{Code: uint32(code)}
				}
				return nil
			}},
			[]string{"Exit/", "Trap/Unreachable"},
			[]string{"Exit/256", "Exit/300", "Exit/65536", "Exit/4026531839", "Exit/4294967295", "Trap/Unreachable"},
		},
		"forgets that mounts are read-only": {
			altered{asks: func(cfg *wasi.Config) {
				for i := range cfg.Mounts {
					cfg.Mounts[i].ReadOnly = false
				}
			}},
			[]string{"ReadOnly/Changes", "Mount/FileReadOnly", "Mount/Two"},
			[]string{"ReadOnly/Changes", "Mount/FileReadOnly"},
		},
		"forgets what is hidden": {
			altered{asks: func(cfg *wasi.Config) {
				cfg.Mounts = slices.DeleteFunc(cfg.Mounts, func(m wasi.Mount) bool { return m.Hidden })
			}},
			[]string{"Mount/Hidden", "Escape/ProcHidden", "Mount/Two"},
			[]string{"Mount/Hidden", "Escape/ProcHidden"},
		},
		"grants the host's root": {
			altered{asks: func(cfg *wasi.Config) {
				if len(cfg.Mounts) == 1 && cfg.Mounts[0].Guest != "/" {
					cfg.Mounts = append(cfg.Mounts, wasi.Mount{Guest: "/", Host: "/"})
				}
			}},
			[]string{"Escape/AbsoluteLink", "Escape/GuestLink", "Escape/LinkToParent", "Escape/CreateThroughDanglingLink", "Mount/Two"},
			[]string{"Escape/AbsoluteLink", "Escape/LinkToParent", "Escape/GuestLink", "Escape/CreateThroughDanglingLink"},
		},
		"inherits the environment": {
			altered{asks: func(cfg *wasi.Config) { cfg.Env = append(os.Environ(), cfg.Env...) }},
			[]string{"Env/"},
			[]string{"Env/Entries", "Env/NotInherited", "Env/WorkDir", "Env/WorkDirGiven", "Env/WorkDirProgram", "Env/Separate"},
		},
		"ignores the limit of memory": {
			altered{asks: func(cfg *wasi.Config) { cfg.Limits = wasi.Limits{} }},
			[]string{"Memory/Limit", "Memory/NoLimit"},
			[]string{
				"Memory/Limit", "Memory/LimitRounded", "Memory/LimitIsStart", "Memory/LimitBelowStart", "Memory/LimitTooSmall",
				"Memory/LimitPerRun",
			},
		},
		"leaves descriptors open": {
			altered{asks: func(*wasi.Config) {
				f, err := os.Open(".")
				if err != nil {
					t.Error(err)
				}
				t.Cleanup(func() { f.Close() })
			}},
			[]string{"Leak/Runs", "Streams/Stdout"},
			[]string{"Leak/Runs"},
		},
		"changes the caller's Config": {
			altered{changes: func(cfg *wasi.Config) {
				if len(cfg.Mounts) > 0 {
					cfg.Mounts[0].ReadOnly = true
				}
			}},
			[]string{"Mount/NotMutated", "Mount/Root"},
			[]string{"Mount/NotMutated"},
		},
		"takes the end of a context for an exit": {
			altered{ends: func(err error) error {
				if engine.ExitCode(err) >= 128 {
					return &engine.ExitError{Code: 137}
				}
				return err
			}},
			[]string{"Interrupt/Loop", "Interrupt/Deadline", "Interrupt/AfterEnd"},
			[]string{"Interrupt/Loop", "Interrupt/Deadline"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			failed := failures(t, func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
				if opts.CacheDir == "" {
					opts.CacheDir = compiled
				}
				eng, err := wazero.New(ctx, opts)
				tt.engine.Engine = eng
				return tt.engine, err
			}, tt.cases...)
			if !slices.Equal(failed, tt.fail) {
				t.Errorf("failed\n%q\nwant\n%q", failed, tt.fail)
			}
		})
	}
}
