//go:build linux

package operator_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/oci"
)

// TestDocumented: the page for operators has every setting with its default.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	s := operator.Defaults(operator.User{Root: true}, "/usr/local/libexec/wasmoci")
	for _, key := range s.Keys {
		_, row, ok := strings.Cut(string(page), "| `"+key+"` | ")
		if !ok {
			t.Errorf("docs/operator.md has no row for %q", key)
		}
		if v := s.Value(key); v != "" && key != "runners" && !strings.HasPrefix(row, "`"+v+"` ") {
			t.Errorf("docs/operator.md: the default of %q is %q", key, v)
		}
		if s.From[key] != "default" {
			t.Errorf("%q comes from %q", key, s.From[key])
		}
	}
}

// TestRead: a file says what it says, whole, or is refused with the reason.
func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":         {"", ""},
		"all":             {"delegate = '/bin/x'\nrunners = '/r'\nstate = '/s'\ncache = '/c'\ncache_limit = 7\nengine = 'wasmtime'\npolicy = 'content'\n[compile]\nmemory = 300000000\ntimeout = '3s'", ""},
		"unknown":         {"listener = 1", "listener is no setting"},
		"listen":          {"[listen.web]\naddress = '0.0.0.0:8080'\n[listen.b]\naddress = '[::1]:1'\n[listen.b.annotations]\n'a.b/c' = 'x'\nd = ''", ""},
		"listen, name":    {"[listen.web]\naddress = 'localhost:8080'", `listen.web: address "localhost:8080"`},
		"listen, port":    {"[listen.web]\naddress = '0.0.0.0:0'", "the port is 0"},
		"listen, colon":   {"[listen.'a:b']\naddress = '0.0.0.0:1'", "without a colon"},
		"listen, key":     {"[listen.web]\nport = 1", "listen.web.port is no setting"},
		"unknown, inner":  {"[compile]\nspeed = 1", "compile.speed is no setting"},
		"relative":        {"state = 'run'", `state "run" is not an absolute path`},
		"trace":           {"trace = '/var/log/wasmoci/spans.json'", ""},
		"trace, relative": {"trace = 'spans.json'", `trace "spans.json" is not an absolute path`},
		"empty":           {"cache = ''", `cache "" is not an absolute path`},
		"type":            {"delegate = 1", "delegate"},
		"policy":          {"policy = 'maybe'", `unknown policy "maybe"`},
		"limit":           {"cache_limit = 0", "cache_limit has to be positive"},
		"memory":          {"[compile]\nmemory = 200000000", "compile.memory has to be 268435456 or more"},
		"timeout":         {"[compile]\ntimeout = 'soon'", "timeout"},
		"syntax":          {"delegate = ", "config.toml"},
		"where, unknown":  {"\n[compile]\n\nspeed = 1", "config.toml:4: compile.speed is no setting"},
		"where, type":     {"[listen.web]\naddress = '0.0.0.0:1'\nannotations = 5", "config.toml:3: listen.web.annotations: "},
		"where, syntax":   {"\nengine = [", "config.toml:2: "},
		"where, text":     {"\n[compile]\ntimeout = 'soon'", `config.toml:3: compile.timeout: toml: time: invalid duration "soon"`},
		"twice":           {"engine = 'a'\nengine = 'b'", "config.toml:2: engine: "},
		"another case":    {"Policy = 'content'", "Policy is no setting"},
		"listen, case":    {"[listen.web]\naddress = '0.0.0.0:1'\nAddress = '0.0.0.0:2'", "listen.web.Address is no setting"},
		"policy, number":  {"policy = 1", "policy is 1: it has to be a text"},
		"policy, hidden":  {"Policy = 1", "Policy is no setting"},
		"timeout, number": {"compile.timeout = 5", "compile.timeout is 5: it has to be a text"},
		"timeout, float":  {"compile = {timeout = 1.5}", "compile.timeout is 1.5: it has to be a text"},
		"listen, number":  {"listen = 5", "config.toml:1: listen: "},
		"memory, float":   {"[compile]\nmemory = 3e9", "config.toml:2: compile.memory: "},
		"a table":         {"[delegate]", "config.toml:1: delegate: "},
		"byte order mark": {"\ufeffengine = 'wazero'\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.toml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := operator.Defaults(operator.User{Root: true}, "/r")
			before := s.Config
			err := s.Read(file, false)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !reflect.DeepEqual(s.Config, before) {
					t.Errorf("%v, want %q; settings %+v", err, c.want, s.Config)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if name == "listen" {
				if got := s.Value("listen"); got != `b=[::1]:1 a.b/c="x" d="", web=0.0.0.0:8080` {
					t.Errorf("listen is %s", got)
				}
				for _, c := range []struct {
					annotations map[string]string
					want        []string
				}{
					{nil, []string{"web"}},
					{map[string]string{"a.b/c": "x"}, []string{"web"}},
					{map[string]string{"a.b/c": "x", "d": "", "e": ""}, []string{"b", "web"}},
					{map[string]string{"a.b/c": "y", "d": ""}, []string{"web"}},
				} {
					if got := s.Listeners(c.annotations); !slices.Equal(got, c.want) {
						t.Errorf("a container with %v has %v, want %v", c.annotations, got, c.want)
					}
				}
			}
			if name == "all" && (s.Policy != oci.Content || s.Value("compile.timeout") != "3s" || s.CacheLimit != 7 || s.From["compile.memory"] != file || s.Runner("wasmtime") != "/r/runner-wasmtime") {
				t.Errorf("settings %+v", s)
			}
		})
	}
}
