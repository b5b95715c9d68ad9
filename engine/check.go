package engine

import (
	"context"
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// Names that preview 1 gives to a module's own functions.
const (
	StartFunction      = "_start"      // a command's entrypoint
	InitializeFunction = "_initialize" // called once before any other entrypoint of a reactor
)

// Needs returns what a run asks of an engine: what cfg sets, and [Interrupt] where ctx can end. It touches no file, so
// whether a Host is a directory or a single file ([MountFile]) is found by the engine when it opens it. cfg may be nil.
func Needs(ctx context.Context, format wasi.Format, cfg *wasi.Config) Capabilities {
	var need []Capability
	want := func(c Capability, asked bool) {
		if asked {
			need = append(need, c)
		}
	}
	want(Interrupt, ctx.Done() != nil)
	if cfg == nil {
		return NewCapabilities(need...)
	}
	want(Entrypoint, cfg.Entrypoint != "" && (format != wasi.FormatModule || cfg.Entrypoint != StartFunction))
	want(MemoryLimit, cfg.Limits.MemoryBytes != 0)
	want(WorkDir, cfg.Dir != "" && cfg.Dir != "/")
	want(Streams, cfg.Stdin != nil || cfg.Stdout != nil || cfg.Stderr != nil)
	want(Listeners, len(cfg.Listeners) > 0)
	guests := make(map[string]bool, len(cfg.Mounts))
	for _, m := range cfg.Mounts {
		guests[m.Guest] = true
	}
	for _, m := range cfg.Mounts {
		want(Mounts, m.Host != "" || m.File != nil)
		want(MountOpen, m.File != nil)
		want(MountReadOnly, m.ReadOnly)
		want(MountHidden, m.Hidden)
		want(MountTmpfs, m.Tmpfs != nil)
		want(MountNested, beneathAnother(guests, m.Guest))
	}
	return NewCapabilities(need...)
}

// beneathAnother tells whether a proper ancestor of guest is in guests.
func beneathAnother(guests map[string]bool, guest string) bool {
	if guest == "/" {
		return false
	}
	for p := guest; ; {
		i := strings.LastIndexByte(p, '/')
		if i <= 0 {
			return guests["/"]
		}
		if p = p[:i]; guests[p] {
			return true
		}
	}
}

// Check is the first thing every [Module.Start] does, before any side effect: it refuses an ended context, an invalid
// cfg, a request beyond m.Capabilities, an entrypoint that m does not export as a function () -> (), and a memory limit
// below what m starts with. Adapters call it; the errors are those of [Module.Start]. cfg may be nil.
func Check(ctx context.Context, m ModuleInfo, cfg *wasi.Config) error {
	if ctx.Err() != nil {
		return Stopped(ctx)
	}
	if cfg == nil {
		cfg = &wasi.Config{}
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	need := Needs(ctx, m.Format, cfg)
	if missing := m.Capabilities.Missing(need); !missing.Empty() {
		return &UnsupportedError{Engine: m.Engine, Format: m.Format, Missing: missing, Others: others(m.Engine, m.Format, need)}
	}
	if m.Format == wasi.FormatModule {
		if err := checkEntrypoint(m.Exports, cfg.Entrypoint); err != nil {
			return err
		}
	}
	if limit := cfg.Limits.MemoryBytes / wasi.PageSize * wasi.PageSize; limit != 0 && m.MemoryBytes > limit {
		return &MemoryLimitError{Need: m.MemoryBytes, Limit: limit}
	}
	return nil
}

func checkEntrypoint(exports []Extern, name string) error {
	if name == "" {
		name = StartFunction
	}
	found := false
	var could []string
	for _, e := range exports {
		isEntry := e.Kind == "func" && e.Type == EntrypointType
		if e.Name == name && !isEntry || e.Name == InitializeFunction && name != StartFunction && !isEntry {
			got := e.Type
			if e.Kind != "func" {
				got = "a " + e.Kind
			}
			return &SignatureError{Name: e.Name, Got: got}
		}
		found = found || e.Name == name
		if isEntry && e.Name != InitializeFunction {
			could = append(could, e.Name)
		}
	}
	if !found {
		return &MissingExportError{Name: name, Functions: could}
	}
	return nil
}

// others lists the registered engines, other than name, that declare need for format.
func others(name string, format wasi.Format, need Capabilities) []string {
	var list []string
	for _, d := range List() {
		if d.Name != name && d.can(format, need) == nil {
			list = append(list, d.Name)
		}
	}
	return list
}

// RefuseFormat is the error of an engine's Compile for a format that it does not run: an *UnsupportedError that names the
// engines which run it. What is no WebAssembly at all never comes so far: [Source.Load] refuses it.
func RefuseFormat(engine string, format wasi.Format) error {
	return &UnsupportedError{Engine: engine, Format: format, Others: others(engine, format, Capabilities{})}
}
