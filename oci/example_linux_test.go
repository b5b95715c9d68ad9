package oci_test

import (
	"fmt"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/oci"
)

// From the host, the module is looked for where the container will have it. Its head then decides what runs it.
func ExampleBundle_Locate() {
	dir, err := os.MkdirTemp("", "bundle")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, head := range map[string]string{"app.wasm": "\x00asm\x01\x00\x00\x00", "sidecar": "\x7fELF\x02\x01\x01\x00"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(head), 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, arg0 := range []string{"./app.wasm", "/srv/sidecar"} {
		bundle := &oci.Bundle{Dir: dir, Spec: &specs.Spec{
			Process:     &specs.Process{Args: []string{arg0}, Cwd: "/srv"},
			Root:        &specs.Root{Path: "."},
			Mounts:      []specs.Mount{{Destination: "/srv", Type: "bind", Source: "."}},
			Annotations: map[string]string{"run.oci.handler": "wasm"},
		}}
		module, path, err := bundle.Locate()
		if err != nil {
			fmt.Println(err)
			return
		}
		found, err := bundle.Detect(module, oci.DetectOptions{})
		fmt.Println(path, found.Kind, err)
		module.Close()
	}
	// Output:
	// /srv/./app.wasm wasm <nil>
	// /srv/sidecar native oci: annotations[run.oci.handler]: annotations[run.oci.handler] is "wasm", but "/srv/sidecar" is an ELF executable, which the kernel runs: wasmoci runs WebAssembly only, so give this bundle to a runtime for native containers, such as runc
}
