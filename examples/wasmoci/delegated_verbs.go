//go:build linux

package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"
)

// delegatedVerbs are those that the delegate does for every container, with its own flags.
var delegatedVerbs = []delegatedVerb{
	{"kill", "Send a signal to a container"},
	{"ps", "List the processes of a container"},
	{"pause", "Stop all processes of a container for a while"},
	{"resume", "Let the processes of a paused container go on"},
	{"update", "Change the resource limits of a container"},
	{"events", "Print what a container uses"},
	{"spec", "Write a config.json to start from"},
	{"checkpoint", "Write a native container down, to go on with it later"},
	{"restore", "Go on with a native container that was written down"},
}

type delegatedVerb struct{ name, short string }

func newDelegated(r *ociRuntime) []*cobra.Command {
	var all []*cobra.Command
	for _, v := range delegatedVerbs {
		all = append(all, &cobra.Command{
			Use:                v.name,
			Short:              v.short + ", by the delegate",
			DisableFlagParsing: true,
			RunE: func(_ *cobra.Command, args []string) error {
				if v.name == "checkpoint" {
					if err := r.nativeOnly(v.name, args); err != nil {
						return err
					}
				}
				return r.handOver()
			},
		})
	}
	return all
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
