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
func (b *Bundle) original() (json.RawMessage, error) {
	if b.config != nil {
		read := new(specs.Spec)
		if _, err := decodeSpec("config.json", b.config, read); err == nil && reflect.DeepEqual(read, b.Spec) {
			return b.config, nil
		}
	}
	data, err := json.Marshal(b.Spec)
	if err != nil {
		return nil, fmt.Errorf("oci: derive: %w", err)
	}
	if read := new(specs.Spec); bytes.Contains(data, []byte(`\ufffd`)) && json.Unmarshal(data, read) == nil && !reflect.DeepEqual(read, b.Spec) {
		return nil, errors.New("oci: derive: the spec has text that is not UTF-8, which no config.json can hold")
	}
	return data, nil
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
func hooksOnHost(spec *specs.Spec) (hooks map[string][]specs.Hook) {
	if data, err := json.Marshal(spec.Hooks); err == nil {
		_ = json.Unmarshal(data, &hooks) // what was made of this type, or null
	}
	delete(hooks, "startContainer")
	return hooks
}

// object is an object of JSON, of which only some values are looked into.
type object map[string]json.RawMessage

// rewrite makes d's config.json of original, which is the JSON of b's spec.
func rewrite(original json.RawMessage, b *Bundle, d *Derived) ([]byte, error) {
	e := &editor{}
	top := e.object(original)
	e.inside(top, "process", func(process object) {
		process["args"] = e.json(append([]string{d.Executable}, d.Config.Args[1:]...))
		process["env"] = e.json(slices.Concat([]string{}, d.delegation.Env))
	})
	mounts := e.relocate(top, b)
	if !d.ByDescriptor {
		for _, m := range runnerMounts(&d.delegation) {
			mounts = append(mounts, e.json(m))
		}
	}
	if len(mounts) > 0 {
		top["mounts"] = e.json(mounts)
	}

	e.disown(top, b, d.delegation.Hook)
	return e.json(top), e.err
}

// inside changes one object of another.
func (e *editor) inside(top object, key string, change func(object)) {
	o := e.object(top[key])
	change(o)
	top[key] = e.json(o)
}

// relocate makes absolute what a bundle says relative to its directory. It returns the mounts, which are top's if there are any.
func (e *editor) relocate(top object, b *Bundle) (mounts []json.RawMessage) {
	if b.Spec.Root != nil && !path.IsAbs(b.Spec.Root.Path) {
		e.inside(top, "root", func(root object) { root["path"] = e.json(path.Join(b.Dir, b.Spec.Root.Path)) })
	}
	mounts = e.array(top["mounts"])
	for i := range mounts {
		if m := &b.Spec.Mounts[i]; isRelative(m) {
			mount := e.object(mounts[i])
			mount["source"] = e.json(path.Join(b.Dir, m.Source))
			mounts[i] = e.json(mount)
		}
	}
	return mounts
}

// disown removes the annotations by which a delegate would take a container for WebAssembly, and wraps hooks.
func (e *editor) disown(top object, b *Bundle, hook []string) {
	annotations := maps.Clone(b.Spec.Annotations)
	delete(annotations, annotationHandler)
	delete(annotations, annotationVariant)
	if len(annotations) < len(b.Spec.Annotations) {
		top["annotations"] = e.json(annotations)
	}
	hooks := hooksOnHost(b.Spec)
	if len(hooks) == 0 || hook == nil {
		return
	}
	e.inside(top, "hooks", func(raw object) {
		for stage, all := range hooks {
			rewritten := e.array(raw[stage])
			for i, h := range all {
				one := e.object(rewritten[i])
				one["path"] = e.json(hook[0])
				one["args"] = e.json(slices.Concat(hook, []string{"--", h.Path}, h.Args))
				rewritten[i] = e.json(one)
			}
			raw[stage] = e.json(rewritten)
		}
	})
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
	e := &editor{}
	top := e.object(original)
	if mounts := e.relocate(top, b); len(mounts) > 0 {
		top["mounts"] = e.json(mounts)
	}
	e.disown(top, b, hook)
	return e.json(top), e.err
}

// runnerMounts show the code, and the runner and its libraries in there. Each is cut off from where it was bound, so that nothing mounted in the
// container appears on the host.
func runnerMounts(d *Delegation) []specs.Mount {
	mounts := []specs.Mount{{Destination: runnerPlace, Source: d.Code}, {Destination: runnerPlace + "/" + d.Name, Source: d.Runner}}
	if d.Libraries != "" {
		mounts = append(mounts, specs.Mount{Destination: LibraryPath, Source: d.Libraries})
	}
	for i := range mounts {
		mounts[i].Type, mounts[i].Options = "bind", []string{"bind", "rprivate", "ro", "nosuid", "nodev"}
	}
	return mounts
}

// editor decodes and encodes, and keeps the first error.
type editor struct{ err error }

func (e *editor) object(raw json.RawMessage) object {
	var o object
	e.decode(raw, &o)
	if o == nil { // absent, or null
		o = object{}
	}
	return o
}

func (e *editor) array(raw json.RawMessage) (all []json.RawMessage) {
	e.decode(raw, &all)
	return all
}

func (e *editor) decode(raw json.RawMessage, v any) {
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, v); e.err == nil {
			e.err = err
		}
	}
}

func (e *editor) json(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if e.err == nil {
		e.err = err
	}
	return data
}
