package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// delegation is one as a program makes it.
func delegation() Delegation {
	return Delegation{
		Runner: "/usr/local/libexec/wasmoci/runner-wazero",
		Code:   "/run/wasmoci/4c1f/code",
		Name:   "hello.wasm",
		First:  3,
		Env:    []string{"WASMOCI_RUNNER=3"},
		Hook:   []string{"/usr/local/bin/wasmoci", "hook", "4c1f"},
		Need:   Need{Pids: 12, OpenFiles: 32, AddressSpace: 1 << 30, Data: 1 << 28, FileSize: 1, Memory: 20 << 20},
	}
}

// testBundle is a bundle as LoadBundle reads it from one of the specs in testdata.
func testBundle(tb testing.TB, name string) *Bundle {
	tb.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	return &Bundle{Dir: "/bundle", Spec: testSpec(tb, name), config: string(data)}
}

// TestDerive compares what is derived from specs that clients write.
func TestDerive(t *testing.T) {
	for _, name := range []string{"runc", "podman", "podman-readonly", "podman-dev", "containerd", "ctr"} {
		t.Run(name, func(t *testing.T) {
			b, pristine := testBundle(t, name), testSpec(t, name)
			d, err := b.Derive(delegation())
			if err != nil {
				t.Fatal(err)
			}
			var config bytes.Buffer
			if err := json.Indent(&config, d.JSON, "", "\t"); err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(map[string]any{
				"config.json": json.RawMessage(d.JSON), "config": d.Config, "account": d.Account,
				"executable": d.Executable, "code": d.Code, "byDescriptor": d.ByDescriptor,
			}, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, name+".derived.golden", append(got, '\n'))
			if !reflect.DeepEqual(b.Spec, pristine) {
				t.Error("the bundle has changed")
			}
			if err := d.Config.Validate(); err != nil {
				t.Error(err)
			}
			if derived := specOf(t, d); derived.Version != pristine.Version {
				t.Errorf("ociVersion %s, was %s", derived.Version, pristine.Version)
			}
		})
	}
}

// specOf is what was derived, which encoding/json has to read as well.
func specOf(t *testing.T, d *Derived) *specs.Spec {
	t.Helper()
	spec, err := d.Spec()
	if err != nil {
		t.Fatalf("the derived JSON: %v: %s", err, d.JSON)
	}
	if other := new(specs.Spec); json.Unmarshal(d.JSON, other) != nil || !reflect.DeepEqual(spec, other) {
		t.Fatalf("got %+v, encoding/json reads %+v", spec, other)
	}
	return spec
}

// TestDeriveKeeps: what Go's types lose of a config.json is there still, and what they do not is untouched.
func TestDeriveKeeps(t *testing.T) {
	b, err := LoadBundle(writeBundle(t, `{
		"ociVersion": "1.0.0", "future": {"a": [1, 1e3]}, "process.args": ["decoy"],
		"process": {"args": ["/a.wasm", "<&>"], "cwd": "/", "later": true, "env": null, "capabilities": {"bounding": []},
			"rlimits": [{"type": "RLIMIT_CORE", "hard": 18446744073709551615, "soft": 18446744073709551615}]},
		"root": {"path": "rootfs", "idmap": "x"},
		"mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}, {"destination": "data", "source": "vol/../data", "options": ["rbind"], "more": 1}],
		"annotations": {"run.oci.handler": "wasmtime", "run.oci.keep_original_groups": "1", "a": ""},
		"hooks": {"createRuntime": [{"path": "/h", "quick": true, "env": ["A=1"], "timeout": 3}], "startContainer": [{"path": "h", "args": ["h"]}], "soon": []},
		"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "flags": [], "listener": 9}, "namespaces": [{"type": "mount"}]}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	d, err := b.Derive(delegation())
	if err != nil {
		t.Fatal(err)
	}
	want := `{
		"ociVersion": "1.0.0", "future": {"a": [1, 1e3]}, "process.args": ["decoy"],
		"process": {"args": ["/dev/.wasmoci/hello.wasm", "<&>"], "cwd": "/", "later": true, "env": ["WASMOCI_RUNNER=3"], "capabilities": {"bounding": []},
			"rlimits": [{"type": "RLIMIT_CORE", "hard": 18446744073709551615, "soft": 18446744073709551615}]},
		"root": {"path": "` + b.Dir + `/rootfs", "idmap": "x"},
		"mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}, {"destination": "data", "source": "` + b.Dir + `/data", "options": ["rbind"], "more": 1},
			{"destination": "/dev/.wasmoci", "type": "bind", "source": "/run/wasmoci/4c1f/code", "options": ["bind", "rprivate", "ro", "nosuid", "nodev"]},
			{"destination": "/dev/.wasmoci/hello.wasm", "type": "bind", "source": "/usr/local/libexec/wasmoci/runner-wazero", "options": ["bind", "rprivate", "ro", "nosuid", "nodev"]}],
		"annotations": {"run.oci.keep_original_groups": "1", "a": ""},
		"hooks": {"createRuntime": [{"path": "/usr/local/bin/wasmoci", "args": ["/usr/local/bin/wasmoci", "hook", "4c1f", "--", "/h"], "quick": true, "env": ["A=1"], "timeout": 3}],
			"startContainer": [{"path": "h", "args": ["h"]}], "soon": []},
		"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "flags": [], "listener": 9}, "namespaces": [{"type": "mount"}]}
	}`
	if !reflect.DeepEqual(tree(t, d.JSON), tree(t, []byte(want))) {
		t.Errorf("got  %s\nwant %s", d.JSON, want)
	}
	for field, v := range map[string]Verdict{
		"future": Ignored, "hooks.createRuntime": Enforced, "hooks.startContainer": Limited, "annotations[run.oci.handler]": Enforced,
		"annotations[run.oci.keep_original_groups]": Enforced, "process": Granted,
	} {
		if e := entry(&Plan{Account: d.Account}, field); e.Verdict != v || e.Reason == "" {
			t.Errorf("%s: %+v, want %s", field, e, v)
		}
	}
}

// tree is JSON with its numbers as they are written.
func tree(t *testing.T, data []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDeriveGoesBySpec: a spec that was made or changed by the caller is what counts, not the file it once was.
func TestDeriveGoesBySpec(t *testing.T) {
	b := testBundle(t, "podman-readonly")
	b.Spec.Hooks, b.Spec.Mounts = nil, b.Spec.Mounts[4:]
	d, err := b.Derive(delegation())
	if err != nil {
		t.Fatal(err)
	}
	if derived := specOf(t, d); derived.Hooks != nil || len(derived.Mounts) != len(b.Spec.Mounts)+2 {
		t.Errorf("got %d mounts, hooks %+v", len(derived.Mounts), derived.Hooks)
	}
	b.Spec.Hostname = "a\xff"
	if _, err := b.Derive(delegation()); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("a text that no JSON can hold: %v", err)
	}
	b.Spec.Hostname = "a\ufffd\\ufffd"
	if d, err := b.Derive(delegation()); err != nil || specOf(t, d).Hostname != b.Spec.Hostname {
		t.Errorf("%v", err)
	}
}

// deriving is a small spec that can be derived from.
func deriving() *specs.Spec {
	spec := minimal()
	spec.Root.Path = "/rootfs"
	spec.Mounts = []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "mode=755"}},
	}
	return spec
}

// TestDeriveLibraries: a runner with libraries has them mounted, or is refused.
func TestDeriveLibraries(t *testing.T) {
	with := delegation()
	with.Libraries = "/libexec/lib-wasmedge"
	b := &Bundle{Dir: "/bundle", Spec: deriving()}
	d, err := b.Derive(with)
	if err != nil {
		t.Fatal(err)
	}
	want := specs.Mount{Destination: LibraryPath, Type: "bind", Source: with.Libraries, Options: []string{"bind", "rprivate", "ro", "nosuid", "nodev"}}
	if got := specOf(t, d).Mounts; len(got) != len(b.Spec.Mounts)+3 || !reflect.DeepEqual(got[len(got)-1], want) {
		t.Errorf("mounts %+v", got)
	}
	b.Spec.Mounts = b.Spec.Mounts[:1]
	if _, err := b.Derive(with); specErrors(err)["mounts"] == nil || !strings.Contains(err.Error(), "shared libraries") {
		t.Errorf("by descriptor: %v", err)
	}
	for name, edit := range map[string]func(*Delegation){
		"relative":            func(d *Delegation) { d.Libraries = "lib" },
		"the name of a guest": func(d *Delegation) { d.Name = ".lib" },
	} {
		wrong := with
		edit(&wrong)
		if _, err := (&Bundle{Dir: "/bundle", Spec: deriving()}).Derive(wrong); err == nil || !strings.Contains(err.Error(), "librar") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunnersPlace(t *testing.T) {
	const mount, descriptor = "/dev/.wasmoci/hello.wasm", "/proc/self/fd/7"
	bind := func(source, dest string) specs.Mount {
		return specs.Mount{Destination: dest, Type: "bind", Source: source, Options: []string{"rbind"}}
	}
	add := func(m ...specs.Mount) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Mounts = append(s.Mounts, m...) }
	}
	devOptions := func(o ...string) func(*specs.Spec) { return func(s *specs.Spec) { s.Mounts[1].Options = o } }
	masked := func(names ...string) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux = &specs.Linux{MaskedPaths: names} }
	}
	both := func(edits ...func(*specs.Spec)) func(*specs.Spec) {
		return func(s *specs.Spec) {
			for _, edit := range edits {
				edit(s)
			}
		}
	}
	noDev := func(s *specs.Spec) { s.Mounts = s.Mounts[:1] }
	noProc := func(s *specs.Spec) { s.Mounts = s.Mounts[1:] }
	tests := map[string]struct {
		edit  func(*specs.Spec)
		want  string // the executable, or
		field string // the field that is rejected
		text  string
	}{
		"as ever":                      {func(*specs.Spec) {}, mount, "", ""},
		"no proc":                      {noProc, mount, "", ""},
		"a read-only /dev":             {devOptions("ro"), mount, "", ""},
		"mounts beneath /dev":          {add(bind("/x", "/dev/shm"), specs.Mount{Destination: "dev//pts/", Type: "devpts"}), mount, "", ""},
		"a mount with a similar name":  {add(bind("/x", "/dev/.wasmoci2")), mount, "", ""},
		"a masked neighbour":           {masked("/dev/x", "/proc/kcore"), mount, "", ""},
		"no /dev":                      {noDev, descriptor, "", ""},
		"the host's /dev":              {add(bind("/dev", "/dev")), descriptor, "", ""},
		"the host's /dev, unclean":     {add(bind("/dev", "dev/x/..")), descriptor, "", ""},
		"a volume at /dev, then tmpfs": {add(bind("/v", "/dev"), specs.Mount{Destination: "/dev", Type: "tmpfs"}), mount, "", ""},
		"a tmpfs with bind":            {devOptions("bind"), descriptor, "", ""},
		"devtmpfs":                     {func(s *specs.Spec) { s.Mounts[1].Type = "devtmpfs" }, descriptor, "", ""},
		"/dev with the image's":        {devOptions("tmpcopyup"), descriptor, "", ""},
		"/dev for root":                {devOptions("mode=0700"), descriptor, "", ""},
		"/dev with a bad mode":         {devOptions("mode=x"), descriptor, "", ""},
		"/dev masked":                  {masked("/dev/"), descriptor, "", ""},
		"/dev a read-only path":        {func(s *specs.Spec) { s.Linux = &specs.Linux{ReadonlyPaths: []string{"/x", "/dev"}} }, descriptor, "", ""},
		"the host's proc":              {both(noDev, func(s *specs.Spec) { s.Mounts[0] = bind("/proc", "/proc") }), descriptor, "", ""},
		"neither":                      {both(noProc, add(bind("/dev", "/dev"))), "", "mounts", "mounts[1] at /dev is no tmpfs of its own, and nothing is mounted at /proc"},
		"neither, a volume at /proc":   {both(noDev, add(bind("/v", "/proc"))), "", "mounts", "mounts[1] at /proc is no proc"},
		"neither, sysfs at /proc":      {both(noDev, func(s *specs.Spec) { s.Mounts[0].Type = "sysfs" }), "", "mounts", "no proc"},
		"neither, proc masked":         {both(noDev, masked("/proc")), "", "mounts", "/proc is masked"},
		"neither, fd masked":           {both(noDev, masked("/proc/self/fd")), "", "mounts", "/proc/self/fd is masked"},
		"neither, fd covered":          {both(noDev, add(bind("/v", "/proc/self"))), "", "mounts", "covers /proc/self"},
		"neither, no links":            {both(noDev, func(s *specs.Spec) { s.Mounts[0].Options = []string{"nosymfollow"} }), "", "mounts", "nosymfollow"},
		"no mounts":                    {func(s *specs.Spec) { s.Mounts = nil }, "", "mounts", "nothing is mounted at /dev, and nothing is mounted at /proc: mount a tmpfs"},
		"the place itself":             {add(bind("/x", "/dev/.wasmoci")), "", "mounts[2].destination", "place of the guest's runner"},
		"in the place":                 {add(bind("/x", "/dev/./.wasmoci//y")), "", "mounts[2].destination", "choose another"},
		"in the place, by descriptor":  {both(noDev, add(bind("/x", "/dev/.wasmoci/y"))), "", "mounts[1].destination", "choose another"},
		"a device at the place": {func(s *specs.Spec) {
			s.Linux = &specs.Linux{Devices: []specs.LinuxDevice{{Path: "/dev/.wasmoci", Type: "c"}}}
		}, "", "linux.devices[0].path", "choose"},
		"the place masked":    {masked("/x", "/dev/.wasmoci/hello.wasm"), "", "linux.maskedPaths[1]", "choose"},
		"the place read-only": {func(s *specs.Spec) { s.Linux = &specs.Linux{ReadonlyPaths: []string{"dev/.wasmoci"}} }, "", "linux.readonlyPaths[0]", "choose"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := deriving()
			tt.edit(spec)
			d, err := (&Bundle{Dir: "/bundle", Spec: spec}).Derive(delegation())
			if tt.want == "" {
				rejected := specErrors(err)[tt.field]
				if rejected == nil || !strings.Contains(err.Error(), tt.text) || len(specErrors(err)) != 1 {
					t.Errorf("err = %v, want one for %s with %q", err, tt.field, tt.text)
				}
				if e := entry(&Plan{Account: d.Account}, tt.field); e.Verdict != Rejected || d.JSON != nil || len(d.Config.Mounts) > 0 {
					t.Errorf("%+v; %+v", e, d)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			hidden := slices.ContainsFunc(d.Config.Mounts, func(m wasi.Mount) bool { return m.Guest == "/dev/.wasmoci" && m.Hidden })
			derived := specOf(t, d)
			mounted := len(derived.Mounts) == len(spec.Mounts)+2
			if by := tt.want == descriptor; d.Executable != tt.want || d.ByDescriptor != by || hidden == by || mounted == by || derived.Process.Args[0] != tt.want {
				t.Errorf("got %s %s, by descriptor %t, hidden %t, mounted %t", d.Executable, d.Code, d.ByDescriptor, hidden, mounted)
			}
		})
	}
}

func TestDeriveNeeds(t *testing.T) {
	resources := func(r specs.LinuxResources) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux = &specs.Linux{Resources: &r} }
	}
	memory := func(n int64) func(*specs.Spec) {
		return resources(specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &n}})
	}
	pids := func(n int64) func(*specs.Spec) {
		return resources(specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &n}})
	}
	unified := func(kv ...string) func(*specs.Spec) {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		limit := int64(64 << 20)
		return resources(specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}, Unified: m})
	}
	rlimit := func(kind string, soft uint64) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CPU"}, {Type: kind, Soft: soft, Hard: math.MaxUint64}}
		}
	}
	const soft = "process.rlimits[1].soft"
	tests := map[string]struct {
		edit   func(*specs.Spec)
		field  string // that is rejected; "" for none
		text   string
		memory uint64
	}{
		"none":                  {func(*specs.Spec) {}, "", "", 0},
		"memory":                {memory(64 << 20), "", "", 44 << 20},
		"memory, unlimited":     {memory(-1), "", "", 0},
		"memory, unset":         {memory(0), "", "", 0},
		"memory, just enough":   {memory(20<<20 + 64<<10), "", "", 64 << 10},
		"memory, too little":    {memory(20<<20 + 64<<10 - 1), "linux.resources.memory.limit", "set 21037056 or more", 0},
		"memory, not a page":    {memory(1), "linux.resources.memory.limit", "21037056", 0},
		"memory.max":            {unified("memory.max", "32M"), "", "", 12 << 20},
		"memory.max, higher":    {unified("memory.max", "128M"), "", "", 44 << 20},
		"memory.max, max":       {unified("memory.max", "max"), "", "", 44 << 20},
		"memory.max, too low":   {unified("memory.max", "1000"), "linux.resources.unified[memory.max]", "21037056", 0},
		"memory.max, zero":      {unified("memory.max", "0"), "linux.resources.unified[memory.max]", "21037056", 0},
		"memory.max, no size":   {unified("memory.max", "much"), "linux.resources.unified[memory.max]", "neither", 0},
		"pids":                  {pids(12), "", "", 0},
		"pids, too few":         {pids(11), "linux.resources.pids.limit", "set 12 or more", 0},
		"pids, one":             {pids(1), "linux.resources.pids.limit", "12", 0},
		"pids, unset":           {pids(0), "", "", 0},
		"pids, unlimited":       {pids(-1), "", "", 0},
		"pids.max":              {unified("pids.max", "12"), "", "", 44 << 20},
		"pids.max, max":         {unified("pids.max", "max"), "", "", 44 << 20},
		"pids.max, too few":     {unified("pids.max", "0"), "linux.resources.unified[pids.max]", "12", 0},
		"pids.max, no number":   {unified("pids.max", "-1"), "linux.resources.unified[pids.max]", "neither", 0},
		"NPROC":                 {rlimit("RLIMIT_NPROC", 12), "", "", 0},
		"NPROC, too few":        {rlimit("RLIMIT_NPROC", 11), soft, "set 12 or more", 0},
		"NOFILE, too few":       {rlimit("RLIMIT_NOFILE", 31), soft, "32", 0},
		"NOFILE, none":          {rlimit("RLIMIT_NOFILE", 0), soft, "32", 0},
		"NOFILE, infinite":      {rlimit("RLIMIT_NOFILE", math.MaxUint64), "", "", 0},
		"AS, too little":        {rlimit("RLIMIT_AS", 1<<30-1), soft, "1073741824", 0},
		"DATA, too little":      {rlimit("RLIMIT_DATA", 1), soft, "268435456", 0},
		"FSIZE, too little":     {rlimit("RLIMIT_FSIZE", 0), soft, "1", 0},
		"one that is not asked": {rlimit("RLIMIT_STACK", 0), "", "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := deriving()
			tt.edit(spec)
			d, err := (&Bundle{Spec: spec}).Derive(delegation())
			if tt.field != "" {
				if e := specErrors(err)[tt.field]; e == nil || !strings.Contains(e.Error(), tt.text) || e.ExitStatus() != 126 || len(specErrors(err)) != 1 {
					t.Errorf("err = %v, want one for %s with %q", err, tt.field, tt.text)
				}
				return
			}
			if err != nil || d.Config.Limits.MemoryBytes != tt.memory {
				t.Errorf("%d bytes, want %d; %v", d.Config.Limits.MemoryBytes, tt.memory, err)
			}
			if _, err := (&Bundle{Spec: spec}).Derive(Delegation{Runner: "/r", Code: "/c", Name: "n", First: 3}); err != nil {
				t.Errorf("a runner that needs nothing: %v", err)
			}
		})
	}
}

func TestDeriveRejects(t *testing.T) {
	tests := map[string]struct {
		edit func(*specs.Spec)
		want map[string]string
	}{
		"no process":   {func(s *specs.Spec) { s.Process = nil }, map[string]string{"process": "missing"}},
		"no root":      {func(s *specs.Spec) { s.Root = nil }, map[string]string{"root": "missing"}},
		"another kind": {func(s *specs.Spec) { s.VM = &specs.VM{Kernel: specs.VMKernel{Path: "/k"}} }, map[string]string{"vm": "another kind"}},
		"relative": {func(s *specs.Spec) {
			s.Root.Path = "rootfs"
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Source: "a", Options: []string{"bind"}})
		}, map[string]string{"root.path": "relative to the bundle", "mounts[2].source": "relative to the bundle"}},
		"hooks": {func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/a"}, {Path: "b"}}, Poststop: []specs.Hook{{}}, StartContainer: []specs.Hook{{Path: "c"}}}
		}, map[string]string{"hooks.createRuntime[1].path": "absolute", "hooks.poststop[0].path": "absolute"}},
		"all at once": {func(s *specs.Spec) {
			s.Process.Cwd, s.Mounts, s.Process.Rlimits = "x", nil, []specs.POSIXRlimit{{Type: "RLIMIT_NPROC"}}
		}, map[string]string{"process.cwd": "absolute", "mounts": "no place", "process.rlimits[0].soft": "12"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := deriving()
			tt.edit(spec)
			d, err := (&Bundle{Spec: spec}).Derive(delegation())
			rejected := specErrors(err)
			if len(rejected) != len(tt.want) || d.JSON != nil {
				t.Errorf("err = %v, want %d errors", err, len(tt.want))
			}
			for field, text := range tt.want {
				if e := rejected[field]; e == nil || !strings.Contains(e.Error(), text) {
					t.Errorf("err = %v, want one for %s with %q", err, field, text)
				}
				if e := entry(&Plan{Account: d.Account}, field); e.Verdict != Rejected {
					t.Errorf("the account has %+v", e)
				}
			}
		})
	}
	if _, err := (&Bundle{}).Derive(delegation()); err == nil {
		t.Error("no spec was taken")
	}
}

func TestDelegationRejected(t *testing.T) {
	tests := map[string]struct {
		edit func(*Delegation)
		want string
	}{
		"no runner":       {func(d *Delegation) { d.Runner = "" }, "runner"},
		"relative runner": {func(d *Delegation) { d.Runner = "r" }, "runner"},
		"NUL":             {func(d *Delegation) { d.Runner = "/\x00" }, "runner"},
		"relative code":   {func(d *Delegation) { d.Code = "c" }, "code"},
		"no name":         {func(d *Delegation) { d.Name = "" }, "name"},
		"parent":          {func(d *Delegation) { d.Name = ".." }, "name"},
		"a path":          {func(d *Delegation) { d.Name = "a/b" }, "name"},
		"a long name":     {func(d *Delegation) { d.Name = strings.Repeat("n", 256) }, "name"},
		"standard error":  {func(d *Delegation) { d.First = 2 }, "first descriptor"},
		"environment":     {func(d *Delegation) { d.Env = []string{"A"} }, "KEY=value"},
		"empty hook":      {func(d *Delegation) { d.Hook = []string{} }, "hook"},
		"relative hook":   {func(d *Delegation) { d.Hook = []string{"h"} }, "hook"},
		"negative need":   {func(d *Delegation) { d.Need.Data = -1 }, "negative"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := delegation()
			tt.edit(&d)
			derived, err := (&Bundle{Spec: deriving()}).Derive(d)
			if err == nil || !strings.Contains(err.Error(), tt.want) || derived == nil || errors.As(err, new(*SpecError)) {
				t.Errorf("err = %v, want %q and nobody's spec to blame", err, tt.want)
			}
		})
	}
}

func TestDerivedProcess(t *testing.T) {
	spec := deriving()
	limit := int64(64 << 20)
	spec.Linux = &specs.Linux{Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}}
	p := &specs.Process{
		Args: []string{"other.wasm#f", "x"}, Env: []string{"A=1"}, Cwd: "/srv", Terminal: true,
		User: specs.User{UID: 7}, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 64}},
	}
	for name, tt := range map[string]struct {
		mounts     []specs.Mount
		executable string
	}{
		"by mount":      {spec.Mounts, "/dev/.wasmoci/hello.wasm"},
		"by descriptor": {spec.Mounts[:1], "/proc/self/fd/9"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := *spec
			spec.Mounts = tt.mounts
			d, err := (&Bundle{Spec: &spec}).Derive(delegation())
			if err != nil {
				t.Fatal(err)
			}
			spec.Mounts = nil // what was derived stays
			got, config, err := d.Process(p, 5, []string{"WASMOCI_RUNNER=5"})
			if err != nil {
				t.Fatal(err)
			}
			want := *p
			want.Args, want.Env = []string{tt.executable, "x"}, []string{"WASMOCI_RUNNER=5"}
			if !reflect.DeepEqual(got, &want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if executable, code := d.Paths(5); executable != tt.executable || d.ByDescriptor != (code == "/proc/self/fd/10") {
				t.Errorf("%s, %s", executable, code)
			}
			wantConfig := wasi.Config{
				Entrypoint: "f", Args: []string{"other.wasm", "x"}, Env: []string{"A=1"}, Dir: "/srv",
				Mounts: d.Config.Mounts, Limits: wasi.Limits{MemoryBytes: 44 << 20},
			}
			if !reflect.DeepEqual(config, wantConfig) {
				t.Errorf("got  %+v\nwant %+v", config, wantConfig)
			}
			got.Args[1], got.Rlimits[0].Soft, config.Mounts[0].Guest = "scribble", 1, "scribble"
			if p.Args[1] != "x" || p.Rlimits[0].Soft != 64 || d.Config.Mounts[0].Guest != "/" {
				t.Error("the process shares something")
			}
		})
	}

	d, err := (&Bundle{Spec: spec}).Derive(delegation())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		p     *specs.Process
		first int
		env   []string
		field string
		text  string
	}{
		"no process": {nil, 3, nil, "process", "missing"},
		"no args":    {&specs.Process{Cwd: "/"}, 3, nil, "process.args", "empty"},
		"no cwd":     {&specs.Process{Args: []string{"a"}}, 3, nil, "process.cwd", "missing"},
		"a limit":    {&specs.Process{Args: []string{"a"}, Cwd: "/", Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 1}}}, 3, nil, "process.rlimits[0].soft", "12"},
		"first":      {p, 0, nil, "", "first descriptor"},
		"env":        {p, 3, []string{"=A"}, "", "KEY=value"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := d.Process(tt.p, tt.first, tt.env)
			if err == nil || !strings.Contains(err.Error(), tt.text) || got != nil {
				t.Errorf("got %+v, %v; want %q", got, err, tt.text)
			}
			if e := specErrors(err)[tt.field]; (e != nil) != (tt.field != "") {
				t.Errorf("err = %v, want it for %q", err, tt.field)
			}
		})
	}
	if _, _, err := new(Derived).Process(p, 3, nil); err == nil {
		t.Error("nothing was derived, and a process made of it")
	}
}

// TestDeriveIsConcurrent derives and makes processes of one bundle at once, for the race detector.
func TestDeriveIsConcurrent(t *testing.T) {
	b := testBundle(t, "podman-readonly")
	done := make(chan error)
	for range 4 {
		go func() {
			d, err := b.Derive(delegation())
			if err == nil {
				_, _, err = d.Process(b.Spec.Process, 3, nil)
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzDerive(f *testing.F) {
	for _, name := range []string{"runc", "podman", "podman-readonly", "podman-dev", "containerd", "ctr"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "hello.wasm", true)
		f.Add(data, "a b", false)
	}
	f.Add([]byte(`{"ociVersion":"1.0","process":{"args":["a"],"cwd":"/"},"root":{"path":"r"},"mounts":[{"destination":"dev","type":"tmpfs"},null],"hooks":{"prestart":[null]}}`), "x", true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, name string, hook bool) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		b, err := LoadBundle(dir)
		if err != nil {
			return
		}
		how := delegation()
		how.Name = name
		if !hook {
			how.Hook = nil
		}
		d, err := b.Derive(how)
		for _, e := range d.Account {
			if e.Field == "" || e.Reason == "" || int(e.Verdict) >= len(verdictNames) {
				t.Errorf("entry %+v", e)
			}
		}
		plan, planErr := b.Plan(Options{Where: Entered, GOOS: "linux"})
		if err != nil {
			if d.JSON != nil || d.Config.Args != nil || d.Config.Mounts != nil {
				t.Errorf("%v, but also %+v", err, d)
			}
			return
		}
		if planErr != nil {
			t.Fatalf("derived, but not planned: %v", planErr)
		}
		complete(t, b.Spec, &Plan{Account: d.Account[:len(d.Account)-1]}) // without the process that is there instead
		derived := specOf(t, d)
		if err := d.Config.Validate(); err != nil {
			t.Error(err)
		}

		// The guest is granted what the plan grants it, but for the runner's place.
		granted := slices.DeleteFunc(slices.Clone(d.Config.Mounts), func(m wasi.Mount) bool { return m == wasi.Mount{Guest: runnerPlace, Hidden: true} })
		if !reflect.DeepEqual(granted, plan.Config.Mounts) || len(d.Config.Mounts)-len(granted) != len(derived.Mounts)-len(b.Spec.Mounts)-1 && !d.ByDescriptor {
			t.Errorf("granted %+v, planned %+v", d.Config.Mounts, plan.Config.Mounts)
		}
		if limit := plan.Config.Limits.MemoryBytes; limit > 0 && d.Config.Limits.MemoryBytes > limit-uint64(how.Need.Memory) {
			t.Errorf("memory %d of %d", d.Config.Limits.MemoryBytes, limit)
		}

		// All but what Derive says it changes is as it was.
		before, after := *b.Spec, *derived
		if n := len(before.Mounts); !d.ByDescriptor {
			after.Mounts = after.Mounts[:n:n]
		}
		for i, m := range before.Mounts {
			if m.Source != after.Mounts[i].Source && (!filepath.IsAbs(after.Mounts[i].Source) || filepath.IsAbs(m.Source) || m.Source == "") {
				t.Errorf("source %q became %q", m.Source, after.Mounts[i].Source)
			}
			after.Mounts[i].Source = m.Source
		}
		if len(before.Mounts) == 0 {
			after.Mounts = before.Mounts
		}
		if !filepath.IsAbs(after.Root.Path) {
			t.Errorf("root %q", after.Root.Path)
		}
		after.Root.Path = before.Root.Path
		after.Process.Args, after.Process.Env = before.Process.Args, before.Process.Env
		if hook {
			after.Hooks, before.Hooks = nil, nil
		}
		for key := range before.Annotations {
			if _, there := after.Annotations[key]; there == (key == annotationHandler || key == annotationVariant) {
				t.Errorf("annotation %q, there %t", key, there)
			}
		}
		after.Annotations = before.Annotations
		if !reflect.DeepEqual(before, after) {
			t.Errorf("before %+v\nafter %+v", before, after)
		}
		if p, _, err := d.Process(b.Spec.Process, 3, nil); err != nil || p.Args[0] != d.Executable && !d.ByDescriptor {
			t.Errorf("process: %+v, %v", p, err)
		}
	})
}

func BenchmarkDerivePodman(b *testing.B) {
	bundle := testBundle(b, "podman-readonly")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bundle.Derive(delegation()); err != nil {
			b.Fatal(err)
		}
	}
}
