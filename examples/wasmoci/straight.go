//go:build linux

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// straight becomes the delegate where that needs no look at the commands of this program, to make which takes longer than all else
// that a native container's verb does here. It is not done where it may be otherwise: the command decides, and says what is wrong.
func (r *ociRuntime) straight() (verb string, done bool, err error) {
	flags := pflag.NewFlagSet(program, pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	r.addFlags(flags)
	if err := flags.Parse(os.Args[1:]); err != nil || flags.NArg() == 0 {
		return "", false, nil
	}
	r.line = withoutOwn(os.Args[1:], flags)
	verb = flags.Arg(0)
	args := flags.Args()[1:]
	isVerb := func(v delegatedVerb) bool { return v.name == verb }
	if slices.Contains([]string{"create", "delete"}, verb) || slices.ContainsFunc(delegatedVerbs, isVerb) {
		_ = r.seek() // whoever needs the delegate says what is wrong
	}
	if !r.isDelegated(verb, args) && !r.isNative(verb, args) {
		return verb, false, nil
	}
	if verb == "kill" {
		r.awaitStart(args)
	}
	return verb, true, r.handOver(r.meant(args))
}

// isNative says whether a verb of this program is for certain about a container that is none of its own.
func (r *ociRuntime) isNative(verb string, args []string) bool {
	if verb == "delete" && len(args) == 2 && (args[0] == "--force" || args[0] == "-f") {
		args = args[1:]
	}
	if verb != "start" && verb != "state" && verb != "delete" || len(args) != 1 || strings.HasPrefix(args[0], "-") {
		return false
	}
	store, err := r.store()
	if err != nil {
		return false
	}
	_, err = os.Lstat(store.Path(args[0]))
	return state.CheckID(args[0]) == nil && errors.Is(err, fs.ErrNotExist)
}
