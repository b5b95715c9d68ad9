package wasi_test

import (
	"errors"
	"fmt"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// fields returns the fields that err complains of, in order; anything but a join of *wasi.FieldError fails the test.
func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	join, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // the shape is the contract
	if !ok {
		t.Fatalf("%v (%T) joins nothing", err, err)
	}
	var names []string
	for _, one := range join.Unwrap() {
		var f *wasi.FieldError
		if !errors.As(one, &f) || f.Err == nil || !errors.Is(one, f.Err) {
			t.Fatalf("%v (%T) is no *wasi.FieldError", one, one)
		}
		names = append(names, f.Field)
	}
	return names
}

func TestValidate(t *testing.T) {
	mount := func(m ...wasi.Mount) wasi.Config { return wasi.Config{Mounts: m} }
	for name, tt := range map[string]struct {
		cfg  wasi.Config
		bad  []string
		says string // of the first
	}{
		"zero":                 {wasi.Config{}, nil, ""},
		"entrypoint":           {wasi.Config{Entrypoint: "any name, ünïcode"}, nil, ""},
		"entrypoint NUL":       {wasi.Config{Entrypoint: "a\x00"}, []string{"Entrypoint"}, "wasi: Entrypoint \"a\\x00\": contains a NUL byte"},
		"entrypoint encoding":  {wasi.Config{Entrypoint: "\xff"}, []string{"Entrypoint"}, "wasi: Entrypoint \"\\xff\": is not valid UTF-8"},
		"args":                 {wasi.Config{Args: []string{"", "a b", "\xff\xfe", "=\n"}}, nil, ""},
		"args NUL":             {wasi.Config{Args: []string{"a", "b\x00"}}, []string{"Args[1]"}, ""},
		"env":                  {wasi.Config{Env: []string{"A=", "A==", "a b=\xff", "A=1", "A=2"}}, nil, ""},
		"env NUL":              {wasi.Config{Env: []string{"A=\x00"}}, []string{"Env[0]"}, ""},
		"env without =":        {wasi.Config{Env: []string{"A", ""}}, []string{"Env[0]", "Env[1]"}, `wasi: Env[0] "A": is not of the form "KEY=value"`},
		"env without key":      {wasi.Config{Env: []string{"=A"}}, []string{"Env[0]"}, `wasi: Env[0] "=A": has an empty key`},
		"dir":                  {wasi.Config{Dir: "/a/b"}, nil, ""},
		"dir /":                {wasi.Config{Dir: "/"}, nil, ""},
		"dir relative":         {wasi.Config{Dir: "a"}, []string{"Dir"}, `wasi: Dir "a": is not a clean absolute slash-separated path`},
		"dir not clean":        {wasi.Config{Dir: "/a/../b"}, []string{"Dir"}, ""},
		"dir slash":            {wasi.Config{Dir: "/a/"}, []string{"Dir"}, ""},
		"dir NUL":              {wasi.Config{Dir: "/a\x00"}, []string{"Dir"}, ""},
		"mount":                {mount(wasi.Mount{Guest: "/a", Host: "/b"}), nil, ""},
		"mount /":              {mount(wasi.Mount{Guest: "/", Host: "/"}), nil, ""},
		"mount open":           {mount(wasi.Mount{Guest: "/a", File: os.Stdin}), nil, ""},
		"mount open and named": {mount(wasi.Mount{Guest: "/a", Host: "/b", File: os.Stdin}), nil, ""},
		"mount hidden":         {mount(wasi.Mount{Guest: "/a", Hidden: true}), nil, ""},
		"mount tmpfs":          {mount(wasi.Mount{Guest: "/", Tmpfs: &wasi.Tmpfs{}}), nil, ""},
		"mount relative":       {mount(wasi.Mount{Guest: "a", Host: "/b"}), []string{"Mounts[0].Guest"}, ""},
		"mount empty":          {mount(wasi.Mount{Host: "/b"}), []string{"Mounts[0].Guest"}, ""},
		"mount .":              {mount(wasi.Mount{Guest: ".", Host: "/b"}), []string{"Mounts[0].Guest"}, ""},
		"mount ..":             {mount(wasi.Mount{Guest: "/a/..", Host: "/b"}), []string{"Mounts[0].Guest"}, ""},
		"mount //":             {mount(wasi.Mount{Guest: "//a", Host: "/b"}), []string{"Mounts[0].Guest"}, ""},
		"mount encoding":       {mount(wasi.Mount{Guest: "/\xff", Host: "/b"}), []string{"Mounts[0].Guest"}, ""},
		"mount NUL":            {mount(wasi.Mount{Guest: "/\x00", Host: "/b\x00"}), []string{"Mounts[0].Guest", "Mounts[0].Host"}, ""},
		"mount twice": {
			mount(wasi.Mount{Guest: "/a", Host: "/b"}, wasi.Mount{Guest: "/b", Host: "/b"}, wasi.Mount{Guest: "/a", Hidden: true}),
			[]string{"Mounts[2].Guest"},
			`wasi: Mounts[2].Guest "/a": is mounted twice`,
		},
		"mount host relative": {mount(wasi.Mount{Guest: "/a", Host: "b"}), []string{"Mounts[0].Host"}, `wasi: Mounts[0].Host "b": is not an absolute host path`},
		"mount within":        {mount(wasi.Mount{Guest: "/a", Host: "/b", NoPreopen: true}), nil, ""},
		"mount within none":   {mount(wasi.Mount{Guest: "/", Host: "/b", NoPreopen: true}), []string{"Mounts[0].NoPreopen"}, ""},
		"mount hides /":       {mount(wasi.Mount{Guest: "/", Hidden: true}), []string{"Mounts[0].Guest"}, ""},
		"mount nothing":       {mount(wasi.Mount{Guest: "/a"}), []string{"Mounts[0]"}, ""},
		"mount host and hidden": {
			mount(wasi.Mount{Guest: "/a", Host: "/b", Hidden: true}), []string{"Mounts[0]"}, "",
		},
		"mount file and tmpfs": {
			mount(wasi.Mount{Guest: "/a", File: os.Stdin, Tmpfs: &wasi.Tmpfs{}}), []string{"Mounts[0]"}, "",
		},
		"listener":         {wasi.Config{Listeners: []wasi.Listener{{File: os.Stdin}}}, nil, ""},
		"listener nothing": {wasi.Config{Listeners: []wasi.Listener{{File: os.Stdin}, {Name: "x"}}}, []string{"Listeners[1].File"}, `wasi: Listeners[1].File "x": has no open file`},
		"memory":           {wasi.Config{Limits: wasi.Limits{MemoryBytes: wasi.PageSize}}, nil, ""},
		"memory too small": {
			wasi.Config{Limits: wasi.Limits{MemoryBytes: wasi.PageSize - 1}},
			[]string{"Limits.MemoryBytes"},
			`wasi: Limits.MemoryBytes "65535": is less than one page of 64 KiB`,
		},
		"everything at once": {
			wasi.Config{
				Entrypoint: "\x00", Args: []string{"\x00"}, Env: []string{"x"}, Dir: "x", Mounts: []wasi.Mount{{Guest: "x", Host: "x", Hidden: true}},
				Listeners: []wasi.Listener{{}}, Limits: wasi.Limits{MemoryBytes: 1},
			},
			[]string{
				"Entrypoint", "Args[0]", "Env[0]", "Dir", "Mounts[0].Guest", "Mounts[0].Host", "Mounts[0]", "Listeners[0].File", "Limits.MemoryBytes",
			},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := tt.cfg.Clone()
			err := tt.cfg.Validate()
			if got := fields(t, err); !slices.Equal(got, tt.bad) {
				t.Errorf("got %v\nof the fields %q, want %q", err, got, tt.bad)
			}
			if first, _, _ := strings.Cut(fmt.Sprint(err), "\n"); tt.says != "" && first != tt.says {
				t.Errorf("got  %s\nwant %s", first, tt.says)
			}
			if !reflect.DeepEqual(&tt.cfg, before) {
				t.Errorf("the Config was %+v and is %+v", before, tt.cfg)
			}
		})
	}
}

// FuzzValidate checks that what passes is what the documentation promises to everyone behind it.
func FuzzValidate(f *testing.F) {
	f.Add("", "arg", "A=1", "/d", "/m", "/h", "/n", uint64(0), false)
	f.Add("\x00", "\x00", "A", "d", "/m/..", "h", "/m", uint64(1), true)
	f.Add("f", "", "=", "/", "/", "/", "/", uint64(wasi.PageSize), true)
	f.Fuzz(func(t *testing.T, entrypoint, arg, env, dir, guest, host, guest2 string, memory uint64, hidden bool) {
		c := wasi.Config{
			Entrypoint: entrypoint, Args: []string{arg}, Env: []string{env}, Dir: dir, Limits: wasi.Limits{MemoryBytes: memory},
			Mounts: []wasi.Mount{{Guest: guest, Host: host}, {Guest: guest2, Hidden: hidden}},
		}
		err := c.Validate()
		if again := c.Validate(); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("the same Config has %v, then %v", err, again)
		}
		if err != nil {
			if len(fields(t, err)) == 0 {
				t.Errorf("%v names no field", err)
			}
			return
		}
		key, _, ok := strings.Cut(env, "=")
		switch {
		case strings.Contains(entrypoint+arg+env+dir+guest+host+guest2, "\x00"):
			t.Error("a NUL byte passes")
		case !ok || key == "":
			t.Errorf("the variable %q passes", env)
		case dir != "" && (!path.IsAbs(dir) || path.Clean(dir) != dir):
			t.Errorf("the directory %q passes", dir)
		case !path.IsAbs(guest) || path.Clean(guest) != guest || !path.IsAbs(guest2) || path.Clean(guest2) != guest2 || guest == guest2:
			t.Errorf("the guest paths %q and %q pass", guest, guest2)
		case host == "" || !hidden:
			t.Error("a mount of nothing passes")
		case memory != 0 && memory < wasi.PageSize:
			t.Errorf("the memory limit %d passes", memory)
		}
	})
}
