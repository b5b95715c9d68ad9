//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// ociRuntime is this program as a container runtime: what stands before the verb, and the operator's settings.
type ociRuntime struct {
	root      string // of the delegate's state; "" is the delegate's default
	log       string
	logFormat string
	delegate  string
	config    string
	debug     bool

	observed

	line     []string // the command line without what is only for this program
	settings *operator.Settings
	found    *delegate.Delegate
	sought   chan sought // nil unless somebody looks for it
}

// addFlags declares the flags that stand before the verb: crun's and runc's, which go to the delegate as they are, and this
// program's own.
func (r *ociRuntime) addFlags(f *pflag.FlagSet) {
	f.StringVar(&r.root, "root", "", "`DIR` of the delegate's state (default: the delegate's)")
	f.StringVar(&r.log, "log", "", "`FILE` for errors (default: standard error)")
	f.StringVar(&r.logFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	f.String("log-level", "", "the delegate's `LEVEL` of logging")
	f.BoolVar(&r.debug, "debug", false, "log what is decided and how long each step takes, and have the delegate log more")
	f.Bool("systemd-cgroup", false, "have the delegate ask systemd for cgroups")
	f.String("cgroup-manager", "", "the delegate's `MANAGER` of cgroups")
	f.String("rootless", "", "the delegate's `MODE` for users who are not root")
	f.String("criu", "", "`PATH` of criu, for the delegate")
	f.Lookup("rootless").NoOptDefVal = "true"
	f.StringVar(&r.delegate, ownFlags[0], "", "`PATH` of the OCI runtime that makes containers (default: crun or runc)")
	f.StringVar(&r.config, ownFlags[1], "", "the operator's `FILE` (default: "+operator.File+")")
}

// ownFlags are those that a delegate never sees.
var ownFlags = []string{"delegate", "config"}

// withoutOwn returns a command line without the flags before the verb that are this program's own.
func withoutOwn(args []string, flags *pflag.FlagSet) []string {
	var left []string
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "-")
		if !isFlag || args[i] == "-" || args[i] == "--" {
			return append(left, args[i:]...)
		}
		name, _, withValue := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		words := 1
		if f := flags.Lookup(name); f != nil && f.NoOptDefVal == "" && !withValue {
			words = 2
		}
		end := min(i+words, len(args))
		if name != ownFlags[0] && name != ownFlags[1] {
			left = append(left, args[i:end]...)
		}
		i = end - 1
	}
	return left
}

// globals is the part of line that stands before the verb.
func (r *ociRuntime) globals(cmd *cobra.Command) []string {
	flags := cmd.Root().Flags()
	for i := 0; i < len(r.line); i++ {
		name, isFlag := strings.CutPrefix(r.line[i], "-")
		if !isFlag {
			return r.line[:i:i]
		}
		name, _, withValue := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if f := flags.Lookup(name); f != nil && f.NoOptDefVal == "" && !withValue {
			i++
		}
	}
	return r.line
}

// fixPaths makes the delegate's root directory and its log absolute: crun would look for them in the bundle that it is given.
func (r *ociRuntime) fixPaths(cmd *cobra.Command) error {
	for flag, path := range map[string]*string{"root": &r.root, "log": &r.log} {
		if *path == "" || filepath.IsAbs(*path) {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		for i := range len(r.globals(cmd)) {
			switch {
			case strings.HasSuffix(r.line[i], "-"+flag+"="+*path):
				r.line[i] = "--" + flag + "=" + abs
			case strings.HasSuffix(r.line[i], "-"+flag) && i+1 < len(r.line):
				r.line[i+1] = abs
			}
		}
		*path = abs
	}
	return nil
}

// installations are where programs are installed with their runners.
var installations = []string{"/usr/local/libexec/wasmoci", "/usr/libexec/wasmoci"}

// runnersOf is the directory of the runners for the program at self: beside its own, or the first of elsewhere that there is, as where the
// program stands in the place of another one.
func runnersOf(self string, elsewhere []string) string {
	beside := filepath.Join(filepath.Dir(filepath.Dir(self)), "libexec", "wasmoci")
	for _, dir := range append([]string{beside}, elsewhere...) {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return beside
}

// operator returns the operator's settings.
func (r *ociRuntime) operator() (*operator.Settings, error) {
	if r.settings != nil {
		return r.settings, nil
	}
	self, err := os.Executable()
	if err != nil { // without /proc, which runs without a container need not have
		self = "/usr/local/bin/" + program
	}
	s := operator.Defaults(operator.Current(), runnersOf(self, installations))
	name := r.config
	if name == "" {
		name = operator.File
	}
	if err := s.Read(name, r.config != ""); err != nil {
		return nil, err
	}
	if r.delegate != "" {
		s.Delegate, s.From["delegate"] = r.delegate, "--delegate"
	}
	r.settings = &s
	return r.settings, nil
}

// sought is the runtime that makes containers, or why there is none.
type sought struct {
	delegate delegate.Delegate
	err      error
}

// seek begins to look for the runtime that makes containers, and prepares it: other things can be done meanwhile.
func (r *ociRuntime) seek() error {
	if r.found != nil || r.sought != nil {
		return nil
	}
	s, err := r.operator()
	if err != nil {
		return err
	}
	found := make(chan sought, 1)
	named, from, searchPath := s.Delegate, s.From["delegate"], os.Getenv("PATH")
	go func() {
		d, err := delegate.Find(named, from, searchPath)
		if err == nil {
			d.Prepare()
		}
		found <- sought{d, err}
	}()
	r.sought = found
	return nil
}

// other returns the runtime that makes containers.
func (r *ociRuntime) other() (delegate.Delegate, error) {
	if err := r.seek(); err != nil {
		return delegate.Delegate{}, err
	}
	if r.found == nil {
		s := <-r.sought
		r.sought = nil
		if s.err != nil {
			return delegate.Delegate{}, s.err
		}
		r.found = &s.delegate
	}
	return *r.found, nil
}

// store returns what is remembered of WebAssembly containers.
func (r *ociRuntime) store() (*state.Store, error) {
	s, err := r.operator()
	if err != nil {
		return nil, err
	}
	return state.Open(s.State, r.root)
}

// delegateOf returns the runtime that has made a container, whatever is configured now, if it is still there. Without a container
// it is the one for new ones.
func (r *ociRuntime) delegateOf(c *state.Container) (delegate.Delegate, error) {
	if c != nil && c.Delegate != "" {
		if _, err := os.Stat(c.Delegate); err == nil {
			s, err := r.operator()
			if err == nil && (s.Delegate == "" || s.Delegate == c.Delegate) { // else it is another one, which need not even answer
				if d, err := r.other(); err == nil && d.Path == c.Delegate {
					return d, nil
				}
			}
			return delegate.Delegate{Path: c.Delegate, From: "the container's state"}, nil
		}
	}
	return r.other()
}

// handOver becomes the delegate, that of c where there is one, for what is not about WebAssembly.
func (r *ociRuntime) handOver(c *state.Container) error {
	d, err := r.delegateOf(c)
	if err != nil {
		return err
	}
	return d.Exec(r.line)
}

// ours returns the WebAssembly container id, or nil where it is none of ours.
func (r *ociRuntime) ours(id string) (*state.Store, *state.Container, error) {
	store, err := r.store()
	if err != nil {
		return nil, nil, err
	}
	c, err := store.Get(id)
	if c != nil && err == nil {
		err = r.at(store.Path(id))
	}
	return store, c, err
}

// oneID is the only argument of a verb.
func oneID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(cmd, fmt.Errorf("%d arguments, not the ID of one container", len(args)))
	}
	return nil
}
