package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A config.json is rewritten as JSON, because Go's types of runtime-spec cannot hold all of it: fields that they do not
// know, and lists that are there and empty. Values are read from the types.

// original is the JSON of the bundle's spec.
func (b *Bundle) original() (string, error) {
	if b.config != "" {
		read, r := new(specs.Spec), specReader{text: b.config}
		if r.read(read) == nil && reflect.DeepEqual(read, b.Spec) {
			return b.config, nil
		}
	}
	data, err := json.Marshal(b.Spec)
	if err != nil {
		return "", fmt.Errorf("oci: derive: %w", err)
	}
	read := new(specs.Spec)
	_, err = decodeSpec("config.json", string(data), read)
	switch {
	case bytes.Contains(data, []byte(`\ufffd`)) && (err != nil || !reflect.DeepEqual(read, b.Spec)):
		return "", errors.New("oci: derive: the spec has text that is not UTF-8, which no config.json can hold")
	case err != nil:
		return "", fmt.Errorf("oci: derive: %w", err)
	}
	return string(data), nil
}

// unfit rejects what would mean something else in another bundle, and cannot be rewritten.
func (b *Bundle) unfit(d *Delegation) (rejected []*SpecError) {
	reject := func(field, value, reason string) {
		rejected = append(rejected, &SpecError{Field: field, Value: value, Err: errors.New(reason)})
	}
	const nowhere = "is relative to the bundle, and the bundle's directory is not known"
	if !path.IsAbs(b.Dir) {
		if r := b.Spec.Root; r != nil && r.Path != "" && !path.IsAbs(r.Path) {
			reject("root.path", r.Path, nowhere)
		}
		for i := range b.Spec.Mounts {
			if m := &b.Spec.Mounts[i]; isRelative(m) {
				reject(mountField(i)+".source", m.Source, nowhere)
			}
		}
	}
	if d.Hook == nil {
		return rejected
	}
	hooks := hooksOnHost(b.Spec)
	for _, stage := range slices.Sorted(maps.Keys(hooks)) {
		for i, h := range hooks[stage] {
			if !path.IsAbs(h.Path) {
				reject(fmt.Sprintf("hooks.%s[%d].path", stage, i), h.Path, "is not an absolute path")
			}
		}
	}
	return rejected
}

// isRelative says whether m has a source that runtimes look up in the bundle.
func isRelative(m *specs.Mount) bool {
	switch mountKindOf(m, path.Join("/", m.Destination)) {
	case bindMount, deviceMount:
		return m.Source != "" && !path.IsAbs(m.Source)
	}
	return false
}

// hooksOnHost are the hooks that are looked up and run on the host's side, by their names in JSON.
func hooksOnHost(spec *specs.Spec) map[string][]specs.Hook {
	hooks := make(map[string][]specs.Hook)
	if spec.Hooks == nil {
		return hooks
	}
	stages := reflect.ValueOf(spec.Hooks).Elem()
	for _, f := range jsonFieldsOf(stages.Type()) {
		if all, ok := stages.FieldByIndex(f.index).Interface().([]specs.Hook); ok && len(all) > 0 && f.name != "startContainer" {
			hooks[f.name] = all
		}
	}
	return hooks
}

// rewrite makes d's config.json of original, which is the JSON of b's spec.
func rewrite(original string, b *Bundle, d *Derived) ([]byte, error) {
	e := &editor{text: original}
	top := e.top()
	process := e.object(top.members["process"])
	e.set(process, "args", append([]string{d.Executable}, d.Config.Args[1:]...))
	e.set(process, "env", slices.Concat([]string{}, d.delegation.Env))
	e.relocate(top, b)
	if !d.ByDescriptor {
		e.mount(top, runnerMounts(&d.delegation))
	}
	e.disown(top, b, d.delegation.Hook)
	return e.edited()
}

// relocate makes absolute what a bundle says relative to its directory.
func (e *editor) relocate(top object, b *Bundle) {
	if b.Spec.Root != nil && !path.IsAbs(b.Spec.Root.Path) {
		e.set(e.object(top.members["root"]), "path", path.Join(b.Dir, b.Spec.Root.Path))
	}
	for i, mount := range e.list(top.members["mounts"]) {
		if m := &b.Spec.Mounts[i]; isRelative(m) {
			e.set(e.object(mount), "source", path.Join(b.Dir, m.Source))
		}
	}
}

// mount adds mounts after all others.
func (e *editor) mount(top object, mounts []mount) {
	others := e.list(top.members["mounts"])
	if len(others) == 0 {
		e.set(top, "mounts", mounts)
		return
	}
	for _, m := range mounts {
		e.add(top.members["mounts"], len(others), e.json(m))
	}
}

// disown removes the annotations by which a delegate would take a container for WebAssembly, and wraps hooks.
func (e *editor) disown(top object, b *Bundle, hook []string) {
	annotations := maps.Clone(b.Spec.Annotations)
	delete(annotations, annotationHandler)
	delete(annotations, annotationVariant)
	if len(annotations) < len(b.Spec.Annotations) {
		e.set(top, "annotations", annotations)
	}
	hooks := hooksOnHost(b.Spec)
	if len(hooks) == 0 || hook == nil {
		return
	}
	stages := e.object(top.members["hooks"])
	for stage, all := range hooks {
		for i, one := range e.list(stages.members[stage]) {
			o, h := e.object(one), &all[i]
			e.set(o, "path", hook[0])
			e.set(o, "args", slices.Concat(hook, []string{"--", h.Path}, h.Args))
		}
	}
}

// Claimed says whether an annotation of the bundle would have another runtime take its container for WebAssembly, such as a crun that
// was built with an engine.
func (b *Bundle) Claimed() bool {
	_, handler := b.Spec.Annotations[annotationHandler]
	_, variant := b.Spec.Annotations[annotationVariant]
	return handler || variant
}

// DeriveNative makes the config.json of a native container for a delegate that is not to take it for WebAssembly, whatever its
// annotations say: they are removed, and what is relative to the bundle's directory is absolute. hook is as in [Delegation].
// Everything else is as the bundle has it. It is pure, and does not change b. An error is the [*SpecError] of a field that
// cannot be rewritten.
func (b *Bundle) DeriveNative(hook []string) ([]byte, error) {
	if problems := b.unfit(&Delegation{Hook: hook}); len(problems) > 0 {
		return nil, join(problems)
	}
	original, err := b.original()
	if err != nil {
		return nil, err
	}
	e := &editor{text: original}
	top := e.top()
	e.relocate(top, b)
	e.disown(top, b, hook)
	return e.edited()
}

// mount is what a runner's mounts have of specs.Mount.
type mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options"`
}

// runnerMounts show the code, and the runner and its libraries in there. Each is cut off from where it was bound, so that nothing mounted in the
// container appears on the host.
func runnerMounts(d *Delegation) []mount {
	mounts := []mount{{Destination: runnerPlace, Source: d.Code}, {Destination: runnerPlace + "/" + d.Name, Source: d.Runner}}
	if d.Libraries != "" {
		mounts = append(mounts, mount{Destination: LibraryPath, Source: d.Libraries})
	}
	for i := range mounts {
		mounts[i].Type, mounts[i].Options = "bind", []string{"bind", "rprivate", "ro", "nosuid", "nodev"}
	}
	return mounts
}
