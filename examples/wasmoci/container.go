//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// container is a WebAssembly container in the making.
type container struct {
	runtime *ociRuntime
	lock    *state.Lock
	about   *state.Container
	bundle  string // the derived one
	pidFile string // the delegate's; the caller gets a copy
	derived *oci.Derived
	handed  handed
	first   int        // the runner's first descriptor
	ahead   bool       // the runner is to begin before the container is started
	exe     *os.File   // the runner, where it is none of the host's files any more
	files   []*os.File // the caller's descriptors, then the runner's
	guessed *prepared.Code
}

// make has the delegate make the container, and looks whether it is what was asked for. The caller closes it, which lets others at
// its name.
func (r *ociRuntime) make(cmd *cobra.Command, c *creation, g *guest, id string) (_ *container, err error) {
	if err := r.fixPaths(cmd); err != nil {
		return nil, err
	}
	if c.handed, err = handedOver(c.preserve); err != nil {
		return nil, err
	}
	if c.consoleSocket == "" && c.handed.all() == 0 && !watched(g.bundle.Spec) {
		made, err := r.attempt(cmd, c, g, id, true)
		if !errors.Is(err, errGuess) {
			return made, err
		}
	}
	return r.attempt(cmd, c, g, id, false)
}

// receivers are crun's annotations that name a socket to which a container's making sends a descriptor.
var receivers = []string{"run.oci.seccomp.receiver", "run.oci.pidfd_receiver"}

// watched says whether somebody would see that a container is made twice: hooks, or who gets a descriptor. Network devices that were moved
// into the first one would be gone with it.
func watched(spec *specs.Spec) bool {
	for _, name := range receivers {
		if _, there := spec.Annotations[name]; there {
			return true
		}
	}
	l := spec.Linux
	return spec.Hooks != nil || l != nil && (len(l.NetDevices) > 0 || l.Seccomp != nil && l.Seccomp.ListenerPath != "")
}

// errGuess means that the container was not made with what is known to be its module's code. What is left of it, if anything is, is as of one that was
// cut off.
var errGuess = errors.New("create: the code that the module had the last time is not its code")

// attempt is make with verified code, or if guess is set with what the module had the last time, which is verified while the delegate
// makes the container: before anything runs in it.
func (r *ociRuntime) attempt(cmd *cobra.Command, c *creation, g *guest, id string, guess bool) (_ *container, err error) {
	made, err := r.derive(cmd.Context(), c, g, id, guess)
	if err != nil {
		return nil, err
	}
	verified := make(chan error, 1)
	go func() { verified <- made.verifyCode(cmd.Context(), g.module) }()
	args := append(r.globals(cmd), "create")
	args = append(args, made.args(cmd, c)...)
	end := r.begin("delegate create")
	err = runDelegate(*r.found, append(args, id), withoutListeners(), made.files...)
	end(err)
	there := err == nil
	end = r.begin("verify")
	if err == nil {
		err = made.verify()
	}
	if verr := <-verified; verr != nil {
		err = errors.Join(errGuess, verr)
	}
	end(err, r.code())
	if err == nil && made.ahead {
		err = made.goAhead(id, r.globals(cmd))
	}
	if err == nil {
		made.about.Complete = true
		err = made.lock.Save(made.about)
	}
	if err == nil && c.pidFile != "" { // not the delegate's: what runc leaves beside it when it is killed would be in the caller's way
		err = os.WriteFile(c.pidFile, []byte(readString(made.pidFile)), 0o644)
	}
	if err != nil {
		return nil, made.giveUp(id, err, there)
	}
	return made, nil
}

// giveUp removes what was made of the container id until err, which it returns, and closes c; there says whether the delegate has made it
// before. What cannot be removed is remembered: the next command has another try.
func (c *container) giveUp(id string, err error, there bool) error {
	defer c.close()
	var said failed
	if there || !errors.As(err, &said) { // else the delegate has cleared up
		if left := c.runtime.abandon(c.about, id); left != nil {
			c.runtime.container = nil
			return and(err, left)
		}
	}
	return and(err, c.undo())
}

// verifyCode says whether the code that was guessed, if any was, is the module's.
func (c *container) verifyCode(ctx context.Context, module *os.File) error {
	if c.guessed == nil {
		return nil
	}
	return c.guessed.Verify(ctx, module, c.about.Code)
}

// verify looks at the container that the delegate has made, before anything runs in it: whether the runner is where it is to be.
// It notes where the kernel counts its memory, for when its process is gone.
func (c *container) verify() error {
	process := filepath.Join("/proc", strings.TrimSpace(readString(c.pidFile)))
	mounts, err := os.ReadFile(filepath.Join(process, "mountinfo"))
	if err != nil {
		return fmt.Errorf("create: look at the container: %w", err)
	}
	if err := c.derived.Verify(mounts); err != nil {
		return err
	}
	for line := range strings.Lines(readString(filepath.Join(process, "cgroup"))) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && (fields[1] == "" && c.about.Cgroup == "" || strings.Contains(","+fields[1]+",", ",memory,")) {
			c.about.Cgroup = fields[2]
		}
	}
	return nil
}

// derive does what is to be done before the delegate is called. What fails after a guess fails by errGuess.
func (r *ociRuntime) derive(ctx context.Context, c *creation, g *guest, id string, guess bool) (_ *container, err error) {
	if err := state.CheckID(id); err != nil {
		return nil, err
	}
	settings, err := r.operator()
	if err != nil {
		return nil, err
	}
	if _, err := r.other(); err != nil {
		return nil, err
	}
	exe, engineName, err := runnerFor(settings, g)
	if err != nil {
		return nil, err
	}
	store, err := r.store()
	if err != nil {
		return nil, err
	}
	lock, err := store.Lock(id)
	if err != nil {
		return nil, err
	}
	if err := r.at(lock.Path()); err != nil {
		return nil, err
	}
	made := &container{runtime: r, lock: lock, about: &state.Container{}, handed: c.handed, first: 3 + c.handed.all()}
	own := false // what there is of the name
	defer func() {
		if err != nil {
			if own {
				err = errors.Join(err, made.undo())
			}
			made.close()
			if made.guessed != nil {
				err = errors.Join(errGuess, err)
			}
		}
	}()
	if err := r.reuse("create", store, lock, id); err != nil {
		return nil, err
	}
	own = true
	codes, err := prepared.Open(settings.Cache, settings.CacheLimit)
	if err != nil {
		return nil, err
	}
	if err := r.sweep(store, codes); err != nil {
		return nil, err
	}
	libraries := settings.Libraries(engineName)
	file, err := state.FileOf(unix.AT_FDCWD, exe) // what is compiled for, or an earlier one
	if err != nil {
		return nil, err
	}
	met := ""
	if libraries != "" {
		if met, err = prepared.Identify(libraries); err != nil {
			return nil, err
		}
	}
	of := prepared.Runner{Path: exe, Libraries: libraries}
	if guess {
		made.guessed = codes.Guess(g.module, of)
	}
	code := made.guessed
	if code == nil {
		if code, err = r.prepare(ctx, settings, codes, of, engineName, g); err != nil {
			return nil, err
		}
	}
	defer code.Close()
	end := r.begin("derive")
	defer func() { end(err) }()
	about := &state.Container{
		Bundle: g.bundle.Dir, Created: time.Now().UTC(), Engine: engineName, Module: g.path, Runner: exe, RunnerFile: file, Libraries: met, Delegate: r.found.Path,
		Code: codes.Container(store.Path("."), id), Name: path.Base(g.path), Compiled: r.compiled, Trace: r.traced(),
		Ahead: mayGoAhead(g.bundle.Spec),
	}
	made.about, made.ahead = about, about.Ahead
	if libraries != "" && about.Name == path.Base(oci.LibraryPath) {
		about.Name += "-runner"
	}
	if err := codeDirectory(about, code, libraries != ""); err != nil {
		return nil, err
	}
	if err := labelTree(about.Code, mountLabel(g.bundle.Spec)); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	listening := settings.Listeners(g.bundle.Spec.Annotations)
	need := needOf(engineName, g.module, code.Size, made.first+len(listening))
	need.OpenFiles += held(g.bundle.Spec)
	if err := crowded(g.bundle.Spec, g.bundle.Spec.Process, need.Pids); err != nil {
		return nil, err
	}
	about.Made = oci.Delegation{
		Runner:    exe,
		Libraries: libraries,
		Code:      about.Code,
		Name:      about.Name,
		First:     made.first,
		Env:       runner.Environ(made.first),
		Hook:      []string{self, "hook", lock.Path()},
		Need:      need,
	}
	derived, err := g.bundle.Derive(about.Made)
	if err != nil {
		return nil, err
	}
	made.derived = derived
	for _, path := range []*string{&c.pidFile, &c.consoleSocket} { // a delegate may take them from its bundle on
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return nil, err
			}
		}
	}
	made.pidFile = filepath.Join(lock.Path(), "pid")
	made.bundle = filepath.Join(lock.Path(), "bundle")
	if err := made.write(derived.JSON, g.bundle); err != nil {
		return nil, err
	}
	if err := made.openCallers(); err != nil {
		return nil, err
	}
	order := runner.Order{
		Engine: engineName, Module: g.path, Digest: code.Digest(), Config: derived.Config,
		HeapBytes: heapOf(g.module), StopSignals: stopSignals(g.bundle.Spec),
	}
	if err := made.giveSockets(&order, settings, listening); err != nil {
		return nil, err
	}
	if err := unix.Mkfifo(filepath.Join(lock.Path(), readyFIFO), 0o600); err != nil {
		return nil, err
	}
	about.Record = filepath.Join(lock.Path(), "record.json")
	if c.pidFile != "" {
		about.Record = c.pidFile + ".record"
	}
	if made.ahead {
		if err := unix.Mkfifo(filepath.Join(lock.Path(), gateFIFO), 0o600); err != nil {
			return nil, err
		}
	}
	if err := made.addRunner(derived, order, g.module, code.Name, filepath.Join(lock.Path(), readyFIFO), about.Record); err != nil {
		return nil, err
	}
	if err := made.labelRunners(mountLabel(g.bundle.Spec)); err != nil {
		return nil, err
	}
	return made, lock.Save(about)
}

// readyFIFO is where the runner says that it can take signals.
const readyFIFO = "ready"

// write puts the delegate's bundle, and what it was made from, into the container's directory.
func (c *container) write(config []byte, from *oci.Bundle) error {
	if err := os.Mkdir(c.bundle, 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.bundle, "config.json"), config, 0o600); err != nil {
		return err
	}
	original, err := os.ReadFile(filepath.Join(from.Dir, "config.json"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.lock.Path(), "config.json"), original, 0o600)
}

// stopSignals is the container's own stop signal, as podman writes it down.
func stopSignals(spec *specs.Spec) []int {
	if n, err := strconv.Atoi(spec.Annotations["org.opencontainers.image.stopSignal"]); err == nil && n > 0 && n < 65 {
		return []int{n}
	}
	if n := unix.SignalNum(strings.ToUpper(spec.Annotations["org.opencontainers.image.stopSignal"])); n > 0 {
		return []int{int(n)}
	}
	return nil
}

// codeDirectory makes the directory that the container has its code from, with what the runner and its libraries are mounted on.
func codeDirectory(about *state.Container, code *prepared.Code, libraries bool) error {
	if err := os.RemoveAll(about.Code); err != nil { // somebody was killed before more was made
		return err
	}
	above := filepath.Dir(about.Code)
	dirs := []string{above, about.Code}
	if libraries {
		dirs = append(dirs, filepath.Join(about.Code, path.Base(oci.LibraryPath)))
	}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := os.Chmod(above, 0o711); err != nil {
		return err
	}
	if err := os.Chmod(about.Code, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(about.Code, about.Name), os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return code.Link(about.Code)
}

// undo removes what derive made.
func (c *container) undo() error {
	c.runtime.container = nil // its span would never end

	// The record may be beside the caller's pid file.
	if st, err := os.Lstat(c.about.Record); err == nil && st.Mode().IsRegular() {
		if err := os.Remove(c.about.Record); err != nil {
			return errors.Join(err, forget(c.lock, c.about))
		}
	}
	return forget(c.lock, c.about)
}

func (c *container) closeFiles() {
	for _, f := range c.files {
		f.Close()
	}
}

func (c *container) close() {
	c.closeFiles()
	c.lock.Unlock()
}
