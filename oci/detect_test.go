package oci

import (
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const (
	moduleHead    = "\x00asm\x01\x00\x00\x00"
	componentHead = "\x00asm\x0d\x00\x01\x00"
	textHead      = "(module)"
	elfHead       = "\x7fELF\x02\x01\x01\x00"
	scriptHead    = "#!/bin/sh\n"
	aotHead       = "\x7fELF\x02\x01\x01\xc8"
	otherHead     = "MZ"
)

func TestDetect(t *testing.T) {
	type annotations = map[string]string
	const unread = "unread" // content that is not known
	tests := map[string]struct {
		arg0   string
		head   string
		notes  annotations
		opts   DetectOptions
		kind   Kind
		engine string
		reason string
	}{
		// Content alone.
		"a module":                        {"/app.wasm", moduleHead, nil, DetectOptions{}, Wasm, "", "WebAssembly (module)"},
		"a module without suffix":         {"/app", moduleHead, nil, DetectOptions{}, Wasm, "", "WebAssembly (module)"},
		"a module with a function":        {"/app#f.x", moduleHead, nil, DetectOptions{}, Wasm, "", "WebAssembly (module)"},
		"a component":                     {"/app", componentHead, nil, DetectOptions{}, Wasm, "", "WebAssembly (component)"},
		"text":                            {"/app.wat", textHead, nil, DetectOptions{}, Wasm, "", "WebAssembly (text)"},
		"ELF":                             {"/bin/sh", elfHead, nil, DetectOptions{}, Native, "", "an ELF executable"},
		"ELF in disguise":                 {"/app.wasm", elfHead, nil, DetectOptions{}, Native, "", "an ELF executable"},
		"script":                          {"/app.sh", scriptHead, nil, DetectOptions{}, Native, "", "a script"},
		"something else":                  {"/app", otherHead, nil, DetectOptions{}, Native, "", "is not WebAssembly"},
		"something else called wasm":      {"/app.wasm", otherHead, nil, DetectOptions{}, Refused, "", "is not WebAssembly"},
		"empty":                           {"/app.wasm", "", nil, DetectOptions{}, Refused, "", "is not WebAssembly"},
		"precompiled":                     {"/app.wasm", aotHead, nil, DetectOptions{}, Refused, "", "precompiled"},
		"unread, by name":                 {"/app.wasm#f", unread, nil, DetectOptions{}, Wasm, "", "named like a module"},
		"unread, by another name":         {"/app", unread, nil, DetectOptions{}, Native, "", "not named like a module"},
		"unread, name in capital letters": {"/app.WASM", unread, nil, DetectOptions{}, Native, "", "not named like a module"},

		// run.oci.handler.
		"handler wasm":                    {"/app", unread, annotations{"run.oci.handler": "wasm"}, DetectOptions{}, Wasm, "", `run.oci.handler] is "wasm"`},
		"handler wasm, module":            {"/app", moduleHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{}, Wasm, "", `run.oci.handler] is "wasm"`},
		"handler wasm, ELF":               {"/bin/sh", elfHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{}, Native, "", `"wasm", but "/bin/sh" is an ELF executable, which the kernel runs`},
		"handler wasm, script":            {"/run", scriptHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{}, Native, "", "a script"},
		"handler wasm, neither":           {"/app", otherHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{}, Refused, "", "is not WebAssembly"},
		"handler wasm-smart, by name":     {"/app.wat", unread, annotations{"run.oci.handler": "wasm-smart"}, DetectOptions{}, Wasm, "", "named like"},
		"handler wasm-smart, by content":  {"/app", moduleHead, annotations{"run.oci.handler": "wasm-smart"}, DetectOptions{}, Wasm, "", "module"},
		"handler wasm-smart, ELF":         {"/app.wasm", elfHead, annotations{"run.oci.handler": "wasm-smart"}, DetectOptions{}, Native, "", "ELF"},
		"handler wasm-smart, other name":  {"/app", unread, annotations{"run.oci.handler": "wasm-smart"}, DetectOptions{}, Native, "", "not named"},
		"handler wasm-smart, neither":     {"/app", otherHead, annotations{"run.oci.handler": "wasm-smart"}, DetectOptions{}, Refused, "", "wasip1"},
		"handler engine, neither":         {"/app", otherHead, annotations{"run.oci.handler": "wasmtime"}, DetectOptions{}, Refused, "", `"wasmtime", but "/app" is not WebAssembly, nor an ELF executable or a script, so neither engine "wasmtime" nor`},
		"handler engine":                  {"/app", moduleHead, annotations{"run.oci.handler": "wasmtime"}, DetectOptions{}, Wasm, "wasmtime", "wasmtime"},
		"handler engine nobody knows":     {"/app", moduleHead, annotations{"run.oci.handler": "wazmtime"}, DetectOptions{}, Wasm, "wazmtime", "wazmtime"},
		"handler engine, ELF":             {"/bin/sh", elfHead, annotations{"run.oci.handler": "wasmtime"}, DetectOptions{}, Native, "", "ELF"},
		"handler krun":                    {"/app.wasm", moduleHead, annotations{"run.oci.handler": "krun"}, DetectOptions{}, Native, "", "no engine"},
		"handler before variant":          {"/app", unread, annotations{"run.oci.handler": "wasm-smart", "module.wasm.image/variant": "compat"}, DetectOptions{}, Native, "", "wasm-smart"},
		"empty handler":                   {"/app", unread, annotations{"run.oci.handler": "", "module.wasm.image/variant": "compat"}, DetectOptions{}, Wasm, "", "compat"},
		"handler with a quote and a line": {"/app", unread, annotations{"run.oci.handler": "a\"\n"}, DetectOptions{}, Wasm, "a\"\n", `"a\"\n"`},

		// module.wasm.image/variant.
		"compat":                      {"/app", unread, annotations{"module.wasm.image/variant": "compat"}, DetectOptions{}, Wasm, "", `variant] is "compat"`},
		"compat, ELF":                 {"/bin/sh", elfHead, annotations{"module.wasm.image/variant": "compat"}, DetectOptions{}, Native, "", "ELF"},
		"compat-smart, ELF":           {"/bin/sh", elfHead, annotations{"module.wasm.image/variant": "compat-smart"}, DetectOptions{}, Native, "", "ELF"},
		"compat-smart, module":        {"/app", moduleHead, annotations{"module.wasm.image/variant": "compat-smart"}, DetectOptions{}, Wasm, "", "module"},
		"another variant":             {"/app", moduleHead, annotations{"module.wasm.image/variant": "spin"}, DetectOptions{}, Wasm, "", "module"},
		"another variant, and native": {"/app", elfHead, annotations{"module.wasm.image/variant": "spin"}, DetectOptions{}, Native, "", "ELF"},

		// Sandboxes.
		"sandbox of containerd":  {"/pause", unread, annotations{"io.kubernetes.cri.container-type": "sandbox", "run.oci.handler": "wasm"}, DetectOptions{}, Native, "", "sandbox"},
		"sandbox of CRI-O":       {"/pause.wasm", moduleHead, annotations{"io.kubernetes.cri-o.ContainerType": "sandbox"}, DetectOptions{Argv0: "crun-wasm"}, Native, "", "sandbox"},
		"container in a sandbox": {"/app", moduleHead, annotations{"io.kubernetes.cri.container-type": "container"}, DetectOptions{}, Wasm, "", "module"},

		// The operator.
		"called crun-wasm":                   {"/app", unread, nil, DetectOptions{Argv0: "/usr/bin/crun-wasm"}, Wasm, "", `called as "crun-wasm"`},
		"called crun-wasm, ELF":              {"/bin/sh", elfHead, nil, DetectOptions{Argv0: "crun-wasm"}, Native, "", "ELF"},
		"called crun-wasm.exe":               {"/app", unread, nil, DetectOptions{Argv0: "crun-wasm.exe"}, Wasm, "", "crun-wasm"},
		"called crun-wasmedge":               {"/app", unread, nil, DetectOptions{Argv0: "crun-wasmedge"}, Wasm, "wasmedge", "wasmedge"},
		"called crun-krun":                   {"/app.wasm", moduleHead, nil, DetectOptions{Argv0: "crun-krun"}, Native, "", "no engine"},
		"called crun":                        {"/app", unread, nil, DetectOptions{Argv0: "crun"}, Native, "", "not named"},
		"called crun-wasm, neither":          {"/app", otherHead, nil, DetectOptions{Argv0: "crun-wasm"}, Refused, "", "neither an engine nor the kernel"},
		"called wasmoci-wasm":                {"/app", moduleHead, nil, DetectOptions{Argv0: "/usr/bin/wasmoci-wasm"}, Wasm, "", `called as "wasmoci-wasm"`},
		"called wasmoci-wasmtime":            {"/app", unread, nil, DetectOptions{Argv0: "wasmoci-wasmtime"}, Wasm, "wasmtime", `called as "wasmoci-wasmtime"`},
		"called wasmoci-wasmtime, script":    {"/app", scriptHead, nil, DetectOptions{Argv0: "wasmoci-wasmtime"}, Native, "", "script"},
		"called by its name and a handler":   {"/app", moduleHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{Argv0: "crun-wasmtime"}, Wasm, "wasmtime", "handler"},
		"called by one, handler another":     {"/app", moduleHead, annotations{"run.oci.handler": "wazero"}, DetectOptions{Argv0: "crun-wasmtime"}, Refused, "", "name one engine"},
		"called by one, another, unread":     {"/app", unread, annotations{"run.oci.handler": "wazero"}, DetectOptions{Argv0: "crun-wasmtime"}, Refused, "", "name one engine"},
		"called youki-wasm":                  {"/app", unread, nil, DetectOptions{Argv0: "youki-wasm"}, Native, "", "not named"},
		"called otherwise":                   {"/app", unread, nil, DetectOptions{Argv0: "/usr/bin/wasmoci"}, Native, "", "not named"},
		"called crun-":                       {"/app", unread, nil, DetectOptions{Argv0: "crun-"}, Native, "", "not named"},
		"platform wasi/wasm":                 {"/app", unread, nil, DetectOptions{Platform: "wasi/wasm"}, Wasm, "", `"wasi/wasm"`},
		"platform wasip2/wasm":               {"/app", componentHead, nil, DetectOptions{Platform: "wasip2/wasm"}, Wasm, "", "component"},
		"platform linux/wasm32":              {"/app", unread, nil, DetectOptions{Platform: "linux/wasm32"}, Wasm, "", "wasm32"},
		"platform wasi/wasm, ELF":            {"/bin/sh", elfHead, nil, DetectOptions{Platform: "wasi/wasm"}, Native, "", "ELF"},
		"platform linux/amd64":               {"/app", unread, nil, DetectOptions{Platform: "linux/amd64"}, Native, "", "not named"},
		"operator's engine":                  {"/app", moduleHead, nil, DetectOptions{Engine: "wazero"}, Wasm, "wazero", "operator"},
		"operator's engine, ELF":             {"/bin/sh", elfHead, nil, DetectOptions{Engine: "wazero"}, Native, "", "ELF"},
		"operator's engine, handler wasm":    {"/app", moduleHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{Engine: "wazero"}, Wasm, "wazero", "handler"},
		"the same engine twice":              {"/app", moduleHead, annotations{"run.oci.handler": "wazero"}, DetectOptions{Engine: "wazero"}, Wasm, "wazero", "handler"},
		"two engines":                        {"/app", moduleHead, annotations{"run.oci.handler": "wasmtime"}, DetectOptions{Engine: "wazero"}, Refused, "", "name one engine"},
		"two engines, ELF":                   {"/bin/sh", elfHead, annotations{"run.oci.handler": "wasmtime"}, DetectOptions{Engine: "wazero"}, Native, "", "which the kernel runs"},
		"three sources":                      {"/app", moduleHead, nil, DetectOptions{Engine: "wazero", Argv0: "crun-wasm", Platform: "wasi/wasm"}, Wasm, "wazero", "crun-wasm"},
		"operator's engine, neither":         {"/app", otherHead, nil, DetectOptions{Engine: "wazero"}, Native, "", "is not WebAssembly"},
		"operator's engine, unread":          {"/app", unread, nil, DetectOptions{Engine: "wazero"}, Native, "", "not named"},
		"operator's engine, platform":        {"/app", otherHead, nil, DetectOptions{Engine: "wazero", Platform: "wasi/wasm"}, Refused, "", `neither engine "wazero" nor the kernel`},
		"two engines of the operator":        {"/app", moduleHead, nil, DetectOptions{Engine: "wazero", Argv0: "crun-wasmtime"}, Refused, "", "name one engine"},
		"annotated only, module":             {"/app.wasm", moduleHead, nil, DetectOptions{Policy: Annotated}, Native, "", "no annotation says so"},
		"annotated only, unread":             {"/app.wasm", unread, nil, DetectOptions{Policy: Annotated}, Native, "", "named"},
		"annotated only, annotated":          {"/app", moduleHead, annotations{"module.wasm.image/variant": "compat-smart"}, DetectOptions{Policy: Annotated}, Wasm, "", "compat-smart"},
		"content only, annotated ELF":        {"/bin/sh", elfHead, annotations{"run.oci.handler": "wasm"}, DetectOptions{Policy: Content}, Native, "", "ELF"},
		"content only, annotated with krun":  {"/app", moduleHead, annotations{"run.oci.handler": "krun"}, DetectOptions{Policy: Content}, Wasm, "", "module"},
		"content only, a sandbox all so":     {"/app", moduleHead, annotations{"io.kubernetes.cri.container-type": "sandbox"}, DetectOptions{Policy: Content}, Native, "", "sandbox"},
		"content only, annotation of engine": {"/app", moduleHead, annotations{"run.oci.handler": "wasmtime"}, DetectOptions{Policy: Content, Engine: "wazero"}, Wasm, "wazero", "operator"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := minimal()
			spec.Process.Args = []string{tt.arg0}
			spec.Annotations = tt.notes
			if tt.head != unread {
				tt.opts.Head = []byte(tt.head)
			}
			d := Detect(spec, tt.opts)
			if d.Kind != tt.kind || d.Engine != tt.engine || !strings.Contains(d.Reason, tt.reason) {
				t.Errorf("got %+v, want %s, engine %q, %q", d, tt.kind, tt.engine, tt.reason)
			}
			var specErr *SpecError
			if refused := errors.As(d.Err(), &specErr); refused != (tt.kind == Refused) || refused && specErr.ExitStatus() != 126 {
				t.Errorf("Err() = %v", d.Err())
			}
		})
	}
}

func TestDetectWithoutProcess(t *testing.T) {
	for _, spec := range []*specs.Spec{nil, {}, {Process: &specs.Process{}}} {
		if d := Detect(spec, DetectOptions{Argv0: "crun-wasm"}); d.Kind != Native || d.Reason == "" {
			t.Errorf("%+v", d)
		}
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("/app.wasm", "wasm", "compat", "container", "crun-wasm", "wasi/wasm", "wazero", []byte(moduleHead), uint8(0))
	f.Add("/app", "krun", "", "sandbox", "", "", "", []byte(elfHead), uint8(1))
	f.Fuzz(func(t *testing.T, arg0, handler, variant, cri, argv0, platform, engine string, head []byte, policy uint8) {
		spec := minimal()
		spec.Process.Args[0] = arg0
		spec.Annotations = map[string]string{annotationHandler: handler, annotationVariant: variant, annotationCRI: cri}
		opts := DetectOptions{Head: head, Argv0: argv0, Platform: platform, Engine: engine, Policy: Policy(policy)}
		d := Detect(spec, opts)
		if d.Reason == "" || int(d.Kind) >= len(kindNames) {
			t.Errorf("%+v", d)
		}
		if d.Kind == Wasm && (nativeFormat(head) != "" || cri == "sandbox") {
			t.Errorf("a native binary or a sandbox reaches an engine: %+v", d)
		}
		if nativeFormat(head) != "" && d.Kind != Native {
			t.Errorf("a native binary is in the way of an annotation: %+v", d)
		}
		if d.Kind != Wasm && d.Engine != "" {
			t.Errorf("an engine for what is not wasm: %+v", d)
		}
		if d.Kind == Wasm && engine != "" && d.Engine != engine {
			t.Errorf("engine %q was replaced: %+v", engine, d)
		}
		if named := handler != "" && handler != "wasm" && handler != "wasm-smart"; d.Kind == Wasm && named && opts.Policy != Content && d.Engine != handler {
			t.Errorf("engine %q was replaced: %+v", handler, d)
		}
	})
}
