package oci_test

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/oci"
)

// A bundle is read, planned for a run without a container, and explained.
func Example() {
	bundle, err := oci.LoadBundle("testdata/bundle")
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := bundle.Plan(oci.Options{
		Where: oci.Direct,
		UID:   1000, // os.Getuid() in a program
		GID:   1000,
	})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println("module:", plan.Module)
	for _, m := range plan.Config.Mounts {
		host, _ := filepath.Rel(bundle.Dir, m.Host)
		fmt.Printf("mount:  %s host=%q readOnly=%t hidden=%t\n", m.Guest, host, m.ReadOnly, m.Hidden)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, e := range plan.Account {
		if e.Verdict == oci.Limited || e.Verdict == oci.Ignored {
			fmt.Fprintf(w, "%s\t%s\t%s\n", e.Field, e.Verdict, e.Reason)
		}
	}
	w.Flush()
	// Output:
	// module: /hello.wasm
	// mount:  / host="rootfs" readOnly=true hidden=false
	// mount:  /proc host="" readOnly=false hidden=true
	// mount:  /data host="data" readOnly=true hidden=false
	// hostname          ignored  no container; WASI shows no host name
	// mounts[0]         ignored  at /proc, hidden from the guest: it shows the host and the engine's process
	// linux.namespaces  ignored  no container: this process stays as it is
}

// What cannot be honoured is an error for each field, and the account says the same.
func ExampleFromSpec_rejected() {
	spec := &specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{Args: []string{"app.wasm"}, Cwd: "work", Terminal: true},
		Root:    &specs.Root{Path: "/srv/rootfs"},
	}
	_, err := oci.FromSpec(spec, oci.Options{Where: oci.Direct})
	fmt.Println(err)
	// Output:
	// oci: process.terminal: nobody makes a terminal: set it to false
	// oci: process.cwd "work": is not an absolute path
}

// The annotation asks for an engine, and the content has the last word.
func ExampleDetect() {
	spec := &specs.Spec{
		Process:     &specs.Process{Args: []string{"/app"}},
		Annotations: map[string]string{"run.oci.handler": "wasmtime"},
	}
	for _, head := range []string{"\x00asm\x01\x00\x00\x00", "\x7fELF\x02\x01\x01\x00"} {
		d := oci.Detect(spec, oci.DetectOptions{Head: []byte(head)})
		fmt.Printf("%s, engine %q: %s\n", d.Kind, d.Engine, d.Reason)
	}
	// Output:
	// wasm, engine "wasmtime": annotations[run.oci.handler] is "wasmtime", "/app" is WebAssembly (module)
	// native, engine "": annotations[run.oci.handler] is "wasmtime", but "/app" is an ELF executable, which the kernel runs
}

// A runtime that leaves containers to crun or runc has them make one with a runner in it.
func ExampleBundle_Derive() {
	bundle := &oci.Bundle{Dir: "/run/containers/hello", Spec: &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{Args: []string{"/hello.wasm", "world"}, Env: []string{"LANG=C"}, Cwd: "/"},
		Root:    &specs.Root{Path: "rootfs"},
		Mounts:  []specs.Mount{{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"}},
		Hooks:   &specs.Hooks{Poststop: []specs.Hook{{Path: "/usr/bin/cleanup", Args: []string{"cleanup", "-v"}}}},
	}}
	derived, err := bundle.Derive(oci.Delegation{
		Runner: "/usr/local/libexec/wasmoci/runner",
		Code:   "/run/wasmoci/hello/code",
		Name:   "hello.wasm",
		First:  3,
		Env:    []string{"WASMOCI_RUNNER=3"},
		Hook:   []string{"/usr/local/bin/wasmoci", "hook", "hello"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	spec, err := derived.Spec()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("rootfs: ", spec.Root.Path)
	fmt.Println("process:", spec.Process.Args, spec.Process.Env)
	for _, m := range spec.Mounts {
		fmt.Println("mount:  ", m.Source, "at", m.Destination, m.Options)
	}
	fmt.Println("hook:   ", spec.Hooks.Poststop[0].Args)
	fmt.Println("guest:  ", derived.Config.Args, derived.Config.Env)

	_, err = bundle.Derive(oci.Delegation{Runner: "/r", Code: "/c", Name: "n", First: 3, Hook: []string{"hook"}})
	fmt.Println(err)
	// Output:
	// rootfs:  /run/containers/hello/rootfs
	// process: [/dev/.wasmoci/hello.wasm world] [WASMOCI_RUNNER=3]
	// mount:   tmpfs at /dev []
	// mount:   /run/wasmoci/hello/code at /dev/.wasmoci [bind rprivate ro nosuid nodev]
	// mount:   /usr/local/libexec/wasmoci/runner at /dev/.wasmoci/hello.wasm [bind rprivate ro nosuid nodev]
	// hook:    [/usr/local/bin/wasmoci hook hello -- /usr/bin/cleanup cleanup -v]
	// guest:   [/hello.wasm world] [LANG=C]
	// oci: derive: delegation: hook command ["hook"] has no absolute path
}
