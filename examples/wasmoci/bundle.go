package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
)

// bundle is what run, explain and compile share: which bundle, and how to read it.
type bundle struct {
	dir    string
	strict bool
}

// addFlags declares --bundle and --strict.
func (b *bundle) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&b.dir, "bundle", "b", ".", "`DIR` of the bundle")
	b.addStrict(cmd)
}

// addStrict declares --strict.
func (b *bundle) addStrict(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&b.strict, "strict", false, "refuse a bundle of which something would be ignored or granted in part")
}

// load reads the bundle and plans its run. As with oci.FromSpec, a plan that comes along with an error holds only the
// account.
func (b *bundle) load(where oci.Where) (*oci.Bundle, *oci.Plan, error) {
	loaded, err := oci.LoadBundle(b.dir)
	if err != nil {
		return nil, nil, err
	}
	plan, err := loaded.Plan(oci.Options{Where: where, UID: os.Getuid(), GID: os.Getgid(), Strict: b.strict})
	return loaded, plan, err
}

// module finds the plan's module, as the container would see it, and reads it when its head is WebAssembly: what is native
// or refused is an error before that, and no engine sees it. A file that has become something else meanwhile is the
// source's error.
func module(loaded *oci.Bundle, plan *oci.Plan, chosen string) (engine.Source, *engine.Content, oci.Detection, error) {
	file, err := plan.Open()
	if err != nil {
		return nil, nil, oci.Detection{}, err
	}
	defer file.Close()
	found, err := loaded.Detect(file, oci.DetectOptions{Engine: chosen})
	if err != nil {
		return nil, nil, found, err
	}
	src := engine.FromFile(file)
	content, err := src.Load(engine.Options{}.ModuleLimit())
	return src, content, found, err
}
