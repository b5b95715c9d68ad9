package enginetest

import (
	"errors"
	"slices"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// crab is the name of the guest that runs scripts as a component of WASI 0.2. It is committed: see testdata/component/build.sh.
const crab = "crab"

// preview1Words are what a script says that only preview 1 has: sockets that are handed in, rights, exit codes other than success
// and failure.
var preview1Words = []string{"poke", "recv", "send", "exit", "os.getwd", "only"}

// withComponents are cases, and those that are data about what a guest reaches once more, with the guest as a component.
func withComponents(cases []Case) []Case {
	all := slices.Clone(cases)
	for _, c := range cases {
		if c.guest == "" && c.script.runsAsComponent() {
			c.Name, c.guest, c.component, c.script = "Component/"+c.Name, crab, true, c.script.component()
			all = append(all, c)
		}
	}
	return append(all, componentCases...)
}

// runsAsComponent tells whether a component can do what the script says.
func (s script) runsAsComponent() bool {
	for _, st := range s.steps() {
		words := strings.Fields(st.op)
		if words[0] == "raw" && words[1] != "fd_filestat_set_times" || slices.ContainsFunc(words, func(w string) bool { return slices.Contains(preview1Words, w) }) {
			return false
		}
	}
	return s != ""
}

// component is the script for a component: with what is written for one, and without accepting connections, which preview 1 can
// ask of anything.
func (s script) component() script {
	var kept strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(string(s), forComponents, "|")) {
		if !strings.HasPrefix(strings.TrimSpace(line), "accept ") {
			kept.WriteString(line)
		}
	}
	return script(kept.String())
}

// format is what the case's guest is.
func (c *Case) format() wasi.Format {
	if c.component {
		return wasi.FormatComponent
	}
	return wasi.FormatModule
}

// unrunnable checks that an engine which does not declare components refuses one, and knows who runs it.
func (t *trial) unrunnable() {
	t.Helper()
	_, err := t.eng.Compile(t.endless(), t.source(t.c.guest))
	var unsupported *engine.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Format != wasi.FormatComponent || !unsupported.Missing.Empty() {
		t.Errorf("%s does not declare components: got the error %v, want an *engine.UnsupportedError about the format", t.eng.Info().Name, err)
		return
	}
	var others []string
	for _, d := range engine.List() {
		if _, can := d.Capabilities[wasi.FormatComponent]; can && d.Name != t.eng.Info().Name && d.Unavailable == nil {
			others = append(others, d.Name)
		}
	}
	if !slices.Equal(unsupported.Others, others) {
		t.Errorf("the error names %q as engines that run components, want %q", unsupported.Others, others)
	}
	if status := engine.ExitCode(err); status != 126 {
		t.Errorf("exit status %d, want 126", status)
	}
}

var componentCases = []Case{
	{
		Name:      "Component/Exit",
		Why:       "a component ends with success or failure: WASI 0.2 knows no other exit codes",
		guest:     crab,
		component: true,
		drive: func(t *trial) {
			for code, want := range map[string]error{"0": nil, "1": &engine.ExitError{Code: 1}, "7": &engine.ExitError{Code: 1}} {
				t.cfg.Args = []string{crab, "print 1 before", "exit " + code, "print 1 after"}
				t.stdout = newSink()
				t.cfg.Stdout = t.stdout
				t.same(t.wait(t.start(t.endless())), want)
				if got := t.stdout.String(); got != "before" {
					t.Errorf("exit %s: the guest wrote %q, want %q", code, got, "before")
				}
			}
		},
	},
	{
		Name:      "Component/Leak",
		Why:       "two hundred runs of components that return, exit or fail to start leave no goroutine and no descriptor behind",
		config:    oneMount,
		files:     files{"m/a": "x"},
		guest:     crab,
		component: true,
		drive: func(t *trial) {
			missing := &wasi.Config{Mounts: []wasi.Mount{{Guest: "/n", Host: t.path("missing")}}}
			run := func(want error, args ...string) func() {
				return func() {
					t.cfg.Args = append([]string{crab}, args...)
					t.cfg.Stdin = brokenReader{}
					t.same(engine.Run(t.endless(), t.module(crab), t.cfg), want)
				}
			}
			t.steady(50,
				run(&engine.ExitError{Code: 1}, "open 3 a", "open 3 . dir", "exit 3"), // with descriptors open
				run(nil, "cat 3 a"),
				run(nil, "open 3 . dir", "ls $", "read 0 1"),
				func() {
					if _, err := t.module(crab).Start(t.endless(), missing); err == nil {
						t.Error("a component whose mount does not exist starts")
					}
				},
			)
		},
	},
}
