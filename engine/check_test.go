package engine

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestNeeds(t *testing.T) {
	ends, cancel := context.WithCancel(t.Context())
	defer cancel()
	endless := context.WithoutCancel(t.Context())
	for name, tt := range map[string]struct {
		ctx    context.Context
		format wasi.Format
		cfg    *wasi.Config
		want   string
	}{
		"nothing":             {endless, wasi.FormatModule, &wasi.Config{}, ""},
		"nil":                 {endless, wasi.FormatModule, nil, ""},
		"a context that ends": {ends, wasi.FormatModule, nil, "interrupt"},
		"args and env":        {endless, wasi.FormatModule, &wasi.Config{Args: []string{"a"}, Env: []string{"A=1"}}, ""},
		"entrypoint":          {endless, wasi.FormatModule, &wasi.Config{Entrypoint: "f"}, "entrypoint"},
		"_start":              {endless, wasi.FormatModule, &wasi.Config{Entrypoint: "_start"}, ""},
		"_start, component":   {endless, wasi.FormatComponent, &wasi.Config{Entrypoint: "_start"}, "entrypoint"},
		"memory":              {endless, wasi.FormatModule, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 1}}, "memory-limit"},
		"dir":                 {endless, wasi.FormatModule, &wasi.Config{Dir: "/a"}, "workdir"},
		"dir /":               {endless, wasi.FormatModule, &wasi.Config{Dir: "/"}, ""},
		"stdin":               {endless, wasi.FormatModule, &wasi.Config{Stdin: os.Stdin}, "streams"},
		"stdout":              {endless, wasi.FormatModule, &wasi.Config{Stdout: os.Stdout}, "streams"},
		"stderr":              {endless, wasi.FormatModule, &wasi.Config{Stderr: os.Stderr}, "streams"},
		"listeners":           {endless, wasi.FormatModule, &wasi.Config{Listeners: []wasi.Listener{{}}}, "listeners"},
		"mount":               {endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", Host: "/x"}), "mounts"},
		"read-only":           {endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", Host: "/x", ReadOnly: true}), "mount-readonly,mounts"},
		"open":                {endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", File: os.Stdin}), "mount-open,mounts"},
		"hidden":              {endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", Hidden: true}), "mount-hidden"},
		"tmpfs":               {endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", Tmpfs: &wasi.Tmpfs{}}), "mount-tmpfs"},
		"two beside":          {endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", Host: "/x"}, wasi.Mount{Guest: "/ab", Host: "/x"}), "mounts"},
		"beneath": {
			endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a", Host: "/x"}, wasi.Mount{Guest: "/a/b/c", Host: "/x"}), "mount-nested,mounts",
		},
		"beneath, listed first": {
			endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/a/b", Host: "/x"}, wasi.Mount{Guest: "/a", Host: "/x"}), "mount-nested,mounts",
		},
		"beneath /": {
			endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/", Host: "/x"}, wasi.Mount{Guest: "/a", Host: "/x"}), "mount-nested,mounts",
		},
		"hidden beneath": {
			endless, wasi.FormatModule, mounts(wasi.Mount{Guest: "/", Host: "/x"}, wasi.Mount{Guest: "/a", Hidden: true}), "mount-hidden,mount-nested,mounts",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Needs(tt.ctx, tt.format, tt.cfg).String(); got != tt.want {
				t.Errorf("needs %q, want %q", got, tt.want)
			}
		})
	}
}

func mounts(m ...wasi.Mount) *wasi.Config { return &wasi.Config{Mounts: m} }

func TestCheck(t *testing.T) {
	emptyRegistry(t, available("able", Entrypoint, Mounts), available("mod", Mounts))
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(Signal(15))
	endless := context.WithoutCancel(t.Context())
	entry := func(name string) Extern { return Extern{Name: name, Kind: "func", Type: EntrypointType} }
	module := ModuleInfo{
		Engine: "mod", Format: wasi.FormatModule, MemoryBytes: 2 * wasi.PageSize,
		Exports: []Extern{
			entry("_start"), entry("_initialize"), {Name: "f", Kind: "func", Type: "(i32) -> ()"}, {Name: "memory", Kind: "memory"}, entry("g"),
		},
		Capabilities: NewCapabilities(Mounts, MemoryLimit),
	}
	able := module
	able.Capabilities = NewCapabilities(AllCapabilities()...)
	reactor := able
	reactor.Exports = []Extern{{Name: "_initialize", Kind: "func", Type: "() -> (i32)"}, entry("g")}
	empty := able
	empty.Exports = nil
	component := able
	component.Format, component.Exports = wasi.FormatComponent, nil
	for name, tt := range map[string]struct {
		ctx  context.Context
		m    ModuleInfo
		cfg  *wasi.Config
		want error // nil, or of this type and content
		says string
	}{
		"nil config":  {endless, module, nil, nil, ""},
		"zero config": {endless, module, &wasi.Config{}, nil, ""},
		"ended":       {ended, able, &wasi.Config{Args: []string{"\x00"}}, &StoppedError{context.Canceled, Signal(15)}, "stopped: signal 15"},
		"invalid": {
			endless, module, &wasi.Config{Dir: "x", Entrypoint: "f"},
			nil, `wasi: Dir "x": is not a clean absolute slash-separated path`,
		},
		"unsupported": {
			endless, module, &wasi.Config{Entrypoint: "g"},
			&UnsupportedError{"mod", wasi.FormatModule, NewCapabilities(Entrypoint), []string{"able"}},
			"engine: mod has not what this run needs for format module: entrypoint (an entrypoint of one's choice); engines that can: able",
		},
		"unsupported by all": {
			endless, module, &wasi.Config{Entrypoint: "g", Dir: "/x"},
			&UnsupportedError{"mod", wasi.FormatModule, NewCapabilities(Entrypoint, WorkDir), nil},
			"engine: mod has not what this run needs for format module: entrypoint (an entrypoint of one's choice), workdir (a working directory)" +
				"; no engine in this program can",
		},
		"unsupported before missing": {
			endless, module, &wasi.Config{Entrypoint: "nowhere"},
			&UnsupportedError{"mod", wasi.FormatModule, NewCapabilities(Entrypoint), []string{"able"}}, "",
		},
		"entrypoint": {endless, able, &wasi.Config{Entrypoint: "g"}, nil, ""},
		"missing": {
			endless, able, &wasi.Config{Entrypoint: "nowhere"},
			&MissingExportError{"nowhere", []string{"_start", "g"}},
			`engine: the module does not export "nowhere"; it could be started at _start, g`,
		},
		"nothing to start": {
			endless, empty, nil, &MissingExportError{"_start", nil},
			`engine: the module does not export "_start", nor any function that could be an entrypoint`,
		},
		"parameters": {
			endless, able, &wasi.Config{Entrypoint: "f"}, &SignatureError{"f", "(i32) -> ()"},
			`engine: the entrypoint "f" is (i32) -> (), but an entrypoint takes and returns nothing: () -> ()`,
		},
		"no function": {endless, able, &wasi.Config{Entrypoint: "memory"}, &SignatureError{"memory", "a memory"}, ""},
		"_initialize": {
			endless, reactor, &wasi.Config{Entrypoint: "g"}, &SignatureError{"_initialize", "() -> (i32)"}, "",
		},
		"a component's entrypoint is its engine's matter": {endless, component, &wasi.Config{Entrypoint: "x"}, nil, ""},
		"limit": {
			endless, module, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 2*wasi.PageSize - 1}},
			&MemoryLimitError{2 * wasi.PageSize, wasi.PageSize},
			"engine: the module starts with 131072 bytes of memory, more than the limit of 65536: raise the memory limit",
		},
		"just within the limit": {endless, module, &wasi.Config{Limits: wasi.Limits{MemoryBytes: 2 * wasi.PageSize}}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(tt.ctx, tt.m, tt.cfg)
			if tt.want == nil && tt.says == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || tt.want != nil && !reflect.DeepEqual(err, tt.want) || tt.says != "" && err.Error() != tt.says {
				t.Errorf("got  %v (%#v)\nwant %s (%#v)", err, err, tt.says, tt.want)
			}
		})
	}
}

func TestRefuseFormat(t *testing.T) {
	emptyRegistry(t, Driver{
		Name: "other", Open: available("other").Open,
		Capabilities: FormatCapabilities{wasi.FormatComponent: {}},
	})
	for wasm, want := range map[string]string{
		"\x00asm\x0d\x00\x01\x00": "engine: mod does not run the format component; engines that can: other",
		"(module)":                "engine: mod does not run the format text; no engine in this program can: assemble it first, for example with wat2wasm",
		"WAZERO":                  "engine: mod does not run the format precompiled; precompiled code is never run from a file: give the module it was made of",
	} {
		src := FromBytes([]byte(wasm))
		content, err := src.Load(100)
		if err != nil {
			t.Fatal(err)
		}
		err = RefuseFormat("mod", content.Format)
		if err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if ExitCode(err) != 126 {
			t.Errorf("%v: exit status %d, want 126", err, ExitCode(err))
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v is not errors.ErrUnsupported", err)
		}
	}
}

// TestNeedsEveryCapability checks that no request is forgotten: every capability that a Config can ask for is asked for.
func TestNeedsEveryCapability(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	everything := Needs(ctx, wasi.FormatModule, &wasi.Config{
		Entrypoint: "f", Dir: "/a", Stdin: strings.NewReader(""), Listeners: []wasi.Listener{{}}, Limits: wasi.Limits{MemoryBytes: 1},
		Mounts: []wasi.Mount{
			{Guest: "/", Host: "/x", ReadOnly: true}, {Guest: "/a", File: os.Stdin}, {Guest: "/b", Hidden: true}, {Guest: "/c", Tmpfs: &wasi.Tmpfs{}},
		},
	})
	notInConfig := []Capability{MountFile, Unchecked} // found when it is opened; an option of Open
	if missing := everything.Missing(NewCapabilities(AllCapabilities()...)).List(); !slices.Equal(missing, notInConfig) {
		t.Errorf("nothing asks for %q, want %q", missing, notInConfig)
	}
}
