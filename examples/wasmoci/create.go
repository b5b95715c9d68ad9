//go:build linux

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// creation is what create and run are told.
type creation struct {
	bundle        string
	pidFile       string
	consoleSocket string
	preserve      int
}

// addFlags declares crun's and runc's flags of create and run, all of which the delegate gets.
func (c *creation) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&c.bundle, "bundle", "b", ".", "`DIR` of the bundle")
	f.StringVar(&c.pidFile, "pid-file", "", "`FILE` for the number of the container's process")
	f.StringVar(&c.consoleSocket, "console-socket", "", "`SOCKET` for the master of the container's terminal")
	f.IntVar(&c.preserve, "preserve-fds", 0, "pass `N` more descriptors to the container")
	f.Bool("no-pivot", false, "have the delegate not use pivot_root")
	f.Bool("no-new-keyring", false, "have the delegate keep the session's keyring")
	f.Bool("no-subreaper", false, "have the delegate be no subreaper")
}

func newCreate(r *ociRuntime) *cobra.Command {
	var c creation
	cmd := &cobra.Command{
		Use:   "create [--bundle DIR] ID",
		Short: "Make a container, to be started later",
		Long: `Make a container of a bundle. The process of a WebAssembly container is a runner that waits for start; its module is compiled
now if its code is not cached. A native container is the delegate's, from the first to the last.`,
		Example: `  wasmoci create --bundle DIR --pid-file FILE web`,
		Args:    oneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.create(cmd, &c, args[0])
		},
	}
	c.addFlags(cmd.Flags())
	return cmd
}

// guest is a bundle whose container is WebAssembly.
type guest struct {
	bundle *oci.Bundle
	module *os.File
	path   string // of the module, in the container
	engine string // that was named; "" where none was
	format wasi.Format
	native bool // it is none, but its annotations say so to others
}

// guestOf looks what the container of a bundle is: nil for a native one, and for what the delegate is to refuse.
func (r *ociRuntime) guestOf(dir string) (*guest, error) {
	b, err := oci.LoadBundle(dir)
	if err != nil {
		if r.looksWasm(dir) {
			return nil, err
		}
		return nil, nil // the delegate's to judge
	}
	g := &guest{bundle: b}
	g.module, g.path, err = b.Locate()
	found, derr := r.detect(b.Spec, g.module)
	switch {
	case err != nil && found.Kind == oci.Refused:
		return nil, derr
	case err != nil && found.Kind == oci.Native:
		return nil, nil
	case err != nil:
		return nil, err
	case found.Kind == oci.Wasm:
		g.engine = found.Engine
		g.format, err = formatOf(g.module)
		return g, err
	}
	defer g.module.Close()
	if derr != nil {
		return nil, derr
	}
	if err := runnable(g.module, g.path); err != nil {
		return nil, err
	}
	if b.Claimed() {
		return &guest{bundle: b, native: true}, nil
	}
	return nil, nil
}

// formatOf is what the head of a module says.
func formatOf(module *os.File) (wasi.Format, error) {
	head := make([]byte, wasi.FormatHead)
	n, err := module.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return wasi.FormatOf(head[:n]), err
}

// detect decides what spec's process is, with its file, or with nil where that was not found.
func (r *ociRuntime) detect(spec *specs.Spec, module *os.File) (oci.Detection, error) {
	s, err := r.operator()
	if err != nil {
		return oci.Detection{}, err
	}
	opts := oci.DetectOptions{Argv0: os.Args[0], Engine: s.Engine, Policy: s.Policy}
	if module == nil {
		found := oci.Detect(spec, opts)
		return found, found.Err()
	}
	found, err := (&oci.Bundle{Spec: spec}).Detect(module, opts)
	var native *oci.NativeError
	if errors.As(err, &native) {
		err = nil
	}
	return found, err
}

// looksWasm says whether a config.json that is no valid spec is meant for WebAssembly, so that its errors are worth telling: a delegate
// that is less strict would run the module.
func (r *ociRuntime) looksWasm(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "config.json"), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false
	}
	var spec specs.Spec
	data, err := io.ReadAll(io.LimitReader(f, oci.MaxConfigBytes))
	if err != nil || json.Unmarshal(data, &spec) != nil {
		return false
	}
	b := &oci.Bundle{Spec: &spec}
	if b.Dir, err = filepath.Abs(dir); err != nil {
		return false
	}
	module, _, err := b.Locate()
	if err == nil {
		defer module.Close()
	}
	found, _ := r.detect(&spec, module)
	return found.Kind != oci.Native
}

func (r *ociRuntime) create(cmd *cobra.Command, c *creation, id string) error {
	g, err := r.guestOf(c.bundle)
	if err != nil {
		return err
	}
	if g == nil {
		return r.handNew("create", id)
	}
	if g.native {
		return r.makeNative(cmd, c, g, id, "create")
	}
	defer g.module.Close()
	made, err := r.make(cmd, c, g, id)
	if err != nil {
		return err
	}
	made.close()
	return nil
}

// make has the delegate make the container, and looks whether it is what was asked for. The caller closes it, which lets others at
// its name.
func (r *ociRuntime) make(cmd *cobra.Command, c *creation, g *guest, id string) (_ *container, err error) {
	if err := r.fixRoot(cmd); err != nil {
		return nil, err
	}
	made, err := r.derive(cmd.Context(), c, g, id)
	if err != nil {
		return nil, err
	}
	args := append(r.globals(cmd), "create")
	args = append(args, made.args(cmd, c)...)
	if err = delegated(made.command(append(args, id)).Run()); err == nil {
		if err = made.verify(); err == nil {
			made.about.Complete = true
			err = made.lock.Save(made.about)
		}
		if err != nil {
			gone := exec.Command(made.about.Delegate, append(r.globals(cmd), "delete", "--force", id)...)
			err = and(err, gone.Run())
		}
	}
	if err != nil {
		err = and(err, made.undo())
		made.close()
		return nil, err
	}
	return made, nil
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

// container is a WebAssembly container in the making.
type container struct {
	runtime *ociRuntime
	lock    *state.Lock
	about   *state.Container
	bundle  string // the derived one
	pidFile string // the caller's, or one of this program's
	derived *oci.Derived
	first   int        // the runner's first descriptor
	files   []*os.File // the caller's descriptors, then the runner's
}

// derive does what is to be done before the delegate is called.
func (r *ociRuntime) derive(ctx context.Context, c *creation, g *guest, id string) (_ *container, err error) {
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
	made := &container{runtime: r, lock: lock, about: &state.Container{}}
	defer func() {
		if err != nil {
			if !errors.Is(err, state.ErrExists) {
				err = errors.Join(err, made.undo())
			}
			made.close()
		}
	}()
	if err := r.reuse("create", store, lock, id); err != nil {
		return nil, err
	}
	codes, err := prepared.Open(settings.Cache)
	if err != nil {
		return nil, err
	}
	if err := r.sweep(store, codes); err != nil {
		return nil, err
	}
	code, err := r.prepare(ctx, settings, codes, exe, engineName, g)
	if err != nil {
		return nil, err
	}
	about := &state.Container{
		Bundle: g.bundle.Dir, Created: time.Now().UTC(), Engine: engineName, Module: g.path, Runner: exe, Delegate: r.found.Path,
		Code: codes.Container(store.Path("."), id), Name: path.Base(g.path),
	}
	made.about = about
	if err := codeDirectory(about, code); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	listeners := listenFDs()
	made.first = 3 + listeners + c.preserve
	need := needOf(engineName, g.module, code.Size, made.first)
	need.OpenFiles += held(g.bundle.Spec)
	about.Made = oci.Delegation{
		Runner: exe,
		Code:   about.Code,
		Name:   about.Name,
		First:  made.first,
		Env:    runner.Environ(made.first),
		Hook:   []string{self, "hook", lock.Path()},
		Need:   need,
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
	made.pidFile = cmp.Or(c.pidFile, filepath.Join(lock.Path(), "pid"))
	made.bundle = filepath.Join(lock.Path(), "bundle")
	if err := made.write(derived.JSON, g.bundle); err != nil {
		return nil, err
	}
	about.Record = filepath.Join(lock.Path(), "record.json")
	if c.pidFile != "" {
		about.Record = c.pidFile + ".record"
	}
	if err := made.openCallers(c.preserve + listeners); err != nil {
		return nil, err
	}
	if err := unix.Mkfifo(filepath.Join(lock.Path(), readyFIFO), 0o600); err != nil {
		return nil, err
	}
	order := runner.Order{
		Engine: engineName, Module: g.path, Config: derived.Config,
		HeapBytes: heapOf(g.module), StopSignals: stopSignals(g.bundle.Spec),
	}
	if err := made.addRunner(derived, order, g.module, code.Name, filepath.Join(lock.Path(), readyFIFO), about.Record); err != nil {
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

// runnerFor returns the executable and the engine for a guest: the engine that was named, and no other; where none was, the first that
// has a runner and can run what the module is.
func runnerFor(s *operator.Settings, g *guest) (exe, name string, err error) {
	if strings.Trim(g.engine, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" { // it may be an annotation of the image's, and becomes part of a path
		return "", "", unknownEngineError(g.engine)
	}
	if g.engine != "" {
		exe = s.Runner(g.engine)
		if _, err := os.Stat(exe); err != nil {
			return "", "", &missingRunnerError{g.engine, g.format, installed(s), err}
		}
		return exe, g.engine, nil
	}
	for _, d := range engine.List() {
		if _, can := d.Capabilities[g.format]; !can {
			continue
		}
		exe := s.Runner(d.Name)
		if _, serr := os.Stat(exe); serr == nil {
			return exe, d.Name, nil
		} else if name == "" {
			name, err = d.Name, serr
		}
	}
	return "", "", &missingRunnerError{name, g.format, installed(s), err}
}

// missingRunnerError is an engine that has no runner on this machine.
type missingRunnerError struct {
	engine    string
	format    wasi.Format
	installed []string
	err       error
}

// Error implements error. It does not speak of files: podman takes what was not found for the container's program.
func (e *missingRunnerError) Error() string {
	there := "there is no other"
	if len(e.installed) > 0 {
		there = "installed are " + strings.Join(e.installed, ", ")
	}
	why := e.err
	var file *fs.PathError
	if errors.Is(why, fs.ErrNotExist) && errors.As(why, &file) {
		why = errors.New(file.Path + " is missing")
	}
	what := fmt.Sprintf("no runner for engine %q, which would run this (%s): %v", e.engine, e.format, why)
	if _, known := engine.Lookup(e.engine); !known {
		return fmt.Sprintf("%s, and no engine has this name: take another, or none; %s", what, there)
	}
	return fmt.Sprintf("%s: install it (make install RUNNERS=%s), or take another engine; %s", what, e.engine, there)
}
func (e *missingRunnerError) Unwrap() error   { return e.err }
func (e *missingRunnerError) ExitStatus() int { return 126 }

// codeDirectory makes the directory that the container has its code from, with the file that the runner is mounted on.
func codeDirectory(about *state.Container, code *prepared.Code) error {
	above := filepath.Dir(about.Code)
	for _, dir := range []string{above, about.Code} {
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

// listenFDs is how many descriptors a service manager has handed to this process for the container.
func listenFDs() int {
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 1024 {
		return 0
	}
	return n
}

// openCallers takes the descriptors over that the caller wants in the container.
func (c *container) openCallers(n int) error {
	for fd := 3; fd < 3+n; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = errors.New("this program's own, the caller has none there")
		}
		if err != nil {
			return fmt.Errorf("--preserve-fds (and LISTEN_FDS): descriptor %d: %w", fd, err)
		}
		c.files = append(c.files, os.NewFile(uintptr(fd), "descriptor "+strconv.Itoa(fd)))
	}
	return nil
}

// addRunner opens what the runner gets.
func (c *container) addRunner(d *oci.Derived, order runner.Order, module *os.File, code, ready, record string) error {
	if d.ByDescriptor {
		order.CodeDir = "/proc/self/fd/" + strconv.Itoa(c.first+runner.FileCode)
	} else {
		order.CodeDir = path.Join(d.Code, code)
	}
	sealed, err := order.Seal()
	if err != nil {
		return err
	}
	c.files = append(c.files, sealed)
	dup, err := unix.FcntlInt(module.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	c.files = append(c.files, os.NewFile(uintptr(dup), module.Name()))
	for _, open := range []struct {
		name  string
		flags int
	}{
		{ready, os.O_RDWR}, // held open both ways, nobody's byte is lost
		{record, os.O_WRONLY | os.O_CREATE | os.O_APPEND | os.O_TRUNC},
	} {
		f, err := os.OpenFile(open.name, open.flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return err
		}
		c.files = append(c.files, f)
	}
	if !d.ByDescriptor {
		return nil
	}
	exe, err := detached(c.about.Runner) // as what it is in the container, /proc/1/exe leads to a mount that nobody can write to
	if err != nil {
		return err
	}
	c.files = append(c.files, exe)
	dir, err := detached(filepath.Join(c.about.Code, code))
	if err != nil {
		return err
	}
	c.files = append(c.files, dir)
	return nil
}

// detached opens a file or a directory as a mount of its own, read-only, which is nowhere: what is above cannot be reached from it.
func detached(name string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("clone the mount of %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		f.Close()
		return nil, fmt.Errorf("make the mount of %s read-only: %w", name, err)
	}
	return f, nil
}

// args are the delegate's, without the ID.
func (c *container) args(cmd *cobra.Command, asked *creation) []string {
	args := []string{"--bundle", c.bundle, "--pid-file", c.pidFile, "--preserve-fds", strconv.Itoa(len(c.files))}
	if asked.consoleSocket != "" {
		args = append(args, "--console-socket", asked.consoleSocket)
	}
	return append(args, given(cmd, "no-pivot", "no-new-keyring", "no-subreaper")...)
}

// given are those flags of a command that were given, as a delegate takes them.
func given(cmd *cobra.Command, names ...string) []string {
	var args []string
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		switch {
		case f == nil || !f.Changed || f.Value.String() == "false":
		case f.Value.Type() == "bool":
			args = append(args, "--"+name)
		default:
			args = append(args, "--"+name, f.Value.String())
		}
	}
	return args
}

// command is the delegate with args and the runner's descriptors.
func (c *container) command(args []string) *exec.Cmd {
	cmd := exec.Command(c.about.Delegate, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = c.files
	cmd.Env = []string{}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "LISTEN_") { // counted in --preserve-fds
			cmd.Env = append(cmd.Env, e)
		}
	}
	return cmd
}

// delegated is the end of the delegate's process as this one's.
func delegated(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return &killedError{ws.Signal()}
	}
	return failed{exit.ExitCode()}
}

// killedError is the end of a delegate that could not say anything.
type killedError struct{ signal syscall.Signal }

func (e *killedError) Error() string {
	return fmt.Sprintf("the delegate was ended by signal %d (%v)", int(e.signal), e.signal)
}
func (e *killedError) ExitStatus() int { return 128 + int(e.signal) }

// undo removes what derive made.
func (c *container) undo() error { return forget(c.lock, c.about) }

func (c *container) closeFiles() {
	for _, f := range c.files {
		f.Close()
	}
}

func (c *container) close() {
	c.closeFiles()
	c.lock.Unlock()
}
