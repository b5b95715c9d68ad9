package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// Capability names one thing that a run may ask of an engine. The names are stable, as text and in JSON; the set grows.
type Capability string

const (
	Entrypoint    Capability = "entrypoint"      // Config.Entrypoint other than the default
	Interrupt     Capability = "interrupt"       // the end of the context ends the guest within a second, wherever it is
	MemoryLimit   Capability = "memory-limit"    // Config.Limits.MemoryBytes
	WorkDir       Capability = "workdir"         // Config.Dir other than "/": PWD in preview 1, and initial-cwd in WASI 0.2
	Streams       Capability = "streams"         // any Reader and Writer as standard streams, for each run
	Listeners     Capability = "listeners"       // Config.Listeners
	Mounts        Capability = "mounts"          // host directories, confined: no path, link or race leads out
	MountReadOnly Capability = "mount-readonly"  // Mount.ReadOnly: every change fails with EROFS
	MountOpen     Capability = "mount-open"      // Mount.File
	MountFile     Capability = "mount-file"      // a single regular file
	MountNested   Capability = "mount-nested"    // one mount beneath another
	MountHidden   Capability = "mount-hidden"    // Mount.Hidden
	MountTmpfs    Capability = "mount-tmpfs"     // Mount.Tmpfs
	Unchecked     Capability = "uninterruptible" // Options.Uninterruptible
)

var allCapabilities = []struct {
	cap  Capability
	text string
}{
	{Entrypoint, "an entrypoint of one's choice"},
	{Interrupt, "ending the guest when its context ends"},
	{MemoryLimit, "a memory limit"},
	{WorkDir, "a working directory"},
	{Streams, "standard streams for each run"},
	{Listeners, "sockets handed to the guest"},
	{Mounts, "mounts"},
	{MountReadOnly, "read-only mounts"},
	{MountOpen, "mounts given as open files"},
	{MountFile, "mounts of a single file"},
	{MountNested, "mounts beneath mounts"},
	{MountHidden, "hidden parts of a mount"},
	{MountTmpfs, "file systems in memory"},
	{Unchecked, "running without interruption checks"},
}

// AllCapabilities returns every capability that this version knows, in the order in which tables show them.
func AllCapabilities() []Capability {
	all := make([]Capability, len(allCapabilities))
	for i, c := range allCapabilities {
		all[i] = c.cap
	}
	return all
}

// Describe returns the capability in words: "read-only mounts". A name that is not known is returned as it is.
func (c Capability) Describe() string {
	for _, known := range allCapabilities {
		if known.cap == c {
			return known.text
		}
	}
	return string(c)
}

// Capabilities is an immutable set. The zero value is empty. As text it is "interrupt,mounts", in JSON a list of names,
// sorted in both.
type Capabilities struct{ sorted []Capability }

// NewCapabilities returns the set of caps.
func NewCapabilities(caps ...Capability) Capabilities {
	if len(caps) == 0 {
		return Capabilities{} // so that empty sets are deeply equal
	}
	sorted := slices.Clone(caps)
	slices.Sort(sorted)
	return Capabilities{slices.Compact(sorted)}
}

// List returns the members, sorted.
func (c Capabilities) List() []Capability { return slices.Clone(c.sorted) }

// Empty tells whether the set has no member.
func (c Capabilities) Empty() bool { return len(c.sorted) == 0 }

// Has tells whether one is a member.
func (c Capabilities) Has(one Capability) bool {
	_, ok := slices.BinarySearch(c.sorted, one)
	return ok
}

// Missing returns those members of need that c lacks.
func (c Capabilities) Missing(need Capabilities) Capabilities {
	var missing []Capability
	for _, n := range need.sorted {
		if !c.Has(n) {
			missing = append(missing, n)
		}
	}
	return Capabilities{missing}
}

// With returns the set with more added.
func (c Capabilities) With(more ...Capability) Capabilities {
	return NewCapabilities(append(c.List(), more...)...)
}

// Without returns the set with some removed.
func (c Capabilities) Without(some ...Capability) Capabilities {
	return Capabilities{slices.DeleteFunc(c.List(), func(m Capability) bool { return slices.Contains(some, m) })}
}

// String returns the sorted names, joined by commas.
func (c Capabilities) String() string {
	names := make([]string, len(c.sorted))
	for i, m := range c.sorted {
		names[i] = string(m)
	}
	return strings.Join(names, ",")
}

// MarshalText implements [encoding.TextMarshaler].
func (c Capabilities) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. A name that is not known is an error.
func (c *Capabilities) UnmarshalText(text []byte) error {
	var caps []Capability
	for name := range strings.SplitSeq(string(text), ",") {
		if name != "" {
			caps = append(caps, Capability(name))
		}
	}
	return c.set(caps)
}

// MarshalJSON writes a list of names.
func (c Capabilities) MarshalJSON() ([]byte, error) {
	if c.Empty() {
		return []byte("[]"), nil
	}
	return json.Marshal(c.sorted)
}

// UnmarshalJSON reads a list of names. A name that is not known is an error.
func (c *Capabilities) UnmarshalJSON(data []byte) error {
	var caps []Capability
	if err := json.Unmarshal(data, &caps); err != nil {
		return err
	}
	return c.set(caps)
}

func (c *Capabilities) set(caps []Capability) error {
	for _, name := range caps {
		if !slices.ContainsFunc(allCapabilities, func(k struct {
			cap  Capability
			text string
		},
		) bool {
			return k.cap == name
		}) {
			return fmt.Errorf("engine: unknown capability %q", string(name))
		}
	}
	*c = NewCapabilities(caps...)
	return nil
}

// FormatCapabilities says which formats an engine runs and what it can do for each. A format that is absent cannot be run.
type FormatCapabilities map[wasi.Format]Capabilities
