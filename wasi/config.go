package wasi

import (
	"io"
	"os"
	"slices"
	"strings"
)

// Config describes one run of a guest. The zero value is valid and grants nothing.
type Config struct {
	// Entrypoint is the exported function () -> () to call. The default, "", means the entrypoint of the module's
	// own kind: "_start" for a preview 1 command, wasi:cli/run for a WASI 0.2 component.
	Entrypoint string `json:"entrypoint,omitempty"`
	// Args are the guest's arguments, with the program's name in Args[0]. None may contain a NUL byte.
	Args []string `json:"args,omitempty"`
	// Env are the guest's environment variables as "KEY=value". Nil means an empty environment: nothing is ever
	// inherited. Entries reach the guest in this order; of two with one key, guests see the last
	// (as [os/exec.Cmd.Env] documents).
	Env []string `json:"env,omitempty"`
	// Dir is the guest's working directory, a clean absolute guest path; "" means "/". Preview 1 has no working
	// directory: a Dir other than "/" is exported to the guest as PWD unless Env sets PWD. WASI 0.2 has it as initial-cwd,
	// and PWD for programs that were made for preview 1.
	Dir string `json:"dir,omitempty"`
	// Mounts is the guest's file system. Order does not matter, except that preopens are numbered in it.
	Mounts []Mount `json:"mounts,omitempty"`
	// Listeners are sockets handed to the guest.
	Listeners []Listener `json:"listeners,omitempty"`

	// Stdin is the guest's standard input. Nil is an empty input. An *os.File is used directly; any other Reader
	// is read by a goroutine, which may stay in Read after the run has ended until that Read returns
	// (compare [os/exec.Cmd.WaitDelay]).
	Stdin io.Reader `json:"-"`
	// Stdout and Stderr are the guest's standard output and error. Nil discards. All output has been written when
	// the run ends. If Stdout and Stderr are the same comparable value, one goroutine at a time calls Write.
	Stdout io.Writer `json:"-"`
	Stderr io.Writer `json:"-"`

	// Limits bounds what the guest may use.
	Limits Limits `json:"limits,omitzero"`
}

// Mount places a host directory, or a host file, in the guest's tree. Exactly one of Host, File, Hidden and Tmpfs says
// what is there.
type Mount struct {
	// Guest is where the guest sees it: a clean absolute slash-separated path, unique among the mounts.
	Guest string `json:"guest"`
	// Host is the absolute path of a host directory or regular file. It is opened when the run starts; what is
	// renamed or replaced there later does not change what the guest has.
	Host string `json:"host,omitempty"`
	// File is a directory or regular file that is already open; it wins over Host, which then is only its name in
	// messages. The caller keeps ownership; the run duplicates it at its start.
	File *os.File `json:"-"`
	// ReadOnly makes every change through this mount fail with EROFS.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Hidden makes Guest and everything below it not exist for the guest.
	Hidden bool `json:"hidden,omitempty"`
	// NoPreopen makes a directory no preopen of its own: the guest comes to it by the mount above it, if there is one. Some guests
	// take each preopen for something that their user wants in there, so what only belongs to the surroundings (/dev) is none.
	NoPreopen bool `json:"noPreopen,omitempty"`
	// Tmpfs makes the mount an empty file system in memory that ends with the run.
	Tmpfs *Tmpfs `json:"tmpfs,omitempty"`
}

// Tmpfs describes a file system in memory.
type Tmpfs struct {
	// SizeBytes bounds what it holds: content in pages of 4 KiB, and something for each file and name. 0 means 64 MiB.
	SizeBytes uint64 `json:"sizeBytes,omitempty"`
	// Mode is the permission bits of its root, which the guest owns; 0 means 0o755.
	Mode uint32 `json:"mode,omitempty"`
}

// Listener is a listening or connected socket handed to the guest. Listeners take the descriptors from 3 on, in order,
// before the preopens, which is systemd's convention (LISTEN_FDS).
type Listener struct {
	// Name is used in messages only.
	Name string `json:"name,omitempty"`
	// File is a stream socket. The caller keeps ownership; the run duplicates it at its start, and makes it non-blocking
	// for everybody who shares it.
	File *os.File `json:"-"`
	// Connected says that File is a connection rather than a listening socket.
	Connected bool `json:"connected,omitempty"`
}

// Limits bounds what one run may use. Zero fields mean the engine's default.
type Limits struct {
	// MemoryBytes bounds the guest's linear memories together, in bytes. It is rounded down to whole WebAssembly
	// pages of 64 KiB. A module that starts with more does not start; growth beyond it fails in the guest
	// (memory.grow returns -1). 0 means no bound but the module's own and the format's 4 GiB.
	MemoryBytes uint64 `json:"memoryBytes,omitempty"`
}

// PageSize is the size of a WebAssembly memory page in bytes, the unit of [Limits.MemoryBytes].
const PageSize = 64 << 10

// Environ returns the environment that the guest sees: Env, and PWD for a Dir other than "/" where Env has none, as a guest would
// not assume it by itself. It does not change c.
func (c *Config) Environ() []string {
	if c.Dir == "" || c.Dir == "/" || slices.ContainsFunc(c.Env, func(e string) bool { return strings.HasPrefix(e, "PWD=") }) {
		return c.Env
	}
	return append(slices.Clip(c.Env), "PWD="+c.Dir)
}

// Clone returns a copy that shares no slice with c; streams and open files are the same. Clone of nil is nil.
func (c *Config) Clone() *Config {
	if c == nil {
		return nil
	}
	d := *c
	d.Args = slices.Clone(c.Args)
	d.Env = slices.Clone(c.Env)
	d.Mounts = slices.Clone(c.Mounts)
	for i, m := range d.Mounts {
		if m.Tmpfs != nil {
			t := *m.Tmpfs
			d.Mounts[i].Tmpfs = &t
		}
	}
	d.Listeners = slices.Clone(c.Listeners)
	return &d
}
