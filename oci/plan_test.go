package oci

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// testSpec reads one of the specs in testdata.
func testSpec(tb testing.TB, name string) *specs.Spec {
	tb.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	spec := new(specs.Spec)
	if unknown, err := decodeSpec(name, string(data), spec); err != nil || len(unknown) > 0 {
		tb.Fatal(unknown, err)
	}
	return spec
}

// TestPlans compares whole plans of what runc, podman and containerd write. The first is the output of `runc spec`, of
// which only args and terminal are changed here.
func TestPlans(t *testing.T) {
	for _, name := range []string{"runc", "podman", "containerd"} {
		for _, where := range []Where{Entered, Direct} {
			t.Run(name+"/"+where.String(), func(t *testing.T) {
				spec := testSpec(t, name)
				if name == "runc" {
					spec.Process.Args = []string{"/hello.wasm#greet"}
					spec.Process.Terminal = false
				}
				plan, err := FromSpec(spec, Options{Where: where, Bundle: "/bundle", GOOS: "linux", UID: 1000, GID: 1000})
				if err != nil {
					t.Fatal(err)
				}
				if err := plan.Config.Validate(); err != nil {
					t.Error(err)
				}
				got, err := json.MarshalIndent(plan, "", "\t")
				if err != nil {
					t.Fatal(err)
				}
				compareGolden(t, name+"."+where.String()+".golden", append(got, '\n'))
			})
		}
	}
}

// TestStrictEntered: in a container, strict mode takes what runtimes write by themselves.
func TestStrictEntered(t *testing.T) {
	for _, name := range []string{"runc", "podman"} {
		if _, err := FromSpec(testSpec(t, name), Options{Where: Entered, GOOS: "linux", Strict: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFromSpecRejects(t *testing.T) {
	limit := func(n int64) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Linux = &specs.Linux{Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &n}}}
		}
	}
	tests := map[string]struct {
		edit func(*specs.Spec)
		want map[string]string // field → part of the message
	}{
		"no version":      {func(s *specs.Spec) { s.Version = "" }, map[string]string{"ociVersion": "missing"}},
		"version 2":       {func(s *specs.Spec) { s.Version = "2.0.0" }, map[string]string{"ociVersion": "version 1"}},
		"no process":      {func(s *specs.Spec) { s.Process = nil }, map[string]string{"process": "missing"}},
		"no args":         {func(s *specs.Spec) { s.Process.Args = nil }, map[string]string{"process.args": "empty"}},
		"empty arg 0":     {func(s *specs.Spec) { s.Process.Args[0] = "" }, map[string]string{"process.args[0]": "names no module"}},
		"function only":   {func(s *specs.Spec) { s.Process.Args[0] = "#f" }, map[string]string{"process.args[0]": "names no module"}},
		"function bytes":  {func(s *specs.Spec) { s.Process.Args[0] = "a#\xff" }, map[string]string{"process.args[0]": "UTF-8"}},
		"NUL in arg":      {func(s *specs.Spec) { s.Process.Args = []string{"a", "b\x00"} }, map[string]string{"process.args[1]": "NUL"}},
		"command line":    {func(s *specs.Spec) { s.Process.CommandLine = "cmd" }, map[string]string{"process.commandLine": "Windows"}},
		"env without =":   {func(s *specs.Spec) { s.Process.Env = []string{"A=1", "B"} }, map[string]string{"process.env[1]": "KEY=value"}},
		"env without key": {func(s *specs.Spec) { s.Process.Env = []string{"=1"} }, map[string]string{"process.env[0]": "KEY=value"}},
		"NUL in env":      {func(s *specs.Spec) { s.Process.Env = []string{"A=\x00"} }, map[string]string{"process.env[0]": "NUL"}},
		"no cwd":          {func(s *specs.Spec) { s.Process.Cwd = "" }, map[string]string{"process.cwd": "missing"}},
		"relative cwd":    {func(s *specs.Spec) { s.Process.Cwd = "tmp" }, map[string]string{"process.cwd": "absolute"}},
		"NUL in cwd":      {func(s *specs.Spec) { s.Process.Cwd = "/\x00" }, map[string]string{"process.cwd": "NUL"}},
		"cwd bytes":       {func(s *specs.Spec) { s.Process.Cwd = "/\xff" }, map[string]string{"process.cwd": "UTF-8"}},
		"no root":         {func(s *specs.Spec) { s.Root = nil }, map[string]string{"root": "missing"}},
		"no root path":    {func(s *specs.Spec) { s.Root.Path = "" }, map[string]string{"root.path": "missing"}},
		"NUL in root":     {func(s *specs.Spec) { s.Root.Path = "/a\x00" }, map[string]string{"root.path": "NUL"}},
		"relative root":   {func(s *specs.Spec) { s.Root.Path = "rootfs" }, map[string]string{"root.path": "options name no bundle"}},
		"terminal":        {func(s *specs.Spec) { s.Process.Terminal = true }, map[string]string{"process.terminal": "false"}},
		"memory 4096":     {limit(4096), map[string]string{"linux.resources.memory.limit": "64 KiB"}},
		"memory -2":       {limit(-2), map[string]string{"linux.resources.memory.limit": "64 KiB"}},
		"windows":         {func(s *specs.Spec) { s.Windows = &specs.Windows{LayerFolders: []string{"x"}} }, map[string]string{"windows": "another kind"}},
		"all at once": {func(s *specs.Spec) {
			s.Process.Args, s.Process.Cwd, s.Root.Path = []string{"\x00"}, "x", ""
			s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/x"}}}
		}, map[string]string{"process.args[0]": "NUL", "process.cwd": "absolute", "root.path": "missing", "hooks.poststop": "hooks"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := minimal()
			tt.edit(spec)
			plan, err := FromSpec(spec, Options{Where: Direct})
			rejected := specErrors(err)
			if len(rejected) != len(tt.want) {
				t.Errorf("err = %v, want %d errors", err, len(tt.want))
			}
			for field, text := range tt.want {
				e := rejected[field]
				if e == nil || !strings.Contains(e.Error(), text) || !strings.Contains(e.Error(), "oci: "+field) {
					t.Errorf("err = %v, want one for %s with %q", err, field, text)
				}
			}
			if plan.Module != "" || plan.Root != "" || len(plan.Config.Mounts) > 0 || len(plan.Config.Args) > 0 {
				t.Errorf("a rejected spec has a plan: %+v", plan)
			}
		})
	}
}

// specErrors are the joined errors by field.
func specErrors(err error) map[string]*SpecError {
	byField := map[string]*SpecError{}
	var walk func(error)
	walk = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		var e *SpecError
		if errors.As(err, &e) {
			byField[e.Field] = e
		}
	}
	walk(err)
	return byField
}

func TestOptionsRejected(t *testing.T) {
	tests := map[string]struct {
		spec *specs.Spec
		opts Options
		want string
	}{
		"no spec":           {nil, Options{Where: Direct}, "no spec"},
		"zero options":      {minimal(), Options{}, "Entered or Direct"},
		"no such place":     {minimal(), Options{Where: 9}, "Entered or Direct"},
		"entered on darwin": {minimal(), Options{Where: Entered, GOOS: "darwin"}, "use Direct"},
		"relative bundle":   {minimal(), Options{Where: Direct, Bundle: "b"}, "absolute"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := FromSpec(tt.spec, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			var specErr *SpecError
			if errors.As(err, &specErr) {
				t.Errorf("%v is blamed on the spec", err)
			}
			if plan == nil || plan.Module != "" {
				t.Errorf("plan = %+v, want an empty one", plan)
			}
		})
	}
}

func TestProcess(t *testing.T) {
	spec := minimal()
	spec.Process.Args = []string{"bin/app.wasm#run#2", "", "a b", "\xff", "#x"}
	spec.Process.Env = []string{"A=1", "EMPTY=", "A=2=3", "UTF=\xff"}
	spec.Process.Cwd = "/srv//dir/../x"
	plan, err := FromSpec(spec, Options{Where: Direct})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Module != "bin/app.wasm" {
		t.Errorf("module %q", plan.Module)
	}
	want := wasi.Config{
		Entrypoint: "run#2",
		Args:       []string{"bin/app.wasm", "", "a b", "\xff", "#x"},
		Env:        spec.Process.Env,
		Dir:        "/srv/x",
		Mounts:     []wasi.Mount{{Guest: "/", Host: "/rootfs"}},
	}
	if !reflect.DeepEqual(plan.Config, want) {
		t.Errorf("got  %+v\nwant %+v", plan.Config, want)
	}
	if e := entry(plan, "process.cwd"); e.Verdict != Limited {
		t.Errorf("cwd: %+v, want limited", e)
	}
}

// entry is the last entry for a field; the zero Entry where there is none.
func entry(plan *Plan, field string) Entry {
	for _, e := range slices.Backward(plan.Account) {
		if e.Field == field {
			return e
		}
	}
	return Entry{}
}

func TestUser(t *testing.T) {
	for _, tt := range []struct {
		where    Where
		uid      int
		uid2, gi Verdict
	}{
		{Direct, 7, Enforced, Ignored},
		{Direct, 8, Ignored, Ignored},
		{Direct, -1, Ignored, Ignored},
		{Entered, 8, Enforced, Enforced},
	} {
		plan, err := FromSpec(minimal(), Options{Where: tt.where, GOOS: "linux", UID: tt.uid, GID: -1})
		if err != nil {
			t.Fatal(err)
		}
		if u, g := entry(plan, "process.user.uid"), entry(plan, "process.user.gid"); u.Verdict != tt.uid2 || g.Verdict != tt.gi {
			t.Errorf("%s as %d: uid %+v gid %+v", tt.where, tt.uid, u, g)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	for _, tt := range []struct {
		limit           int64
		want            uint64
		entered, direct Verdict
	}{
		{-1, 0, Enforced, Enforced},
		{0, 0, Enforced, Enforced},
		{64 << 10, 64 << 10, Enforced, Limited},
		{1 << 40, 1 << 40, Enforced, Limited},
	} {
		for where, verdict := range map[Where]Verdict{Entered: tt.entered, Direct: tt.direct} {
			spec := minimal()
			spec.Linux = &specs.Linux{Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &tt.limit}}}
			plan, err := FromSpec(spec, Options{Where: where, GOOS: "linux"})
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.Config.Limits.MemoryBytes; got != tt.want {
				t.Errorf("%s %d: limit %d", where, tt.limit, got)
			}
			if e := entry(plan, "linux.resources.memory.limit"); e.Verdict != verdict {
				t.Errorf("%s %d: %+v, want %s", where, tt.limit, e, verdict)
			}
		}
	}
}

func TestDevices(t *testing.T) {
	spec := minimal()
	spec.Linux = &specs.Linux{Devices: []specs.LinuxDevice{
		{Path: "/dev/null", Type: "c", Major: 1, Minor: 3},
		{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229},
		{Path: "/dev/loop3", Type: "b", Major: 1, Minor: 3},
	}}
	plan, err := FromSpec(spec, Options{Where: Entered, GOOS: "linux"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Verdict{Granted, Limited, Limited} {
		if e := entry(plan, "linux.devices["+string(rune('0'+i))+"]"); e.Verdict != want {
			t.Errorf("%s: %+v, want %s", spec.Linux.Devices[i].Path, e, want)
		}
	}
}

func TestAnnotations(t *testing.T) {
	spec := minimal()
	spec.Annotations = map[string]string{"org.example": "x", "run.oci.handler": "wasm", "run.oci.keep_original_groups": "1"}
	plan, err := FromSpec(spec, Options{Where: Direct})
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]Verdict{
		"annotations[org.example]": Granted, "annotations[run.oci.handler]": Enforced, "annotations[run.oci.keep_original_groups]": Ignored,
	} {
		if e := entry(plan, field); e.Verdict != want {
			t.Errorf("%s: %+v, want %s", field, e, want)
		}
	}
}

func TestUnknownFieldsAreRecorded(t *testing.T) {
	opts := Options{Where: Direct, Unknown: []string{"linux.foo"}}
	plan, err := FromSpec(minimal(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if e := entry(plan, "linux.foo"); e.Verdict != Ignored {
		t.Errorf("%+v", e)
	}
	opts.Strict = true
	if _, err := FromSpec(minimal(), opts); specErrors(err)["linux.foo"] == nil {
		t.Errorf("strict: %v", err)
	}
}

// TestFromSpecIsPure plans twice, concurrently, and scribbles over the plan: the spec stays as it was.
func TestFromSpecIsPure(t *testing.T) {
	spec, pristine := testSpec(t, "podman"), testSpec(t, "podman")
	plans := make(chan *Plan)
	for range 2 {
		go func() {
			plan, _ := FromSpec(spec, Options{Where: Direct, Bundle: t.TempDir()})
			plans <- plan
		}()
	}
	for range 2 {
		plan := <-plans
		for i := range plan.Config.Args {
			plan.Config.Args[i] = "scribble"
		}
		for i := range plan.Config.Env {
			plan.Config.Env[i] = "scribble"
		}
	}
	if !reflect.DeepEqual(spec, pristine) {
		t.Error("the spec has changed")
	}
}

func TestErrorTextIsShort(t *testing.T) {
	spec := minimal()
	spec.Process.Cwd = strings.Repeat("x", 1<<20)
	if _, err := FromSpec(spec, Options{Where: Direct}); err == nil || len(err.Error()) > 500 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// TestManyMounts: a spec as large as a config.json may be is planned in good time.
func TestManyMounts(t *testing.T) {
	spec := minimal()
	for range 20_000 {
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/a/b/c/d", Type: "bind", Source: "/x"})
	}
	plan, err := FromSpec(spec, Options{Where: Direct})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Config.Mounts) != 2 {
		t.Errorf("%d mounts", len(plan.Config.Mounts))
	}
}

func FuzzFromSpec(f *testing.F) {
	for _, name := range []string{"runc", "podman", "containerd"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, true)
		f.Add(data, false)
	}
	bundle, err := filepath.Abs(".")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, entered bool) {
		spec := new(specs.Spec)
		if json.Unmarshal(data, spec) != nil {
			return
		}
		opts := Options{Where: Direct, Bundle: bundle, GOOS: "linux"}
		if entered {
			opts.Where = Entered
		}
		plan, err := FromSpec(spec, opts)
		rejected := map[string]bool{}
		for _, e := range plan.Account {
			if e.Field == "" || e.Reason == "" || int(e.Verdict) >= len(verdictNames) {
				t.Errorf("entry %+v", e)
			}
			if e.Verdict == Rejected {
				rejected[e.Field] = true
			}
		}
		if (err != nil) != (len(rejected) > 0) {
			t.Errorf("rejected %v, err %v", rejected, err)
		}
		for field := range specErrors(err) {
			if !rejected[field] {
				t.Errorf("error for %s, but the account does not reject it", field)
			}
		}
		complete(t, spec, plan)
		opts.Strict = true
		strict, strictErr := FromSpec(spec, opts)
		if err != nil {
			if strictErr == nil {
				t.Errorf("strict takes what is rejected without: %v", err)
			}
			return
		}
		if err := plan.Config.Validate(); err != nil {
			t.Error(err)
		}
		if strictErr == nil && !reflect.DeepEqual(strict, plan) {
			t.Errorf("strict plans %+v, else %+v", strict, plan)
		}
	})
}

// complete checks that the account speaks for every leaf that the spec sets.
func complete(t *testing.T, spec *specs.Spec, plan *Plan) {
	t.Helper()
	general := map[string]bool{} // fields of the account, with [] for indices
	for _, e := range plan.Account {
		field := e.Field
		for i := range field {
			if field[i] == '[' {
				general[field[:i]] = true
				break
			}
		}
		general[field] = true
	}
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		if general[path] {
			return
		}
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return
			}
			v = v.Elem()
		}
		if isUnset(v) {
			return
		}
		if v.Kind() != reflect.Struct {
			t.Errorf("nothing in the account speaks for %s", path)
			return
		}
		for _, f := range reflect.VisibleFields(v.Type()) {
			name := jsonName(f)
			if path != "" {
				name = path + "." + name
			}
			if !f.Anonymous {
				walk(v.FieldByIndex(f.Index), name)
			}
		}
	}
	walk(reflect.ValueOf(spec), "")
}

func BenchmarkFromSpecPodman(b *testing.B) {
	spec := testSpec(b, "podman")
	for _, where := range []Where{Entered, Direct} {
		b.Run(where.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := FromSpec(spec, Options{Where: where, GOOS: "linux", Bundle: "/bundle"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
