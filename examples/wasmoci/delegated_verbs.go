//go:build linux

package main

import (
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
			RunE:               func(*cobra.Command, []string) error { return r.handOver() },
		})
	}
	return all
}
