package enginetest

import (
	"context"
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// Case is one rule of the contract between engines and their callers, with the guest that shows whether it is kept.
type Case struct {
	Name  string              // of the subtest: "Exit/256"
	Why   string              // the rule in words, logged when it is broken
	Needs engine.Capabilities // what the case asks of an engine; where that is not declared, it must be refused

	guest  string      // "" is gopher where there is a script, else hello
	config wasi.Config // relative Hosts are beneath the case's directory; a nil Stdout and Stderr are replaced by sinks
	script script      // the guest's arguments, and what it must print
	files  files       // of the case's directory, before
	stdin  string      // what Stdin has

	component bool // the guest is a component

	bare    bool                // no streams at all
	ends    bool                // the context can end: needs Interrupt
	also    []engine.Capability // needs that config does not show
	options *engine.Options     // not nil: the case has an engine of its own
	prepare func(*trial)        // completes the trial's cfg

	stdout string       // must be exactly this, unless there is a script
	stderr string       // must be exactly this
	end    error        // what Wait returns: nil, *ExitError, a TrapKind
	refuse error        // what Start returns instead
	status int          // ExitCode of the end, where it is not 0
	after  files        // what the run changes in the case's directory; anything else must stay as it was
	drive  func(*trial) // replaces all of the above from stdout on
	shows  bool         // the guest may read the canary
}

// groups are all cases, by subject.
var groups = [][]Case{
	streamCases, argumentCases, entrypointCases, exitCases, trapCases, moduleCases, memoryCases, fileCases, readOnlyCases,
	mountCases, escapeCases, linkCases, pathCases, raceCases, procCases, deviceCases, descriptorCases, pointerCases, tmpfsCases,
	faultCases, clockCases, interruptCases, fifoCases, specialFileCases, socketCases, lifecycleCases, concurrencyCases, cacheCases, exportCases,
	leakCases,
}

// Cases returns every case, in the order in which Run runs them.
func Cases() []Case { return complete(withComponents(slices.Concat(groups...))) }

// complete fills in what the cases' other fields say.
func complete(cases []Case) []Case {
	for i := range cases {
		c := &cases[i]
		ctx := context.Background()
		if c.ends {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			cancel()
		}
		cfg := c.config
		if !c.bare {
			cfg.Stdout = newSink()
		}
		c.Needs = engine.Needs(ctx, c.format(), &cfg).With(c.also...)
		switch {
		case c.guest != "":
		case c.script != "":
			c.guest = gopher
		default:
			c.guest = "hello"
		}
	}
	return cases
}

// Run tests that an engine keeps the contract of package engine, each case in a subtest. open opens the engine: its
// constructor or its Driver's Open. Most cases share one engine and its compiled modules; those about opening, closing
// and options open their own. Run wants the process to itself: no other test may run at the same time.
func Run(t *testing.T, open func(context.Context, engine.Options) (engine.Engine, error)) {
	t.Helper()
	s := newSuite(t, open)
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { s.run(t, c) })
	}
}
