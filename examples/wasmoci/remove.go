//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

func newDelete(r *ociRuntime) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "delete [--force] ID",
		Short: "Remove a container that has ended",
		Long: `Remove a container that has ended, and all that is remembered of it. With --force a running one is killed first, and one that is
not there is no error.`,
		Args: oneID,
		RunE: func(cmd *cobra.Command, args []string) error { return r.remove(args[0], force, r.line) },
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "kill the container if it runs; do nothing where there is none")
	cmd.Flags().BoolP("regex", "r", false, "the delegate's: ID is a regular expression")
	return cmd
}

func (r *ociRuntime) remove(id string, force bool, line []string) error {
	store, err := r.store()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(store.Path(id)); state.CheckID(id) != nil || err != nil {
		return r.handOver()
	}
	lock, err := store.Lock(id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if lock.Fresh() { // somebody else has removed it
		if err := lock.Remove(); err != nil {
			return err
		}
		return r.handOver()
	}
	d, err := r.other()
	if err != nil {
		return err
	}
	if c, err := store.Get(id); err == nil && c != nil { // the one that made it, whatever is configured now
		d.Path = c.Delegate
		if !c.Native {
			r.complete(c)
		}
	}
	cmd := exec.Command(d.Path, line...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := delegated(cmd.Run()); err != nil {
		if r.exists(id) || !force {
			if r.exists(id) {
				return err
			}
			return and(err, r.clear(store, lock, id))
		}
	}
	return r.clear(store, lock, id)
}

// exists asks the delegate whether it has a container of this name.
func (r *ociRuntime) exists(id string) bool {
	d, err := r.other()
	if err != nil {
		return false
	}
	args := []string{"state", id}
	if r.root != "" {
		args = append([]string{"--root", r.root}, args...)
	}
	return exec.Command(d.Path, args...).Run() == nil
}

// clear removes what is left of the container id, whatever state it is in.
func (r *ociRuntime) clear(store *state.Store, lock *state.Lock, id string) error {
	c, err := store.Get(id)
	if err != nil || c == nil {
		c = &state.Container{}
	}
	if c.Code == "" { // it was not written down, but has only one place where it can be
		s, err := r.operator()
		if err != nil {
			return err
		}
		codes, err := prepared.Open(s.Cache)
		if err != nil {
			return err
		}
		c.Code = codes.Container(codeName(lock, id))
	}
	return forget(lock, c)
}

// codeName is the name of the directory with a container's compiled code.
func codeName(lock *state.Lock, id string) string {
	return filepath.Base(filepath.Dir(lock.Path())) + "-" + id
}

// forget removes the files of a container, those that would lead to the others last.
func forget(lock *state.Lock, c *state.Container) error {
	if c.Code != "" {
		if err := os.RemoveAll(c.Code); err != nil {
			return fmt.Errorf("remove compiled code: %w", err)
		}
	}
	return lock.Remove()
}
