package main

import (
	"os"

	"github.com/spf13/cobra"
)

// containers adds to root what makes this program a container runtime.
func containers(root *cobra.Command) *ociRuntime {
	r := &ociRuntime{}
	r.addFlags(root.Flags())
	r.line = withoutOwn(os.Args[1:], root.Flags())
	root.TraverseChildren = true
	root.AddCommand(newCreate(r), newStart(r), newState(r), newDelete(r), newExec(r), newList(r), newFeatures(r), newConfig(r), newHook())
	root.AddCommand(newDelegated(r)...)
	return r
}
