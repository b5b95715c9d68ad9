//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// notRunnableError is a file that neither the kernel nor an engine runs: what others report as "exec format error".
type notRunnableError struct {
	path    string
	decided string // why no engine runs it, although it is WebAssembly; "" where it is none
}

func (e *notRunnableError) Error() string {
	if e.decided != "" {
		return fmt.Sprintf("process.args[0] %q is WebAssembly, which the kernel does not run, and no engine is to: %s: put a program there, or change what says so", e.path, e.decided)
	}
	return fmt.Sprintf("process.args[0] %q is neither a program (ELF or script) nor WebAssembly: no engine and no kernel runs it: put a module or a program there", e.path)
}
func (e *notRunnableError) ExitStatus() int { return 126 }

// runnable says whether the kernel may take a native program, as which it was found: that it is one, or that the kernel has been told of
// other formats.
func runnable(program *os.File, path string, found oci.Detection) error {
	head := make([]byte, wasi.FormatHead)
	n, _ := program.ReadAt(head, 0)
	if bytes.HasPrefix(head[:n], []byte("\x7fELF")) || bytes.HasPrefix(head[:n], []byte("#!")) {
		return nil
	}
	if st, err := program.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil // what is no file has another fault, which the delegate tells
	}
	others, _ := os.ReadDir("/proc/sys/fs/binfmt_misc")
	if len(others) > 2 { // beside "register" and "status"
		return nil
	}
	switch wasi.FormatOf(head[:n]) {
	case wasi.FormatModule, wasi.FormatComponent, wasi.FormatText:
		return &notRunnableError{path, found.Field + ": " + found.Reason}
	}
	return &notRunnableError{path: path}
}

// makeNative has the delegate create or run a native container whose annotations would have it take the container for WebAssembly:
// from a bundle without them. As hooks and `state` show the caller's bundle all the same, it is remembered.
func (r *ociRuntime) makeNative(cmd *cobra.Command, c *creation, g *guest, id, verb string) error {
	r.native = true
	d, err := r.other()
	if err != nil {
		return err
	}
	if filepath.Base(d.Path) == "runc" { // which has no engines
		return r.handNew(verb, id)
	}
	if err := r.fixPaths(cmd); err != nil {
		return err
	}
	if c.handed, err = handedOver(c.preserve); err != nil {
		return err
	}
	store, err := r.store()
	if err != nil {
		return err
	}
	lock, err := store.Lock(id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := r.reuse(verb, store, lock, id); err != nil {
		return err
	}
	if err := r.at(lock.Path()); err != nil {
		return err
	}
	about := &state.Container{Bundle: g.bundle.Dir, Created: time.Now().UTC(), Delegate: d.Path, Native: true}
	made := &container{runtime: r, lock: lock, about: about, handed: c.handed, bundle: filepath.Join(lock.Path(), "bundle")}
	defer made.closeFiles()
	err = func() error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		config, err := g.bundle.DeriveNative([]string{self, "hook", lock.Path()})
		if err != nil {
			return err
		}
		if err := made.write(config, g.bundle); err != nil {
			return err
		}
		if err := made.openCallers(); err != nil {
			return err
		}
		return lock.Save(about)
	}()
	if err != nil {
		return and(err, forget(lock, about))
	}
	args := append(r.globals(cmd), verb, "--bundle", made.bundle, "--preserve-fds", strconv.Itoa(len(made.files)))
	args = append(args, given(cmd, "pid-file", "console-socket", "no-pivot", "no-new-keyring", "no-subreaper", "detach", "keep")...)
	other := made.command(append(args, id))
	if verb == "create" {
		err = delegated(other.Run())
	} else {
		lock.Unlock() // others may delete it meanwhile
		err = attended(other)
		again, lerr := store.Lock(id)
		if lerr != nil {
			return and(err, lerr)
		}
		defer again.Unlock()
	}
	if !r.exists(id, about) {
		return and(err, forget(lock, about))
	}
	return err
}

// attended runs a delegate that stays as long as its container, and gives it the signals that come meanwhile.
func attended(other *exec.Cmd) error {
	if err := other.Start(); err != nil {
		return err
	}
	never, err := os.Open(os.DevNull) // ready at once
	if err != nil {
		return errors.Join(err, delegated(other.Wait()))
	}
	defer never.Close()
	stop := forward(never, other)
	defer stop()
	return delegated(other.Wait())
}
