//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

func newDelete(r *ociRuntime) *cobra.Command {
	var force, regex bool
	cmd := &cobra.Command{
		Use:   "delete [--force] ID",
		Short: "Remove a container that has ended",
		Long: `Remove a container that has ended, and all that is remembered of it. With --force a running one is killed first, and one that is
not there is no error.`,
		Args: oneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			if regex {
				return r.removeMatching(cmd, args[0], force)
			}
			return r.remove(cmd, args[0], force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "kill the container if it runs; do nothing where there is none")
	cmd.Flags().BoolVarP(&regex, "regex", "r", false, "the delegate's: ID is a regular expression")
	return cmd
}

func (r *ociRuntime) remove(cmd *cobra.Command, id string, force bool) (err error) {
	end := r.begin("delete")
	defer func() { end(err, text(attributeID, id)) }()
	store, lock, err := r.hold(id)
	if err != nil {
		return err
	}
	if lock == nil {
		return r.handOver(nil)
	}
	defer lock.Unlock()
	if lock.Fresh() { // somebody else has removed it, or was killed before more was made than compiled code
		if err := r.clear(store, lock, id); err != nil {
			return err
		}
		return r.handOver(nil)
	}
	c, _ := store.Get(id) // what cannot be read goes, too
	d, err := r.holder(id, c)
	if err != nil {
		return err
	}
	if r.native = c == nil || c.Native; !r.native {
		r.complete(c)
		r.about(c)
	}
	line := append(r.globals(cmd), "delete")
	waiting := false // the delegate knows that it runs
	if !force && !r.native {
		var held *os.File
		held, waiting = waits(store, c)
		defer held.Close()
	}
	if force || waiting {
		line = append(line, "--force")
	}
	gone := r.begin("delegate delete")
	err = runDelegate(d, append(line, id), os.Environ())
	gone(err)
	if err != nil && r.has(d, id) {
		return err
	}
	var said failed
	if err != nil && !errors.As(err, &said) { // it was killed, and does not know the container any more: what is left of it is in the way of the next
		if again := r.drop(d, id); again != nil {
			return and(err, again)
		}
	}
	if c != nil && c.Record != "" {
		trim(c)
	}
	if force {
		err = nil
	}
	r.closed(c)
	return and(err, r.clear(store, lock, id))
}

// rooted is a command line of the delegate about the containers in its root directory.
func (r *ociRuntime) rooted(args ...string) []string {
	if r.root == "" {
		return args
	}
	return append([]string{"--root", r.root}, args...)
}

// hold locks the name of a container of which something is remembered; there is no lock where nothing is.
func (r *ociRuntime) hold(id string) (*state.Store, *state.Lock, error) {
	store, err := r.store()
	if err != nil || state.CheckID(id) != nil {
		return store, nil, err
	}
	if _, err := os.Lstat(store.Path(id)); err != nil {
		return store, nil, nil
	}
	if err := r.at(store.Path(id)); err != nil {
		return nil, nil, err
	}
	lock, err := store.Lock(id)
	return store, lock, err
}

// removeMatching has the delegate remove what matches, which only it can tell, and then all that is left of what it has removed. Of what it
// takes for running some wait for their start, and go before.
func (r *ociRuntime) removeMatching(cmd *cobra.Command, pattern string, force bool) error {
	store, err := r.store()
	if err != nil {
		return err
	}
	d, err := r.other()
	if err != nil {
		return err
	}
	if !force {
		if err := r.removeWaiting(cmd, store, d, pattern); err != nil {
			return err
		}
	}
	other := exec.Command(d.Path, r.line...)
	other.Stdin, other.Stdout, other.Stderr = os.Stdin, os.Stdout, os.Stderr
	failed := delegated(other.Run())
	ids, err := store.List()
	for _, id := range ids {
		lock, lerr := store.Lock(id)
		if lerr != nil {
			return errors.Join(failed, lerr)
		}
		if c, _ := store.Get(id); lock.Fresh() || !r.exists(id, c) {
			err = errors.Join(err, r.clear(store, lock, id))
		}
		lock.Unlock()
	}
	return and(failed, err)
}

// removeWaiting removes the containers that wait for their start and match, if the delegate d knows what that means.
func (r *ociRuntime) removeWaiting(cmd *cobra.Command, store *state.Store, d delegate.Delegate, pattern string) error {
	matching, err := regexp.CompilePOSIX(pattern)
	if err != nil {
		return nil // the delegate's to refuse
	}
	ids, err := store.List()
	ids = slices.DeleteFunc(ids, func(id string) bool {
		c, err := store.Get(id)
		return err != nil || c == nil || !c.Ahead || !matching.MatchString(id) || !waiting(store, c)
	})
	if len(ids) == 0 || exec.Command(d.Path, r.rooted("delete", "--regex", "^$")...).Run() != nil {
		return err
	}
	for _, id := range ids {
		err = errors.Join(err, r.remove(cmd, id, false))
	}
	return err
}

// exists asks the delegate that has made c, or would make it, whether it has a container of this name. One that cannot be asked may
// have it.
func (r *ociRuntime) exists(id string, c *state.Container) bool {
	d, err := r.holder(id, c)
	return err != nil || r.has(d, id)
}

// holder returns the delegate that has made c, or would make it; or, where c is nil because nothing of the container id can be read any more, the
// one that has it of all that there are.
func (r *ociRuntime) holder(id string, c *state.Container) (delegate.Delegate, error) {
	d, err := r.delegateOf(c)
	if err != nil || c != nil {
		return d, err
	}
	for _, other := range append([]delegate.Delegate{d}, delegate.All(os.Getenv("PATH"))...) {
		if r.has(other, id) {
			return other, nil
		}
	}
	return d, nil
}

// has asks a delegate whether it has a container of this name. One that cannot be asked may have it.
func (r *ociRuntime) has(d delegate.Delegate, id string) bool {
	var exit *exec.ExitError
	err := exec.Command(d.Path, r.rooted("state", id)...).Run()
	return err == nil || !errors.As(err, &exit) || !exit.Exited()
}

// drop has a delegate remove what it still has of a container, or that it does not know any more.
func (r *ociRuntime) drop(d delegate.Delegate, id string) error {
	cmd := waitedFor(d.Path, r.rooted("delete", "--force", id))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, nil, nil
	return delegated(cmd.Run())
}

// reuse makes room for a container of a name that there was before: nothing of one that the delegate does not have any more is left.
func (r *ociRuntime) reuse(verb string, store *state.Store, lock *state.Lock, id string) error {
	if lock.Fresh() {
		return nil
	}
	c, _ := store.Get(id)
	if cutOff(c) {
		if err := r.abandon(c, id); err != nil {
			return err
		}
	}
	d, err := r.holder(id, c)
	if err != nil {
		return err
	}
	if r.has(d, id) {
		return fmt.Errorf("%s: %q: %w", verb, id, state.ErrExists)
	}
	var said failed
	if err := r.drop(d, id); err != nil && !errors.As(err, &said) { // who should have was killed on the way; one that is refused is not there
		return err
	}
	if err := r.clearCode(store, id, c); err != nil {
		return err
	}
	return erase(lock.Empty, lock.Path())
}

// handNew becomes the delegate, for a new native container: what is left of an earlier one of that name that was WebAssembly would
// be taken for its state.
func (r *ociRuntime) handNew(verb, id string) error {
	store, lock, err := r.hold(id)
	if err != nil {
		return err
	}
	if lock == nil {
		return r.handOver(nil)
	}
	defer lock.Unlock()
	if err := r.reuse(verb, store, lock, id); err != nil {
		return err
	}
	if err := lock.Remove(); err != nil {
		return err
	}
	return r.handOver(nil)
}

// sweep removes the compiled code of containers of which nothing is known any more: their state went with a reboot.
func (r *ociRuntime) sweep(store *state.Store, codes *prepared.Store) error {
	ids, err := codes.Containers(store.Path("."))
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := os.Lstat(store.Path(id)); !errors.Is(err, fs.ErrNotExist) || state.CheckID(id) != nil {
			continue
		}
		lock, err := store.Lock(id)
		if err != nil {
			return err
		}
		if lock.Fresh() { // else somebody makes it right now
			err = r.clear(store, lock, id)
		}
		lock.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// clear removes what is left of the container id, whatever state it is in: what would lead to the rest last. The delegate does not have it
// any more.
func (r *ociRuntime) clear(store *state.Store, lock *state.Lock, id string) error {
	c, _ := store.Get(id)
	if c == nil || !c.Complete {
		if err := r.mend(store, id); err != nil {
			return err
		}
	}
	if err := r.clearCode(store, id, c); err != nil {
		return err
	}
	return erase(lock.Remove, lock.Path())
}

// clearCode removes the compiled code of the container id, of which c is known; nil: nothing.
func (r *ociRuntime) clearCode(store *state.Store, id string, c *state.Container) error {
	if c == nil {
		c = &state.Container{}
	}
	if c.Code == "" && !c.Native { // it was not written down, but has only one place where it can be
		s, err := r.operator()
		if err != nil {
			return err
		}
		codes, err := prepared.Open(s.Cache, s.CacheLimit)
		if err != nil {
			return err
		}
		c.Code = codes.Container(store.Path("."), id)
	}
	return forgetCode(c)
}

// forget removes the files of a container, those that would lead to the others last.
func forget(lock *state.Lock, c *state.Container) error {
	if err := forgetCode(c); err != nil {
		return err
	}
	return erase(lock.Remove, lock.Path())
}

func forgetCode(c *state.Container) error {
	if c.Code == "" {
		return nil
	}
	if err := os.RemoveAll(c.Code); err != nil {
		return fmt.Errorf("remove compiled code: %w", err)
	}
	return nil
}
