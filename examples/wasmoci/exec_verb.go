//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// execution is what exec is told.
type execution struct {
	process  string
	pidFile  string
	cwd      string
	env      []string
	user     string
	tty      bool
	detach   bool
	preserve int

	capabilities    []string
	groups          groups
	label, apparmor string
	noNewPrivileges bool
}

// groups are numbers of groups, as a flag.
type groups []uint32

func (g *groups) String() string { return "" }
func (g *groups) Type() string   { return "GID" }
func (g *groups) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 32)
	*g = append(*g, uint32(n))
	return err
}

func newExec(r *ociRuntime) *cobra.Command {
	var e execution
	cmd := &cobra.Command{
		Use:   "exec [--process FILE] ID [COMMAND ARG...]",
		Short: "Run another process in a container",
		Long: `Run another process in a container that runs. In a WebAssembly container that is another instance of its module, another module
of its root file system, a function of one (PATH#FUNCTION), or a native program of the image.`,
		Example: `  wasmoci exec web /app.wasm --check
  wasmoci exec --process process.json --detach --pid-file FILE web`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && e.process == "" {
				return usage(cmd, errors.New("give the ID of a container, and a command or --process"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return r.exec(cmd, &e, args[0], args[1:]) },
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.StringVarP(&e.process, "process", "p", "", "`FILE` with the process, as in config.json")
	f.StringVar(&e.pidFile, "pid-file", "", "`FILE` for the number of the process")
	f.String("console-socket", "", "`SOCKET` for the master of the process's terminal")
	f.BoolVarP(&e.detach, "detach", "d", false, "do not wait for the end of the process")
	f.BoolVarP(&e.tty, "tty", "t", false, "give the process a terminal")
	f.StringVar(&e.cwd, "cwd", "", "working `DIR` of the process")
	f.StringArrayVarP(&e.env, "env", "e", nil, "`NAME=VALUE` for the environment of the process")
	f.StringVarP(&e.user, "user", "u", "", "`UID[:GID]` of the process")
	f.IntVar(&e.preserve, "preserve-fds", 0, "pass `N` more descriptors to the process")
	f.StringArrayVarP(&e.capabilities, "cap", "c", nil, "a `CAPABILITY` more")
	f.VarP(&e.groups, "additional-gids", "g", "a `GID` more")
	f.StringVar(&e.label, "process-label", "", "the process's SELinux `LABEL`")
	f.StringVar(&e.apparmor, "apparmor", "", "the process's AppArmor `PROFILE`")
	f.String("cgroup", "", "sub-`CGROUP` of the process")
	f.BoolVar(&e.noNewPrivileges, "no-new-privs", false, "let the process gain no privileges")
	f.Bool("ignore-paused", false, "do so in a paused container too")
	f.Bool("no-subreaper", false, "have the delegate be no subreaper")
	return cmd
}

func (r *ociRuntime) exec(cmd *cobra.Command, e *execution, id string, command []string) (err error) {
	end := r.begin("exec")
	defer func() { end(err, text(attributeID, id)) }()
	store, c, err := r.ours(id)
	if err != nil {
		return err
	}
	if c == nil || c.Native {
		return r.handOver(c)
	}
	if !c.Complete {
		return notMade("exec", id)
	}
	r.about(c)
	bundle, err := oci.LoadBundle(store.Path(id))
	if err != nil {
		return err
	}
	bundle.Dir = c.Bundle // the copy is of what the container was made from
	process, err := e.read(bundle.Spec.Process, command)
	if err != nil {
		return err
	}
	module, where, err := bundle.LocateProcess(process)
	if err == nil {
		defer module.Close()
	}
	spec := *bundle.Spec
	spec.Process = process
	found, derr := r.detect(&spec, module)
	if found.Kind == oci.Native && err == nil {
		err = runnable(module, where, found)
	} else if found.Kind == oci.Native {
		err = nil // the delegate's to find
	}
	switch {
	case found.Kind == oci.Native && err != nil:
		return err
	case found.Kind == oci.Native && e.process != "":
		return r.handOver(c)
	case found.Kind == oci.Native:
		return r.execNative(cmd, e, c, store, process)
	case err != nil:
		return err
	case derr != nil:
		return derr
	}
	settings, err := r.operator()
	if err != nil {
		return err
	}
	g := &guest{bundle: bundle, module: module, path: where, engine: c.Engine}
	codes, err := prepared.Open(settings.Cache, settings.CacheLimit)
	if err != nil {
		return err
	}
	runnerPath, kept, err := r.runnerOf(c)
	if err != nil {
		return err
	}
	if kept != nil {
		defer kept.Close()
	}
	code, err := r.prepare(cmd.Context(), settings, codes, prepared.Runner{Path: runnerPath, Libraries: c.Made.Libraries}, c.Engine, g)
	if err != nil {
		return err
	}
	defer code.Close()
	if err := code.Link(c.Code); err != nil {
		return fmt.Errorf("exec: %q has no place for compiled code any more, create it anew: %w", id, err)
	}
	if err := labelTree(filepath.Join(c.Code, code.Name), mountLabel(bundle.Spec)); err != nil {
		return err
	}
	h, err := handedOver(e.preserve)
	if err != nil {
		return err
	}
	another := &container{runtime: r, about: c, exe: kept, handed: h, first: 3 + h.all()}
	defer another.closeFiles()
	made := c.Made
	made.Need = needOf(c.Engine, module, code.Size, another.first)
	made.Need.Memory += memoryUsed(c.Cgroup) // this guest is bounded by what the container's others leave it
	if err := errors.Join(full(c.Cgroup, made.Need.Pids), crowded(bundle.Spec, process, made.Need.Pids)); err != nil {
		return err
	}
	limitAsNow(bundle.Spec, c.Cgroup)
	derived, err := bundle.Derive(made)
	if err != nil {
		return err
	}
	inside, config, err := derived.Process(process, another.first, runner.Environ(another.first))
	if err != nil {
		return err
	}
	if err := another.openCallers(); err != nil {
		return err
	}
	order := runner.Order{
		Engine: c.Engine, Module: where, Digest: code.Digest(), Config: config,
		HeapBytes: heapOf(module), StopSignals: stopSignals(bundle.Spec),
	}
	if err := another.giveSockets(&order, settings, nil); err != nil { // the operator's are the container's own process's
		return err
	}
	dir, err := os.MkdirTemp(store.Path(id), "exec-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fifo := filepath.Join(dir, readyFIFO)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		return err
	}
	ready, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer ready.Close()
	if err := another.addRunner(derived, order, module, code.Name, fifo, filepath.Join(dir, "record.json")); err != nil {
		return err
	}
	if err := another.labelRunners(mountLabel(bundle.Spec)); err != nil {
		return err
	}
	file := filepath.Join(dir, "process.json")
	if err := state.WriteJSON(file, inside); err != nil {
		return err
	}
	other := another.command(r.execArgs(cmd, c, file, another))
	delegateEnd := r.begin("delegate exec")
	if err := other.Start(); err != nil {
		return err
	}
	another.closeFiles()
	if !e.detach {
		stop := forward(ready, other)
		defer stop()
	}
	err = delegated(other.Wait())
	if rec, ok := recorded(&state.Container{Record: filepath.Join(dir, "record.json")}); ok && !e.detach {
		r.ran(rec, nil)
	}
	delegateEnd(err)
	if err != nil || !e.detach {
		return err
	}
	return awaitReady(ready)
}

// limitAsNow puts the memory limit that a container has now into its spec: it may have been updated.
func limitAsNow(spec *specs.Spec, cgroup string) {
	limit := memoryLimit(cgroup)
	if limit == 0 {
		return
	}
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{}
	}
	if spec.Linux.Resources == nil {
		spec.Linux.Resources = &specs.LinuxResources{}
	}
	delete(spec.Linux.Resources.Unified, "memory.max")
	spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
}

// execNative runs a program of the image in a WebAssembly container. It has what the container's process was to have: what the
// delegate knows of is the runner's.
func (r *ociRuntime) execNative(cmd *cobra.Command, e *execution, c *state.Container, store *state.Store, p *specs.Process) error {
	h, err := handedOver(e.preserve)
	if err != nil {
		return err
	}
	another := &container{runtime: r, about: c, handed: h}
	defer another.closeFiles()
	if err := another.openCallers(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(store.Path(c.ID), "exec-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "process.json")
	if err := state.WriteJSON(file, p); err != nil {
		return err
	}
	return attended(another.command(r.execArgs(cmd, c, file, another)))
}

// execArgs are the delegate's for a process in c that a file describes.
func (r *ociRuntime) execArgs(cmd *cobra.Command, c *state.Container, file string, another *container) []string {
	args := append(r.globals(cmd), "exec", "--process", file, "--preserve-fds", strconv.Itoa(len(another.files)))
	args = append(args, given(cmd, "pid-file", "console-socket", "detach", "tty", "ignore-paused", "no-subreaper", "cgroup")...)
	return append(args, c.ID)
}

// read returns the process that exec is to run in a container whose own is given.
func (e *execution) read(own *specs.Process, command []string) (*specs.Process, error) {
	if e.process != "" {
		data, err := os.ReadFile(e.process)
		if err != nil {
			return nil, err
		}
		p := &specs.Process{}
		if err := json.Unmarshal(data, p); err != nil {
			return nil, fmt.Errorf("%s: %w", e.process, err)
		}
		return p, nil
	}
	p := *own
	p.Args, p.Terminal = command, e.tty
	p.Env = append(slices.Clone(own.Env), e.env...)
	p.User.AdditionalGids = append(slices.Clone(own.User.AdditionalGids), e.groups...)
	p.NoNewPrivileges = own.NoNewPrivileges || e.noNewPrivileges
	p.SelinuxLabel = cmp.Or(e.label, own.SelinuxLabel)
	p.ApparmorProfile = cmp.Or(e.apparmor, own.ApparmorProfile)
	if len(e.capabilities) > 0 {
		var all specs.LinuxCapabilities
		if own.Capabilities != nil {
			all = *own.Capabilities
		}
		for _, set := range []*[]string{&all.Bounding, &all.Effective, &all.Permitted} {
			*set = append(slices.Clone(*set), e.capabilities...)
		}
		p.Capabilities = &all
	}
	if e.cwd != "" {
		p.Cwd = e.cwd
	}
	if e.user != "" {
		uid, gid, both := strings.Cut(e.user, ":")
		n, err := strconv.ParseUint(uid, 10, 32)
		if err == nil && both {
			var g uint64
			g, err = strconv.ParseUint(gid, 10, 32)
			p.User.GID = uint32(g)
		}
		if err != nil {
			return nil, fmt.Errorf("--user %q: give numbers, UID or UID:GID", e.user)
		}
		p.User.UID = uint32(n)
	}
	return &p, nil
}
