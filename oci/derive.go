package oci

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// Delegation says how a container is to be made of a bundle by another OCI runtime, the delegate: it makes the container and
// starts a runner in it, which runs the guest. It is data, and never modified.
type Delegation struct {
	// Runner is the absolute host path of the runner's executable. Required.
	Runner string
	// Code is the absolute path of a host directory with the exported code of the guest, which the runner reads. Required.
	// Where the runner is mounted it becomes /dev/.wasmoci in the container, read-only, and has to hold an empty file called
	// Name, on which the runner is mounted; whoever may be the container's user has to be able to read it.
	Code string
	// Name is the file name of the runner in the container, which `ps` shows: the base name of the module, say. Required.
	Name string
	// First is the number of the runner's first descriptor: 3, and all that the caller passes to the container before it.
	// Where the runner is given by descriptor, First+4 is its executable and First+5 the directory Code, whose parent must
	// not be reachable through it. Less than 3 is an error.
	First int
	// Env is the whole environment of the runner; the guest's is in Derived.Config.
	Env []string
	// Hook is a command with an absolute path that is put before each hook that runs on the host's side: such a hook
	// becomes Hook "--" PATH ARGS..., with PATH and ARGS those of the hook (ARGS[0] is its name; none at all means PATH),
	// so that the command can give it the caller's state instead of the delegate's. Nil leaves hooks as they are.
	Hook []string
	// Need is what the runner needs for itself.
	Need Need
}

// Need is what a runner takes of the limits of its container. Zero means that a limit does not matter to it.
type Need struct {
	Pids         int64 // threads: the least for linux.resources.pids.limit and RLIMIT_NPROC
	OpenFiles    int64 // descriptors: the least for RLIMIT_NOFILE
	AddressSpace int64 // bytes: the least for RLIMIT_AS
	Data         int64 // bytes: the least for RLIMIT_DATA
	FileSize     int64 // bytes: the least for RLIMIT_FSIZE
	Memory       int64 // bytes of linux.resources.memory.limit that are not the guest's
}

// Derived is a container with a runner in it, made by [Bundle.Derive].
type Derived struct {
	// JSON is the config.json for the delegate. It is the bundle's own but for what Derive changes: a field that
	// runtime-spec does not define, or one that is there and empty, is in it as the caller wrote it. Write this, not Spec.
	JSON []byte
	// Spec is JSON as Go's runtime-spec knows it. It shares nothing with the bundle's.
	Spec *specs.Spec
	// Config is the run of the guest in the container, without streams: that of a plan for [Entered], with the runner's
	// place hidden, and the memory limit less what the runner needs.
	Config wasi.Config
	// Executable is the runner's path in the container: /dev/.wasmoci/NAME or /proc/self/fd/N.
	Executable string
	// Code is the path of the directory with the exported code in the container.
	Code string
	// ByDescriptor says that the runner has to be given Executable and Code as descriptors.
	ByDescriptor bool
	// Account says what became of every field that the bundle's spec sets.
	Account []Entry
}

// Derive makes the spec for a delegate.
func (b *Bundle) Derive(d Delegation) (*Derived, error) {
	return nil, errors.New("oci: derive: in the making")
}

// Process makes another process of the same container, as `exec` wants it: p, run by the runner. first and env are as First
// and Env in [Delegation]. p is not changed.
func (d *Derived) Process(p *specs.Process, first int, env []string) (*specs.Process, wasi.Config, error) {
	return nil, wasi.Config{}, errors.New("oci: derive process: in the making")
}
