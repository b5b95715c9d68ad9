package oci_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/oci"
)

// TestDeriveNative: without the annotations a native container is the one that the bundle describes, from wherever it is made.
func TestDeriveNative(t *testing.T) {
	dir := t.TempDir()
	config := `{"ociVersion": "1.0.2", "future": {"a": []}, "process": {"args": ["/app"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
		"root": {"path": "rootfs"}, "mounts": [{"destination": "/data", "type": "bind", "source": "data", "options": ["bind"]}],
		"annotations": {"run.oci.handler": "wasm", "module.wasm.image/variant": "compat", "kept": "yes"},
		"hooks": {"poststop": [{"path": "/bin/hook", "args": ["hook", "x"]}]}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := oci.LoadBundle(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Claimed() {
		t.Error("the bundle's annotations claim it")
	}
	derived, err := b.DeriveNative([]string{"/usr/bin/wrap", "here"})
	if err != nil {
		t.Fatal(err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(derived, &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Annotations) != 1 || spec.Annotations["kept"] != "yes" || (&oci.Bundle{Spec: &spec}).Claimed() {
		t.Errorf("annotations %v", spec.Annotations)
	}
	if want := filepath.Join(dir, "rootfs"); spec.Root.Path != want {
		t.Errorf("root %q, want %q", spec.Root.Path, want)
	}
	if want := filepath.Join(dir, "data"); spec.Mounts[0].Source != want || len(spec.Mounts) != 1 {
		t.Errorf("mounts %v, want a source %q", spec.Mounts, want)
	}
	hook, _ := json.Marshal(spec.Hooks.Poststop[0])
	if want := `{"path":"/usr/bin/wrap","args":["/usr/bin/wrap","here","--","/bin/hook","hook","x"]}`; string(hook) != want && string(hook) != `{"path":"/usr/bin/wrap","args":["/usr/bin/wrap","here","--","/bin/hook","hook","x"],"env":null}` {
		t.Errorf("hook %s, want %s", hook, want)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(derived, &fields); err != nil || string(fields["future"]) != `{"a":[]}` && string(fields["future"]) != `{"a": []}` {
		t.Errorf("an unknown field became %s", fields["future"])
	}
	if b.Spec.Annotations["run.oci.handler"] != "wasm" {
		t.Error("the bundle was changed")
	}
	b.Dir = ""
	if _, err := b.DeriveNative(nil); err == nil {
		t.Error("a relative root without a bundle's directory was taken")
	}
}
