package oci

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// The annotations that decide whether a container is a guest, as crun, containerd and CRI-O write and read them.
const (
	annotationHandler = "run.oci.handler"
	annotationVariant = "module.wasm.image/variant"
	annotationCRI     = "io.kubernetes.cri.container-type"
	annotationCRIO    = "io.kubernetes.cri-o.ContainerType"
)

// Kind is what a container is. The zero value is [Refused]. As text and in JSON it is its String.
type Kind uint8

const (
	Refused Kind = iota // it asks for what it is not: neither an engine nor the kernel may run it
	Wasm                // a guest for an engine
	Native              // a program for the kernel
)

var kindNames = [...]string{"refused", "wasm", "native"}

// String returns "refused", "wasm" or "native".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. An unknown name is an error.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, n := range kindNames {
		if n == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("oci: unknown kind %q", text)
}

// Policy is what the operator lets decide between wasm and native. As text and in JSON it is its String.
type Policy uint8

const (
	Auto      Policy = iota // annotations, and where there are none the content of the module; the default
	Annotated               // only a container that is said to be wasm is: content alone makes none
	Content                 // annotations are not read: content, and the name where content is unknown
)

var policyNames = [...]string{"auto", "annotated", "content"}

// String returns "auto", "annotated" or "content".
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// MarshalText implements [encoding.TextMarshaler].
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. An unknown name is an error.
func (p *Policy) UnmarshalText(text []byte) error {
	for i, n := range policyNames {
		if n == string(text) {
			*p = Policy(i)
			return nil
		}
	}
	return fmt.Errorf("oci: unknown policy %q: auto, annotated or content", text)
}

// DetectOptions are the facts beside the spec that [Detect] goes by. The zero value goes by the spec alone.
type DetectOptions struct {
	// Head are the first bytes of the file that args[0] names, [wasi.FormatHead] of them or all there are; see
	// [Plan.Open]. Nil: not known, and the name's suffix stands in for it. Not nil but empty: an empty file.
	Head []byte
	// Argv0 is the name that the runtime was called by. "crun-NAME" and "wasmoci-NAME", in any directory, say that its
	// containers are wasm, for the engine NAME, or for any engine where NAME is "wasm". Other names say nothing.
	Argv0 string
	// Platform is the image's platform, "os/architecture"; "wasi/wasm" and its kin say that the container is wasm, for
	// any engine.
	Platform string
	// Engine is the engine that the operator has chosen for what is wasm; "" leaves it to the container. A container
	// that names another one is refused. An engine that is merely preferred does not belong here: take it where
	// [Detection.Engine] is "".
	Engine string
	// Policy is what the operator lets decide.
	Policy Policy
}

// Detection is the answer of [Detect].
type Detection struct {
	// Kind is wasm, native or refused.
	Kind Kind `json:"kind"`
	// Engine is the engine that was named, by the operator or by an annotation; "" where none was. It may be one
	// that no program has: opening it says so, and nothing else is to be taken in its place. Set with Wasm only.
	Engine string `json:"engine,omitempty"`
	// Field is what decided, in the runtime-spec's JSON names: "annotations[run.oci.handler]", "process.args[0]"; ""
	// where it was not the spec but the operator's choice.
	Field string `json:"field,omitempty"`
	// Reason says why, in words.
	Reason string `json:"reason"`
}

// Err returns nil, or for [Refused] a [*SpecError] with the reason.
func (d Detection) Err() error {
	if d.Kind != Refused {
		return nil
	}
	return &SpecError{Field: cmp.Or(d.Field, "process"), Err: errors.New(d.Reason)}
}

// strength is how strongly a container is said to be wasm.
type strength int

const (
	unsaid strength = iota
	smart           // wasm where its name, or its content, looks like it
	firm            // wasm unless its content is native
)

// claim is what is said about a container before its content is looked at.
type claim struct {
	strength strength
	engine   string
	field    string // what says it
	text     string
}

// otherHandlers are values of run.oci.handler that are no engines for WebAssembly.
var otherHandlers = map[string]bool{"krun": true, "krun-sev": true, "krun-nitro": true, "mono": true}

// Detect decides whether a container is a guest for an engine or a program for the kernel. It is pure, may be called
// concurrently, and decides in this order:
//
//  1. A sandbox container of the CRI (containerd, CRI-O) is native, always.
//  2. The handlers of crun that are no engines, such as "krun", make a container native, in the annotation run.oci.handler or
//     as the operator's choice.
//  3. An ELF executable or a script is native, whatever is said: a sidecar is not in the way of the annotations of its pod.
//  4. Two different engines named by two sources are refused, as no named engine is ever replaced.
//  5. The annotation run.oci.handler: "wasm" and the name of an engine say that the container is wasm, "wasm-smart"
//     that it may be; any other value is taken for the name of an engine. Without it, module.wasm.image/variant: "compat" and
//     "compat-smart" likewise. Then the name that the runtime was called by, and the platform of the image.
//  6. The content, where it is known, confirms or decides: a module or component, binary or text, is wasm whatever it
//     is called. Where content is unknown a name in .wasm or .wat stands in for it.
//
// What is neither WebAssembly nor an executable or a script is refused where anything says that it is or may be wasm, its
// name among others, and so is an engine's precompiled code. Where nothing does it is native, as the kernel may have an
// interpreter for it (binfmt_misc).
func Detect(spec *specs.Spec, opts DetectOptions) Detection {
	if spec == nil || spec.Process == nil || len(spec.Process.Args) == 0 {
		return Detection{Kind: Native, Field: "process.args", Reason: "names nothing that an engine could run"}
	}
	for _, key := range []string{annotationCRI, annotationCRIO} {
		if spec.Annotations[key] == "sandbox" {
			return Detection{Kind: Native, Field: annotation(key), Reason: "is a sandbox container, which is never wasm"}
		}
	}
	said, other := annotated(spec, opts.Policy)
	if other != "" {
		return Detection{Kind: Native, Field: said.field, Reason: other}
	}
	conflict := ""
	for _, c := range operatorClaims(opts) {
		if c.engine != "" && otherHandlers[c.engine] {
			return Detection{Kind: Native, Field: c.field, Reason: c.text + ", which is no engine for WebAssembly"}
		}
		if c.engine != "" && said.engine != "" && c.engine != said.engine && conflict == "" {
			conflict = fmt.Sprintf("%s, but %s: name one engine", said.text, c.text)
		}
		engine := cmp.Or(said.engine, c.engine)
		if said.strength == unsaid {
			said = c
		}
		said.engine = engine
	}
	module, _ := ParseEntrypoint(spec.Process.Args[0])
	kind, reason := said.decide(module, conflict, opts)
	d := Detection{Kind: kind, Field: cmp.Or(said.field, "process.args[0]"), Reason: reason}
	if kind == Wasm {
		d.Engine = said.engine
	}
	return d
}

func annotation(key string) string { return "annotations[" + key + "]" }

// annotated is what the container's annotations say; other says why it is another runtime's.
func annotated(spec *specs.Spec, policy Policy) (c claim, other string) {
	if policy == Content {
		return claim{}, ""
	}
	c = claim{field: annotation(annotationHandler)}
	if v := spec.Annotations[annotationHandler]; v != "" {
		c.text = fmt.Sprintf("%s is %q", c.field, v)
		switch {
		case v == "wasm":
			c.strength = firm
		case v == "wasm-smart":
			c.strength = smart
		case otherHandlers[v]:
			return c, c.text + ", which is no engine for WebAssembly"
		default:
			c.strength, c.engine = firm, v
		}
		return c, ""
	}
	c = claim{field: annotation(annotationVariant)}
	switch v := spec.Annotations[annotationVariant]; v {
	case "compat", "compat-smart":
		c.text = fmt.Sprintf("%s is %q", c.field, v)
		c.strength = firm
		if v == "compat-smart" {
			c.strength = smart
		}
		return c, ""
	}
	return claim{}, ""
}

// operatorClaims are what the runtime's own circumstances say, the strongest first.
func operatorClaims(opts DetectOptions) []claim {
	var claims []claim
	if opts.Engine != "" {
		claims = append(claims, claim{unsaid, opts.Engine, "", fmt.Sprintf("the operator chose engine %q", opts.Engine)})
	}
	called := strings.TrimSuffix(filepath.Base(opts.Argv0), ".exe")
	if runtime, name, _ := strings.Cut(called, "-"); name != "" && (runtime == "crun" || runtime == "wasmoci") {
		c := claim{strength: firm, text: fmt.Sprintf("the runtime was called as %q", called)}
		if name != "wasm" {
			c.engine = name
		}
		claims = append(claims, c)
	}
	if os, arch, _ := strings.Cut(opts.Platform, "/"); strings.HasPrefix(os, "wasi") || strings.HasPrefix(arch, "wasm") {
		claims = append(claims, claim{strength: firm, text: fmt.Sprintf("the image is for %q", opts.Platform)})
	}
	return claims
}

// decide confronts what is said with what is there. conflict, if not empty, is why no engine can be chosen.
func (c claim) decide(module, conflict string, opts DetectOptions) (Kind, string) {
	because, but := "", ""
	if c.text != "" {
		because, but = c.text+", ", c.text+", but "
	}
	if what := nativeFormat(opts.Head); what != "" {
		if c.strength == firm {
			return Native, fmt.Sprintf("%s%q is %s, which the kernel runs", but, module, what)
		}
		return Native, fmt.Sprintf("%s%q is %s", because, module, what)
	}
	if conflict != "" {
		return Refused, conflict
	}
	ext := path.Ext(module)
	named := ext == ".wasm" || ext == ".wat"
	if opts.Head == nil {
		switch {
		case c.strength == firm:
			return Wasm, because + "and the content is still to be seen"
		case named && (c.strength == smart || opts.Policy != Annotated):
			return Wasm, fmt.Sprintf("%s%q is named like a module, and the content is still to be seen", because, module)
		default:
			return Native, fmt.Sprintf("%s%q is not named like a module", because, module)
		}
	}
	switch format := wasi.FormatOf(opts.Head); format {
	case wasi.FormatModule, wasi.FormatComponent, wasi.FormatText:
		if c.strength == unsaid && opts.Policy == Annotated {
			return Native, fmt.Sprintf("%q is WebAssembly (%s), but no annotation says so, as the operator demands", module, format)
		}
		return Wasm, fmt.Sprintf("%s%q is WebAssembly (%s)", because, module, format)
	case wasi.FormatPrecompiled:
		return Refused, fmt.Sprintf("%s%q is an engine's precompiled code, which is not run from a container: ship the module", because, module)
	default:
		if c.strength == unsaid && !named {
			return Native, fmt.Sprintf("%s%q is not WebAssembly", because, module)
		}
		engine := "an engine"
		if c.engine != "" {
			engine = fmt.Sprintf("engine %q", c.engine)
		}
		return Refused, fmt.Sprintf("%s%q is not WebAssembly, nor an ELF executable or a script, so neither %s nor the kernel runs it: "+
			"name a module or component in args[0], such as compilers make for wasm32-wasip1", but, module, engine)
	}
}

// nativeFormat names a format that the kernel runs by itself; "" for any other. Precompiled code in an ELF container is
// not one: wasi.FormatOf knows it by an ABI number that no kernel runs.
func nativeFormat(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")) && wasi.FormatOf(head) != wasi.FormatPrecompiled:
		return "an ELF executable"
	case bytes.HasPrefix(head, []byte("#!")):
		return "a script"
	}
	return ""
}
