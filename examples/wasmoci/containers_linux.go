package main

import (
	"os"

	"github.com/spf13/cobra"
)

// containerVerbs are the commands that make this program a container runtime.
var containerVerbs = append([]command{
	{"create", newCreate},
	{"start", newStart},
	{"state", newState},
	{"delete", newDelete},
	{"exec", newExec},
	{"list", newList},
	{"features", newFeatures},
	{"config", newConfig},
	{"hook", newHook},
}, delegatedCommands()...)

// setFlags adds to root what stands before a container's verb.
func (r *ociRuntime) setFlags(root *cobra.Command) {
	r.addFlags(root.Flags())
	r.line = withoutOwn(os.Args[1:], root.Flags())
	root.TraverseChildren = true
}
