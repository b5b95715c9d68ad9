package oci

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// Where says from where the guest runs. There is no default: isolation is never dropped because nobody chose.
// As text and in JSON it is its String.
type Where uint8

const (
	// Entered is inside the container: a runtime has made it as the spec says, with namespaces, mounts, user, limits
	// and filters, and this process is its first. Linux only.
	Entered Where = iota + 1
	// Direct is without a container: this process stays as it is, and the guest's file system is put together from
	// the bundle's rootfs and the sources of its mounts. Works as any user and on every system.
	Direct
)

var whereNames = [...]string{"unset", "entered", "direct"}

// String returns "entered", "direct", or "unset" for the zero value.
func (w Where) String() string {
	if int(w) < len(whereNames) {
		return whereNames[w]
	}
	return fmt.Sprintf("where(%d)", uint8(w))
}

// MarshalText implements [encoding.TextMarshaler].
func (w Where) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes "entered" and "direct" only.
func (w *Where) UnmarshalText(text []byte) error {
	for _, v := range []Where{Entered, Direct} {
		if v.String() == string(text) {
			*w = v
			return nil
		}
	}
	return fmt.Errorf("oci: %q is neither entered nor direct", text)
}

// Options are the facts about the process and its host that [FromSpec] does not ask for itself.
type Options struct {
	// Where the guest runs: [Entered] or [Direct]. Required.
	Where Where
	// Bundle is the absolute path of the bundle's directory ([Bundle.Dir]). In Direct, a relative root.path and
	// relative sources of mounts start there; "" is fine where there are none. Entered does not need it.
	Bundle string
	// GOOS is the host's operating system by Go's name; "" is this program's. Entered is for linux.
	GOOS string
	// UID and GID are those of this process, as [os.Getuid] and [os.Getgid] return them. In Direct the account says
	// where process.user asks for others; Entered does not need them.
	UID, GID int
	// Unknown are fields of config.json that runtime-spec does not define ([Bundle.Unknown]); each is recorded as
	// ignored.
	Unknown []string
	// Strict makes an error of every field whose verdict would be Ignored or Limited.
	Strict bool
}

// Plan is a run of a guest, planned from a spec.
type Plan struct {
	// Module is what args[0] names without "#func": a guest path where it contains a '/', else a name to look up in
	// the guest's PATH. [Plan.Open] finds it.
	Module string `json:"module"`
	// Root is the absolute host path of the directory that is the guest's "/".
	Root string `json:"root"`
	// Config is the run itself, without streams. It validates ([wasi.Config.Validate]).
	Config wasi.Config `json:"config"`
	// Account says what became of every field that the spec sets, in the order of the specification.
	Account []Entry `json:"account"`
}

// SpecError is one field of a spec that cannot be honoured. Its exit status is 126.
type SpecError struct {
	Field string // path of the field in the runtime-spec's JSON names: "mounts[3].destination"
	Value any    // what stands there; nil where that is nothing or too much to show
	Err   error  // why it cannot be honoured
}

// Error implements error.
func (e *SpecError) Error() string {
	switch field := shorten(e.Field); v := e.Value.(type) {
	case nil:
		return fmt.Sprintf("oci: %s: %v", field, e.Err)
	case string:
		return fmt.Sprintf("oci: %s %q: %v", field, shorten(v), e.Err)
	default:
		return fmt.Sprintf("oci: %s %v: %v", field, v, e.Err)
	}
}

// shorten makes what a stranger wrote fit into a message.
func shorten(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// Unwrap returns Err.
func (e *SpecError) Unwrap() error { return e.Err }

// ExitStatus returns 126: the container was found and cannot be run.
func (e *SpecError) ExitStatus() int { return 126 }

// FromSpec plans the run of a guest from spec, by the policy in the package documentation. It is pure: it opens no file,
// logs nothing, and neither changes nor keeps spec; whether the paths in the plan exist shows when they are opened.
// It may be called concurrently.
//
// The error joins a [*SpecError] for every field that is rejected, or says what is wrong with opts. Along with an error
// comes a plan that holds the account and nothing to run, so that a program can explain all of the spec.
func FromSpec(spec *specs.Spec, opts Options) (*Plan, error) {
	return fromSpec(spec, opts, policyTree())
}

func fromSpec(spec *specs.Spec, opts Options, tree *node) (*Plan, error) {
	if opts.GOOS == "" {
		opts.GOOS = runtime.GOOS
	}
	switch {
	case spec == nil:
		return &Plan{}, errors.New("oci: plan: there is no spec")
	case opts.Where != Entered && opts.Where != Direct:
		return &Plan{}, errors.New("oci: plan: options do not say where the guest runs: set Where to Entered or Direct")
	case opts.Where == Entered && opts.GOOS != "linux":
		return &Plan{}, fmt.Errorf("oci: plan: there are no containers to enter on %s: use Direct", opts.GOOS)
	case opts.Bundle != "" && !filepath.IsAbs(opts.Bundle):
		return &Plan{}, fmt.Errorf("oci: plan: bundle %q is not an absolute path", opts.Bundle)
	}
	p := &planner{spec: spec, opts: opts}
	p.plan.Account = make([]Entry, 0, 64)
	p.missing()
	p.walk(reflect.ValueOf(spec).Elem(), tree, "")
	for _, field := range opts.Unknown {
		p.record(field, Ignored, "runtime-spec "+specs.Version+" has no such field")
	}
	if len(p.errs) == 0 {
		p.plan.Config.Mounts = p.mounts
		if err := p.plan.Config.Validate(); err != nil {
			p.errs = append(p.errs, err)
		}
	}
	if len(p.errs) > 0 {
		return &Plan{Account: p.plan.Account}, errors.Join(p.errs...)
	}
	return &p.plan, nil
}

// planner is one call of FromSpec.
type planner struct {
	spec   *specs.Spec
	opts   Options
	plan   Plan
	mounts []wasi.Mount
	at     map[string]int // index in mounts by guest path
	errs   []error
}

// missing reports what runtime-spec requires for start; the walk sees only what is there.
func (p *planner) missing() {
	const required = "is missing: runtime-spec requires it"
	switch {
	case p.spec.Process == nil:
		p.reject("process", nil, required)
	case len(p.spec.Process.Args) == 0:
		p.reject("process.args", nil, "is empty: args[0] names the module to run")
	}
	if p.spec.Root == nil {
		p.reject("root", nil, required)
	}
}

// record adds an entry; in strict mode a verdict that strict mode does not take becomes a rejection.
func (p *planner) record(field string, v Verdict, reason string) {
	switch {
	case v == Rejected:
		p.reject(field, nil, reason)
	case p.opts.Strict && (v == Ignored || v == Limited):
		p.reject(field, nil, v.String()+" without strict mode: "+reason)
	default:
		p.plan.Account = append(p.plan.Account, Entry{field, v, reason})
	}
}

// reject adds an entry and an error that says the same.
func (p *planner) reject(field string, value any, reason string) {
	p.plan.Account = append(p.plan.Account, Entry{field, Rejected, reason})
	p.errs = append(p.errs, &SpecError{Field: field, Value: value, Err: errors.New(reason)})
}

// partly adds an entry for the rest of a field that is rejected because of something below it.
func (p *planner) partly(field string) {
	p.plan.Account = append(p.plan.Account, Entry{field, Rejected, "for what is rejected above"})
}

// textual says whether a string can be used at all, and rejects it otherwise.
func (p *planner) textual(field, s string) bool {
	if strings.IndexByte(s, 0) >= 0 {
		p.reject(field, s, "contains a NUL byte")
		return false
	}
	return true
}
