package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// Delegation says how another OCI runtime, the delegate, is to make a container with a runner in it that runs the guest.
// It is data, and never modified.
type Delegation struct {
	// Runner is the absolute host path of the runner's executable. Required. It should be static, as it finds nothing in the
	// container but itself, and Libraries.
	Runner string
	// Libraries is the absolute path of a host directory with shared libraries and their loader, for a runner that is not static, which
	// has to look for them at [LibraryPath] and nowhere else. "" is none. Where Code has the runner's file, it has to hold an empty
	// directory for them, too.
	Libraries string
	// Code is the absolute path of a host directory with the exported code of the guest, for the runner to read. Required.
	// Where the runner gets into the container by mount, it has to hold an empty file called Name, on which the
	// runner is mounted. The container's user has to be able to read it.
	Code string
	// Name is the file name of the runner in the container, which `ps` shows: the base name of the module, say. Required.
	Name string
	// First is the number of the runner's first descriptor, 3 or more: 3, and as many as the caller passes to the container.
	// Where the runner gets into the container by descriptor, First+4 has to be its executable and First+5 the directory Code,
	// through which nothing else may be reachable.
	First int
	// Env is the whole environment of the runner. The guest's is in [Derived.Config].
	Env []string
	// Hook is a command, by an absolute host path, that is put before each hook that runs on the host's side, so that it can
	// give the hook the caller's state instead of the delegate's: the hook becomes Hook... "--" PATH ARGS..., with the hook's
	// own path and args. ARGS[0] is what the hook is called by; without any that is PATH. Nil leaves hooks as they are.
	Hook []string
	// Need is what the runner needs for itself.
	Need Need
}

// LibraryPath is where a container has [Delegation.Libraries].
const LibraryPath = runnerPlace + "/.lib"

// descriptors of the runner after First.
const (
	executableFD = 4
	codeFD       = 5
)

// check says what is wrong with d; a fault in it is the program's, not the spec's.
func (d *Delegation) check() error {
	problem := ""
	switch {
	case !path.IsAbs(d.Runner) || strings.Contains(d.Runner, "\x00"):
		problem = fmt.Sprintf("runner %q is not an absolute path", d.Runner)
	case !path.IsAbs(d.Code) || strings.Contains(d.Code, "\x00"):
		problem = fmt.Sprintf("code directory %q is not an absolute path", d.Code)
	case d.Libraries != "" && (!path.IsAbs(d.Libraries) || strings.Contains(d.Libraries, "\x00")):
		problem = fmt.Sprintf("library directory %q is not an absolute path", d.Libraries)
	case d.Libraries != "" && d.Name == path.Base(LibraryPath):
		problem = fmt.Sprintf("name %q is that of the libraries", d.Name)
	case d.Name == "" || d.Name == "." || d.Name == ".." || len(d.Name) > 255 || strings.ContainsAny(d.Name, "/\x00"):
		problem = fmt.Sprintf("name %q is not the name of a file", shorten(d.Name))
	case d.Hook != nil && (len(d.Hook) == 0 || !path.IsAbs(d.Hook[0])):
		problem = fmt.Sprintf("hook command %q has no absolute path", d.Hook)
	case min(d.Need.Pids, d.Need.OpenFiles, d.Need.AddressSpace, d.Need.Data, d.Need.FileSize, d.Need.Memory) < 0:
		problem = "a need is negative"
	default:
		problem = runnerProblem(d.First, d.Env)
	}
	if problem != "" {
		return errors.New("oci: derive: delegation: " + problem)
	}
	return nil
}

func runnerProblem(first int, env []string) string {
	if first < 3 {
		return fmt.Sprintf("the runner's first descriptor is %d, and 0 to 2 are the guest's", first)
	}
	for _, e := range env {
		if strings.IndexByte(e, '=') <= 0 || strings.Contains(e, "\x00") {
			return fmt.Sprintf("environment entry %q is not of the form KEY=value", e)
		}
	}
	return ""
}

// Derived is a container of a delegate in which a runner runs the guest; see [Bundle.Derive].
type Derived struct {
	// JSON is the config.json for the delegate.
	JSON []byte
	// Config is the run of the guest in the container, without streams: that of the [Entered] plan, with the runner's place
	// hidden, and the memory limit less what the runner needs.
	Config wasi.Config
	// Executable is the path of the runner in the container: /dev/.wasmoci/NAME or /proc/self/fd/N.
	Executable string
	// Code is the path of the directory with the exported code in the container: /dev/.wasmoci or /proc/self/fd/N.
	Code string
	// ByDescriptor says that the runner and its code are not mounted, but have to be given as descriptors.
	ByDescriptor bool
	// Account says what became of every field that the bundle's spec sets, in the order of the specification, and at last of
	// the process that the container has instead.
	Account []Entry

	original   string // the config.json that was derived from
	devices    int    // how many mounts of it are at /dev
	delegation Delegation
}

// Derive makes the config.json with which a delegate, such as crun or runc, makes the container of the bundle, but with a
// runner as its process, which then runs the guest by Config. It is pure, never modifies b, and may be called concurrently.
//
// The delegate gets the bundle's config.json with the changes below, and enforces the rest: namespaces, cgroups,
// mounts, user, capabilities, rlimits, seccomp. All else is as the caller wrote it: fields that runtime-spec does not define, as the
// delegate may know them, and lists that are there but empty, which mean something to some runtimes. Only where Spec was
// not read by [LoadBundle], or was changed since, it is what encoding/json makes of Spec.
//
//   - process.args are the runner and the guest's arguments, process.env is the runner's. The guest's own are in Config.
//   - root.path and the sources of bind mounts become absolute, as the delegate's bundle is another directory.
//   - The annotations run.oci.handler and module.wasm.image/variant are left out: a delegate with an engine of its own would take
//     the runner for a module.
//   - Hooks that run on the host's side get [Delegation.Hook] before them. A startContainer hook runs in the container, and is
//     given the delegate's state, which names its own bundle.
//   - Two mounts are appended, read-only: Code at /dev/.wasmoci, and Runner on the file Name in there; and Libraries at
//     [LibraryPath], if there are any.
//
// Those mounts need a tmpfs at /dev, so that no mount point is made in the rootfs. Where the spec has another /dev, or none, the
// runner comes by descriptor, which needs a proc at /proc, and no Libraries. A spec with neither is rejected, and so is one that names
// /dev/.wasmoci itself. The guest cannot see that place, unless links lead the destination of another mount there, which shows
// when the container is made: [Derived.Verify] has to look before it is started.
//
// A limit that leaves the runner less than it needs is rejected. A memory limit is the container's: each guest of it
// ([Derived.Process] makes more) is bounded as if it were alone, and the cgroup bounds them together.
//
// The error is about d, or joins a [*SpecError] for each field that is rejected, by the policy for [Entered] or by the rules
// above. Along with it comes a Derived that holds the account and nothing to run.
func (b *Bundle) Derive(d Delegation) (*Derived, error) {
	if err := d.check(); err != nil {
		return &Derived{}, err
	}
	plan, err := b.Plan(Options{Where: Entered, GOOS: "linux"})
	if b.Spec == nil {
		return &Derived{}, err
	}
	out := &Derived{Config: plan.Config, delegation: d}
	byDescriptor, rejected := placeOf(b.Spec, d.Libraries != "")
	if b.Spec.Process != nil {
		rejected = append(rejected, d.Need.rlimits(b.Spec.Process)...)
	}
	rejected = append(rejected, d.Need.cgroup(b.Spec, &out.Config.Limits)...)
	rejected = append(rejected, b.unfit(&d)...)
	if err != nil || len(rejected) > 0 {
		return &Derived{Account: append(plan.Account, entries(rejected)...)}, errors.Join(err, join(rejected))
	}
	out.ByDescriptor = byDescriptor
	out.Executable, out.Code = out.Paths(d.First)
	if !byDescriptor {
		out.Config.Mounts = append(slices.Clip(out.Config.Mounts), wasi.Mount{Guest: runnerPlace, Hidden: true})
	}
	if out.original, err = b.original(); err != nil {
		return &Derived{}, err
	}
	if out.JSON, err = rewrite(out.original, b, out); err != nil {
		return &Derived{}, fmt.Errorf("oci: derive: %w", err)
	}
	for _, m := range b.Spec.Mounts {
		if path.Join("/", m.Destination) == "/dev" {
			out.devices++
		}
	}
	out.Account = out.account(b, plan.Account)
	return out, nil
}

// Spec decodes JSON as far as runtime-spec's types hold it, to look at. It shares nothing with the bundle's. There is an error where
// nothing was derived.
func (d *Derived) Spec() (*specs.Spec, error) {
	spec := new(specs.Spec)
	if _, err := decodeSpec("config.json", string(d.JSON), spec); err != nil {
		return nil, fmt.Errorf("oci: derived spec: %w", err)
	}
	return spec, nil
}

// Paths are Executable and Code for a runner whose first descriptor is first: other ones than Derived's only for a further
// process ([Derived.Process]) of a container whose runner comes by descriptor.
func (d *Derived) Paths(first int) (executable, code string) {
	if d.ByDescriptor {
		return fmt.Sprintf("/proc/self/fd/%d", first+executableFD), fmt.Sprintf("/proc/self/fd/%d", first+codeFD)
	}
	return runnerPlace + "/" + d.delegation.Name, runnerPlace
}

// Process makes a further process of the same container, as a delegate's exec takes it: p, with its guest run by a runner.
// first and env are what [Delegation] has as First and Env. The Config is that of p in the container, with the limits and
// mounts of d; [Derived.Paths] says where the runner and its code are. The errors are those of [Bundle.Derive]. It is pure, shares
// nothing with p, and may be called concurrently.
func (d *Derived) Process(p *specs.Process, first int, env []string) (*specs.Process, wasi.Config, error) {
	if d.original == "" {
		return nil, wasi.Config{}, errors.New("oci: derive process: nothing was derived")
	}
	if problem := runnerProblem(first, env); problem != "" {
		return nil, wasi.Config{}, errors.New("oci: derive process: " + problem)
	}
	spec := new(specs.Spec)
	if _, err := decodeSpec("config.json", d.original, spec); err != nil {
		return nil, wasi.Config{}, fmt.Errorf("oci: derive process: %w", err)
	}
	spec.Process = p
	plan, err := FromSpec(spec, Options{Where: Entered, GOOS: "linux"})
	if p == nil {
		return nil, wasi.Config{}, err
	}
	if err := errors.Join(err, join(d.delegation.Need.rlimits(p))); err != nil {
		return nil, wasi.Config{}, err
	}
	config := plan.Config
	config.Limits = d.Config.Limits
	config.Mounts = d.Config.Clone().Mounts
	data, err := json.Marshal(p)
	if err != nil {
		return nil, wasi.Config{}, fmt.Errorf("oci: derive process: %w", err)
	}
	derived := new(specs.Process)
	if err := json.Unmarshal(data, derived); err != nil {
		return nil, wasi.Config{}, fmt.Errorf("oci: derive process: %w", err)
	}
	executable, _ := d.Paths(first)
	derived.Args = append([]string{executable}, config.Args[1:]...)
	derived.Env = slices.Clone(env)
	return derived, config, nil
}

// entries and join are what was rejected as an account and as an error.
func entries(rejected []*SpecError) []Entry {
	account := make([]Entry, len(rejected))
	for i, e := range rejected {
		account[i] = Entry{e.Field, Rejected, e.Err.Error()}
	}
	return account
}

func join(rejected []*SpecError) error {
	errs := make([]error, len(rejected))
	for i, e := range rejected {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// account is the plan's, with what a delegate and a runner make of it.
func (d *Derived) account(b *Bundle, planned []Entry) []Entry {
	account := slices.Clone(planned)
	for i := range account {
		e := &account[i]
		stage, isHook := strings.CutPrefix(e.Field, "hooks.")
		key := strings.TrimSuffix(strings.TrimPrefix(e.Field, "annotations["), "]")
		switch {
		case slices.Contains(b.Unknown, e.Field):
			e.Reason += ": left to the delegate"
		case isHook && stage == "startContainer":
			e.Verdict, e.Reason = Limited, "run by the delegate in the container, with the delegate's state, which names another bundle"
		case isHook && d.delegation.Hook == nil:
			e.Verdict, e.Reason = Limited, "run by the delegate, with its own state, which names another bundle"
		case isHook:
			e.Reason = "run by the delegate through " + d.delegation.Hook[0] + ", with the state of this bundle"
		case key == annotationHandler || key == annotationVariant:
			e.Reason = "read by Detect, and left out for the delegate, which may have an engine of its own"
		case strings.HasPrefix(e.Field, "annotations[") && e.Verdict == Ignored:
			e.Verdict, e.Reason = Enforced, "left to the delegate, if it is the runtime that is asked"
		case d.Config.Limits.MemoryBytes > 0 && (e.Field == "linux.resources.memory.limit" || e.Field == "linux.resources.unified"):
			e.Reason = fmt.Sprintf("applied by the delegate: of the memory %d bytes are the guest's, %d the runner's",
				d.Config.Limits.MemoryBytes, d.delegation.Need.Memory)
		}
	}
	how := "mounted"
	if d.ByDescriptor {
		how = "given by descriptor"
	}
	return append(account, Entry{"process", Granted, fmt.Sprintf("run by %s, which is %s as %s, out of the guest's sight", d.delegation.Runner, how, d.Executable)})
}
