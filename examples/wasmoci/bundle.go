package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/oci"
	"github.com/wasmoci/wasmoci/wasi"
)

// bundle is what run, explain and compile share: which bundle, and how to read it.
type bundle struct {
	dir    string
	strict bool
}

// addFlags declares --bundle and --strict.
func (b *bundle) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&b.dir, "bundle", "b", ".", "`DIR` of the bundle")
	cmd.Flags().BoolVar(&b.strict, "strict", false, "refuse a bundle of which something would be ignored or granted in part")
}

// load reads the bundle and plans its run. As with oci.FromSpec, a plan that comes along with an error holds only the
// account.
func (b *bundle) load(where oci.Where) (*oci.Bundle, *oci.Plan, error) {
	loaded, err := oci.LoadBundle(b.dir)
	if err != nil {
		return nil, nil, err
	}
	plan, err := oci.FromSpec(loaded.Spec, oci.Options{
		Where:   where,
		Bundle:  loaded.Dir,
		UID:     os.Getuid(),
		GID:     os.Getgid(),
		Unknown: loaded.Unknown,
		Strict:  b.strict,
	})
	return loaded, plan, err
}

// nativeError is a bundle whose program is for the kernel.
type nativeError struct{ reason string }

func (e *nativeError) Error() string {
	return e.reason + ": wasmoci runs WebAssembly only, so give this bundle to a runtime for native containers, such as runc"
}

// ExitStatus returns 126: found but not runnable.
func (e *nativeError) ExitStatus() int { return 126 }

// module finds the plan's module, as the container would see it, and reads it. Only what is WebAssembly by its content comes
// back without an error: no engine sees anything else. The bytes that were looked at are those that the source keeps.
func module(loaded *oci.Bundle, plan *oci.Plan, chosen string) (engine.Source, *engine.Content, oci.Detection, error) {
	file, err := plan.Open()
	if err != nil {
		return nil, nil, oci.Detection{}, err
	}
	defer file.Close()
	src := engine.FromFile(file)
	content, err := src.Load(engine.Options{}.ModuleLimit())
	if err != nil {
		return nil, nil, oci.Detection{}, err
	}
	found := oci.Detect(loaded.Spec, oci.DetectOptions{
		Head:   content.Bytes[:min(len(content.Bytes), wasi.FormatHead)],
		Engine: chosen,
	})
	err = found.Err()
	if found.Kind == oci.Native {
		err = &nativeError{found.Field + ": " + found.Reason}
	}
	return src, content, found, err
}
