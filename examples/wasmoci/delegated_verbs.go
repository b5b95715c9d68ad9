//go:build linux

package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// delegatedVerbs are those that the delegate does for every container, with its own flags.
var delegatedVerbs = []delegatedVerb{
	{"kill", "Send a signal to a container"},
	{"ps", "List the processes of a container"},
	{"pause", "Stop all processes of a container for a while"},
	{"resume", "Let the processes of a paused container go on"},
	{"update", "Change the resource limits of a container"},
	{"events", "Print what a container uses, again and again or once (--stats)"},
	{"spec", "Write a config.json to start from"},
	{"checkpoint", "Write a native container down, to go on with it later"},
	{"restore", "Go on with a native container that was written down"},
}

type delegatedVerb struct{ name, short string }

func delegatedCommands() []command {
	var all []command
	for _, v := range delegatedVerbs {
		all = append(all, command{v.name, func(r *ociRuntime) *cobra.Command { return newDelegated(r, v) }})
	}
	return all
}

func newDelegated(r *ociRuntime, v delegatedVerb) *cobra.Command {
	return &cobra.Command{
		Use:                v.name,
		Short:              v.short + ", by the delegate",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.name == "checkpoint" {
				if err := r.nativeOnly(v.name, args); err != nil {
					return err
				}
			}
			c := r.meant(args)
			switch {
			case c == nil || c.Native:
			case v.name == "events":
				return r.watch(cmd.OutOrStdout(), c, args)
			case v.name == "update":
				return r.update(c, args)
			}
			return r.handOver(c)
		},
	}
}

// isDelegated says whether a verb is for certain the delegate's alone, as far as this program remembers the container that it is about.
func (r *ociRuntime) isDelegated(verb string, args []string) bool {
	switch verb {
	case "checkpoint":
		return false
	case "events", "update":
		c := r.meant(args)
		return c == nil || c.Native
	}
	return slices.ContainsFunc(delegatedVerbs, func(v delegatedVerb) bool { return v.name == verb })
}

// meant is the container whose ID is one of a delegated verb's args, if this program remembers it.
func (r *ociRuntime) meant(args []string) *state.Container {
	for _, arg := range args {
		if _, c, err := r.ours(arg); err == nil && c != nil {
			return c
		}
	}
	return nil
}

// nativeOnly refuses a verb for a WebAssembly container, whose ID is one of args.
func (r *ociRuntime) nativeOnly(verb string, args []string) error {
	for _, arg := range args {
		if _, c, err := r.ours(arg); err != nil || c != nil && !c.Native {
			return cmp.Or(err, fmt.Errorf("%s: %q is a WebAssembly container, whose memory is its engine's: there is no way yet to go on with it elsewhere", verb, arg))
		}
	}
	return nil
}
