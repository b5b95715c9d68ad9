//go:build linux

package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// creation is what create and run are told.
type creation struct {
	bundle        string
	pidFile       string
	consoleSocket string
	preserve      int
	handed        handed // what there is of those, and of a service manager's
}

// addFlags declares crun's and runc's flags of create and run, all of which the delegate gets.
func (c *creation) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&c.bundle, "bundle", "b", ".", "`DIR` of the bundle")
	f.StringVar(&c.pidFile, "pid-file", "", "`FILE` for the number of the container's process")
	f.StringVar(&c.consoleSocket, "console-socket", "", "`SOCKET` for the master of the container's terminal")
	f.IntVar(&c.preserve, "preserve-fds", 0, "pass `N` more descriptors to the container")
	f.Bool("no-pivot", false, "have the delegate not use pivot_root")
	f.Bool("no-new-keyring", false, "have the delegate keep the session's keyring")
	f.Bool("no-subreaper", false, "have the delegate be no subreaper")
}

func newCreate(r *ociRuntime) *cobra.Command {
	var c creation
	cmd := &cobra.Command{
		Use:   "create [--bundle DIR] ID",
		Short: "Make a container, to be started later",
		Long: `Make a container of a bundle. The process of a WebAssembly container is a runner that waits for start; its module is compiled
now if its code is not cached. A native container is the delegate's, from the first to the last.`,
		Example: `  wasmoci create --bundle DIR --pid-file FILE web`,
		Args:    oneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.create(cmd, &c, args[0])
		},
	}
	c.addFlags(cmd.Flags())
	return cmd
}

func (r *ociRuntime) create(cmd *cobra.Command, c *creation, id string) (err error) {
	end := r.begin("create")
	defer func() { end(err, text(attributeID, id)) }()
	g, err := r.guestOf(c.bundle)
	if err != nil {
		return err
	}
	if g == nil {
		return r.handNew("create", id)
	}
	if g.native {
		return r.makeNative(cmd, c, g, id, "create")
	}
	defer g.module.Close()
	made, err := r.make(cmd, c, g, id)
	if err != nil {
		return err
	}
	made.close()
	return nil
}
