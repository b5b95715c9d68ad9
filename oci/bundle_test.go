package oci

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func writeBundle(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoadBundle(t *testing.T) {
	data, err := os.ReadFile("testdata/runc.json")
	if err != nil {
		t.Fatal(err)
	}
	want := testSpec(t, "runc")
	dir := writeBundle(t, string(data))
	t.Chdir(filepath.Dir(dir))
	b, err := LoadBundle(filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	if b.Dir != dir || len(b.Unknown) != 0 || !reflect.DeepEqual(b.Spec, want) {
		t.Errorf("got %+v", b)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := map[string]struct {
		config       string
		line, column int
		field        string
		text         string
	}{
		"empty":              {"", 1, 1, "", "unexpected end"},
		"cut off":            {"{\n \"process\": {", 2, 13, "", "unexpected end"},
		"a comma too many":   {"{\n \"hostname\": \"x\",\n}", 3, 1, "", "invalid character '}'"},
		"two values":         {"{} {}", 1, 4, "", "after top-level value"},
		"NUL bytes":          {"\x00\x00\x00", 1, 1, "", `invalid character '\x00'`},
		"a byte order mark":  {"\ufeff{}", 1, 1, "", "invalid character"},
		"not UTF-8":          {"{\n\"hostname\": \"a\xffb\"}", 2, 15, "", "UTF-8"},
		"null":               {"null", 1, 1, "", "is null, not an object"},
		"an array":           {" [1]", 1, 2, "", "is an array, not an object"},
		"string for array":   {"{\"process\": {\n\"args\": \"sh\"}}", 2, 9, "process.args", "is a string, not an array"},
		"number in args":     {"{\"process\": {\"args\": [\"a\", 2]}}", 1, 28, "process.args[1]", "is the number 2, not a string"},
		"string for number":  {`{"process": {"user": {"uid": "root"}}}`, 1, 30, "process.user.uid", "is a string, not an integer from 0 to 4294967295"},
		"negative uid":       {`{"process": {"user": {"uid": -1}}}`, 1, 30, "process.user.uid", "is the number -1"},
		"fraction":           {`{"process": {"oomScoreAdj": 1.5}}`, 1, 29, "process.oomScoreAdj", "is the number 1.5, not an integer of 64 bits"},
		"huge number":        {`{"process": {"user": {"uid": 1e400}}}`, 1, 30, "process.user.uid", "is the number 1e400"},
		"object for boolean": {`{"root": {"readonly": {}}}`, 1, 23, "root.readonly", "is an object, not a boolean"},
		"array for object":   {`{"mounts": [{"destination": "/a"}, []]}`, 1, 36, "mounts[1]", "is an array, not an object"},
		"map value":          {`{"annotations": {"a.b": true}}`, 1, 25, "annotations[a.b]", "is a boolean, not a string"},
		"twice":              {"{\"root\": {\"path\": \"a\"},\n \"root\": {\"path\": \"b\"}}", 2, 2, "root", "twice"},
		"twice in a map":     {`{"annotations": {"a": "", "a": ""}}`, 1, 27, "annotations[a]", "twice"},
		"in another case":    {`{"process": {"Args": ["sh"]}}`, 1, 14, "process.Args", `spelled "args"`},
		"NUL in a name":      {`{"process": {}, "proce\u0073s\u0000": {}}`, 1, 17, "process\x00", "has a NUL"},
		"NUL in a map":       {`{"annotations": {"run.oci.handler\u0000": "wasm"}}`, 1, 18, "annotations[run.oci.handler\x00]", "has a NUL"},
		"NUL in a text":      {`{"mounts": [{"destination": "/dev/.wasmoci\u0000x"}]}`, 1, 29, "mounts[0].destination", "has a NUL"},
		"NUL in a list":      {`{"linux": {"maskedPaths": ["/a", "/proc\u0000"]}}`, 1, 34, "linux.maskedPaths", "has a NUL"},
		"NUL, no field":      {`{"future": [{"a": "\u0000"}]}`, 1, 19, "future", "has a NUL"},
		"half in a name":     {`{"a\ud800": 1}`, 1, 2, "a\ufffd", "is not UTF-8"},
		"half, then another": {`{"hostname": "\ud800\u002f"}`, 1, 14, "hostname", "is not UTF-8"},
		"half, the second":   {`{"hostname": "\ud83d\ude00\uDE00"}`, 1, 14, "hostname", "is not UTF-8"},
		"half, and a decoy":  {`{"hostname": "\\ufffd\ufffd�\ud800"}`, 1, 14, "hostname", "is not UTF-8"},
		"embedded":           {`{"linux": {"resources": {"blockIO": {"weightDevice": [{"major": "8"}]}}}}`, 1, 65, "linux.resources.blockIO.weightDevice[0].major", "a string"},
		"too deep":           {strings.Repeat("[", 20000), 1, 10001, "", "exceeded max depth"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := writeBundle(t, tt.config)
			b, err := LoadBundle(dir)
			var config *ConfigError
			if !errors.As(err, &config) {
				t.Fatalf("got %+v, %v, want a ConfigError", b, err)
			}
			if config.Line != tt.line || config.Column != tt.column || config.Field != tt.field || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %d:%d %q %v\nwant %d:%d %q …%s", config.Line, config.Column, config.Field, config.Err, tt.line, tt.column, tt.field, tt.text)
			}
			if config.ExitStatus() != 126 || config.File != filepath.Join(dir, "config.json") || !strings.Contains(err.Error(), config.File) {
				t.Errorf("%+v", config)
			}
		})
	}
}

func TestUnknownFields(t *testing.T) {
	b, err := LoadBundle(writeBundle(t, `{
		"ociVersion": "1.9.0", "future": {"a": [1, {"A": 1, "a": 2}]}, "process": null,
		"linux": {"frob": null, "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "x": 1.5}]}},
		"annotations": {"any": "thing"}, "": {}, "root": {"": 0}, "windows": {"layerFolders": [], "credentialSpec": {"deep": [true]}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"future", "linux.frob", "linux.seccomp.syscalls[0].x", `""`, `root.""`}
	if !slices.Equal(b.Unknown, want) {
		t.Errorf("got %q, want %q", b.Unknown, want)
	}
	if b.Spec.Version != "1.9.0" || b.Spec.Linux.Seccomp.Syscalls[0].Names[0] != "a" || b.Spec.Process != nil {
		t.Errorf("%+v", b.Spec)
	}
}

func TestLoadBundleWithoutConfig(t *testing.T) {
	tests := map[string]struct {
		setUp func(t *testing.T, dir, config string) string // returns the bundle to load
		want  string
		is    error
	}{
		"no bundle":   {func(t *testing.T, dir, _ string) string { return filepath.Join(dir, "none") }, "none/config.json", fs.ErrNotExist},
		"a file":      {func(t *testing.T, _, config string) string { write(t, config, "{}"); return config }, "not a directory", nil},
		"no config":   {func(t *testing.T, dir, _ string) string { return dir }, "config.json", fs.ErrNotExist},
		"a directory": {func(t *testing.T, dir, config string) string { mkdir(t, config); return dir }, "not a regular file", nil},
		"a device": {func(t *testing.T, dir, config string) string {
			if err := os.Symlink("/dev/zero", config); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "not a regular file", nil},
		"gigantic": {func(t *testing.T, dir, config string) string {
			write(t, config, "{}")
			if err := os.Truncate(config, 4<<30); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "larger than 16 MiB", nil},
		"NUL in its name": {func(t *testing.T, dir, _ string) string { return dir + "\x00" }, "invalid argument", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b, err := LoadBundle(tt.setUp(t, dir, filepath.Join(dir, "config.json")))
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %+v, %v", b, err)
			}
			var status interface{ ExitStatus() int }
			if errors.As(err, &status) {
				t.Errorf("%v has exit status %d", err, status.ExitStatus())
			}
		})
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(name, 0o755); err != nil {
		t.Fatal(err)
	}
}

func FuzzLoadBundle(f *testing.F) {
	for _, name := range []string{"runc", "podman", "containerd"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"process": {"args": ["\ud800", null], "env": [], "capabilities": null, "oomScoreAdj": -1}, "x": {"Y": 1e999}, "annotations": {"a": null}}`))
	f.Add([]byte(`{"windows": {"credentialSpec": {"a": [1.5, null]}}, "linux": {"resources": {"unified": {}, "hugepageLimits": [null, {}],
		"memory": {"limit": -1, "swappiness": 60}, "blockIO": {"weightDevice": [{"major": 8, "weight": 500}]}}, "devices": [{"fileMode": 438}]}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		b, err := LoadBundle(dir)
		if err == nil {
			if want := new(specs.Spec); json.Unmarshal(data, want) != nil || !reflect.DeepEqual(b.Spec, want) {
				t.Errorf("got %+v, encoding/json reads %+v", b.Spec, want)
			}
			plan, _ := FromSpec(b.Spec, Options{Where: Direct, Bundle: b.Dir, Unknown: b.Unknown})
			for _, field := range b.Unknown {
				if entry(plan, field).Field == "" {
					t.Errorf("the account lacks %q", field)
				}
			}
			return
		}
		var config *ConfigError
		if !errors.As(err, &config) {
			t.Fatalf("%v is no ConfigError", err)
		}
		lines := strings.Split(string(data), "\n")
		if config.Line < 1 || config.Line > len(lines) || config.Column < 1 || config.Column > len(lines[config.Line-1])+1 {
			t.Errorf("%d:%d is outside of the file", config.Line, config.Column)
		}
		// Whatever encoding/json itself takes and the walk does not is one of the few things that are forbidden here.
		if json.Unmarshal(data, new(specs.Spec)) == nil && !strings.Contains(config.Error(), "twice") &&
			!strings.Contains(config.Error(), "is spelled") && !strings.Contains(config.Error(), "UTF-8") && !errors.Is(err, errNUL) && config.Field != "" {
			t.Errorf("%v, but encoding/json takes it", config)
		}
		if errors.Is(err, errSyntax) {
			t.Errorf("%v, but it is", config)
		}
	})
}

// TestEscapes: what is a character may be escaped, in names, too.
func TestEscapes(t *testing.T) {
	b, err := LoadBundle(writeBundle(t, `{"h\u006fstname": "\ud83d\uDE00\u0001\\ud800\ufffd\ud7ff\ue000\"", "domainname": "\\u0000\/"}`))
	if err != nil {
		t.Fatal(err)
	}
	if b.Spec.Hostname != "\U0001f600\x01\\ud800\ufffd\ud7ff\ue000\"" || b.Spec.Domainname != `\u0000/` || len(b.Unknown) > 0 {
		t.Errorf("%+v, unknown %q", b.Spec, b.Unknown)
	}
}

// TestBundlePlan: what the bundle knows is in the plan without being asked for.
func TestBundlePlan(t *testing.T) {
	dir := writeBundle(t, `{"ociVersion": "1.3.0", "nosuch": 1, "process": {"args": ["/a.wasm"], "cwd": "/"}, "root": {"path": "rootfs"}}`)
	b, err := LoadBundle(dir)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Where: Direct, Bundle: "elsewhere", Unknown: []string{"another"}}
	plan, err := b.Plan(opts)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "rootfs"); plan.Root != want {
		t.Errorf("the root is %q, want %q", plan.Root, want)
	}
	if last := plan.Account[len(plan.Account)-1]; last.Field != "nosuch" || last.Verdict != Ignored {
		t.Errorf("the account ends with %+v, want the unknown field", last)
	}
	opts.Strict = true
	var field *SpecError
	if _, err := b.Plan(opts); !errors.As(err, &field) || field.Field != "nosuch" {
		t.Errorf("in strict mode: %v", err)
	}
}

func TestBundleDetect(t *testing.T) {
	for name, tt := range map[string]struct {
		content string
		note    string
		engine  string
		kind    Kind
		says    string
	}{
		"a module":             {moduleHead + strings.Repeat("\x00", 5000), "", "", Wasm, ""},
		"a short one":          {moduleHead, "wazero", "wazero", Wasm, ""},
		"another engine":       {moduleHead, "wasmtime", "wazero", Refused, "name one engine"},
		"empty":                {"", "wasm", "", Refused, "is not WebAssembly"},
		"native":               {elfHead, "", "", Native, "is an ELF executable: wasmoci runs WebAssembly only"},
		"said to be another's": {moduleHead, "krun", "", Native, "no engine for WebAssembly: wasmoci runs"},
		"the operator's":       {moduleHead, "", "krun", Native, "oci: process: "},
	} {
		t.Run(name, func(t *testing.T) {
			spec := minimal()
			spec.Process.Args = []string{"/app.wasm"}
			spec.Annotations = map[string]string{annotationHandler: tt.note}
			file := filepath.Join(t.TempDir(), "app")
			write(t, file, tt.content)
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.Seek(3, 0); err != nil {
				t.Fatal(err)
			}
			d, err := (&Bundle{Spec: spec}).Detect(f, DetectOptions{Head: []byte(scriptHead), Engine: tt.engine})
			if d.Kind != tt.kind || (err == nil) != (tt.kind == Wasm) {
				t.Fatalf("got %+v, %v", d, err)
			}
			if pos, err := f.Seek(0, 1); pos != 3 || err != nil {
				t.Errorf("the offset is %d, %v; want it where it was", pos, err)
			}
			if err == nil {
				return
			}
			var status interface{ ExitStatus() int }
			if !strings.Contains(err.Error(), tt.says) || !errors.As(err, &status) || status.ExitStatus() != 126 {
				t.Errorf("got %v (%T), want %q and the exit status 126", err, err, tt.says)
			}
			if errors.As(err, new(*NativeError)) != (tt.kind == Native) {
				t.Errorf("got %v (%T) for %s", err, err, d.Kind)
			}
		})
	}
	closed, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err := (&Bundle{Spec: minimal()}).Detect(closed, DetectOptions{}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
}
