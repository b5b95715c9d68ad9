//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// runContainer makes a container, starts it, and unless detach is set waits for it and removes it.
func (r *ociRuntime) runContainer(cmd *cobra.Command, c *creation, id string, detach bool) error {
	g, err := r.guestOf(c.bundle)
	if err != nil {
		return err
	}
	if g == nil {
		return r.handOver()
	}
	defer g.module.Close()
	made, err := r.derive(cmd.Context(), c, g, id)
	if err != nil {
		return err
	}
	defer made.close()
	store, err := r.store()
	if err != nil {
		return err
	}
	ready, err := openReady(store, id)
	if err != nil {
		return err
	}
	defer ready.Close()
	args := append(r.globals(cmd), "run")
	args = append(args, made.args(cmd)...)
	other := made.command(append(args, id))
	if err := other.Start(); err != nil {
		return errors.Join(err, made.undo())
	}
	made.closeFiles() // or ready would never end
	if !detach {
		stop := forward(ready, other)
		defer stop()
	}
	err = delegated(other.Wait())
	if detach && err == nil {
		made.learnCgroup()
		return awaitReady(ready)
	}
	if !r.exists(id) {
		err = errors.Join(err, made.undo())
	}
	return err
}

// forward gives the signals that this process gets to the delegate, which gives them to the container's process, until stop. One
// that comes before the runner can take it waits.
func forward(ready *os.File, other *exec.Cmd) (stop func()) {
	caught := make(chan os.Signal, 8)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	go func() {
		_ = awaitReady(ready)
		for sig := range caught {
			_ = other.Process.Signal(sig)
		}
	}()
	return func() {
		signal.Stop(caught)
		close(caught)
	}
}
