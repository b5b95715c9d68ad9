package oci

import (
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

func bind(dest, source string, options ...string) specs.Mount {
	return specs.Mount{Destination: dest, Type: "bind", Source: source, Options: append([]string{"rbind"}, options...)}
}

func tmpfs(dest string, options ...string) specs.Mount {
	return specs.Mount{Destination: dest, Type: "tmpfs", Source: "tmpfs", Options: options}
}

func TestMounts(t *testing.T) {
	tests := map[string]struct {
		mounts  []specs.Mount
		entered []wasi.Mount // besides "/"; nil: not planned Entered
		direct  []wasi.Mount // besides "/"
		account map[string]Verdict
	}{
		"bind": {
			mounts:  []specs.Mount{bind("/data", "/srv/data")},
			entered: []wasi.Mount{{Guest: "/data", Host: "/data"}},
			direct:  []wasi.Mount{{Guest: "/data", Host: "/srv/data"}},
			account: map[string]Verdict{"mounts[0]": Granted},
		},
		"bind by option only, type none": {
			mounts: []specs.Mount{{Destination: "/data", Type: "none", Source: "/srv", Options: []string{"rbind"}}},
			direct: []wasi.Mount{{Guest: "/data", Host: "/srv"}},
		},
		"bind relative to the bundle": {
			mounts: []specs.Mount{bind("/data", "../vol/./x")},
			direct: []wasi.Mount{{Guest: "/data", Host: "/vol/x"}},
		},
		"read-only": {
			mounts:  []specs.Mount{bind("/a", "/a", "ro"), bind("/b", "/b", "rro"), bind("/c", "/c", "ro", "rw"), bind("/d", "/d", "rw", "ro")},
			entered: []wasi.Mount{{Guest: "/a", Host: "/a", ReadOnly: true}, {Guest: "/b", Host: "/b", ReadOnly: true}, {Guest: "/c", Host: "/c"}, {Guest: "/d", Host: "/d", ReadOnly: true}},
			direct:  []wasi.Mount{{Guest: "/a", Host: "/a", ReadOnly: true}, {Guest: "/b", Host: "/b", ReadOnly: true}, {Guest: "/c", Host: "/c"}, {Guest: "/d", Host: "/d", ReadOnly: true}},
		},
		"unclean and relative destinations": {
			mounts: []specs.Mount{bind("/a/../b//c/", "/x"), bind("rel/d", "/y"), bind("/../../e", "/z")},
			direct: []wasi.Mount{{Guest: "/b/c", Host: "/x"}, {Guest: "/rel/d", Host: "/y"}, {Guest: "/e", Host: "/z"}},
		},
		"nested, in any order that keeps both": {
			mounts: []specs.Mount{bind("/a", "/x"), bind("/a/b", "/y")},
			direct: []wasi.Mount{{Guest: "/a", Host: "/x"}, {Guest: "/a/b", Host: "/y"}},
		},
		"later over the same destination": {
			mounts:  []specs.Mount{bind("/a", "/x"), bind("/a/", "/y", "ro")},
			direct:  []wasi.Mount{{Guest: "/a", Host: "/y", ReadOnly: true}},
			account: map[string]Verdict{"mounts[0]": Enforced, "mounts[1]": Granted},
		},
		"later over a parent": {
			mounts:  []specs.Mount{bind("/a/b/c", "/x"), bind("/a/b/d", "/y"), bind("/a", "/z"), bind("/a/b/d", "/w")},
			direct:  []wasi.Mount{{Guest: "/a", Host: "/z"}, {Guest: "/a/b/d", Host: "/w"}},
			account: map[string]Verdict{"mounts[0]": Enforced, "mounts[1]": Enforced, "mounts[2]": Granted, "mounts[3]": Granted},
		},
		"a name that begins like another is no parent": {
			mounts: []specs.Mount{bind("/ab", "/x"), bind("/a", "/y")},
			direct: []wasi.Mount{{Guest: "/ab", Host: "/x"}, {Guest: "/a", Host: "/y"}},
		},
		"procfs over a grant": {
			mounts: []specs.Mount{bind("/p/x", "/x"), {Destination: "/p", Type: "proc", Source: "proc"}},
			direct: []wasi.Mount{{Guest: "/p", Hidden: true}},
		},
		"kernel file systems": {
			mounts: []specs.Mount{
				{Destination: "/proc", Type: "proc"},
				{Destination: "/sys", Type: "sysfs"},
				{Destination: "/sys/fs/cgroup", Type: "cgroup2"},
				{Destination: "/q", Type: "mqueue"},
				{Destination: "/pts", Type: "devpts"},
				{Destination: "/cg", Type: "cgroup"},
			},
			entered: []wasi.Mount{{Guest: "/proc", Hidden: true}, {Guest: "/sys", Hidden: true}, {Guest: "/q", Hidden: true}, {Guest: "/pts", Hidden: true}, {Guest: "/cg", Hidden: true}},
			direct:  []wasi.Mount{{Guest: "/proc", Hidden: true}, {Guest: "/sys", Hidden: true}, {Guest: "/q", Hidden: true}, {Guest: "/pts", Hidden: true}, {Guest: "/cg", Hidden: true}},
			account: map[string]Verdict{"mounts[2]": Ignored},
		},
		"sysfs as a bind of itself": {
			mounts:  []specs.Mount{bind("/sys", "/sys", "ro")},
			entered: []wasi.Mount{{Guest: "/sys", Hidden: true}},
			direct:  []wasi.Mount{{Guest: "/sys", Hidden: true}},
		},
		"a bind that names procfs elsewhere is a grant": {
			mounts: []specs.Mount{bind("/host/proc", "/proc", "ro")},
			direct: []wasi.Mount{{Guest: "/host/proc", Host: "/proc", ReadOnly: true}},
		},
		"/dev": {
			mounts:  []specs.Mount{tmpfs("/dev", "nosuid", "mode=755"), tmpfs("/dev/shm", "size=64k"), bind("/dev/log", "/srv/log")},
			entered: []wasi.Mount{{Guest: "/dev", Host: "/dev", NoPreopen: true}, {Guest: "/dev/shm", Host: "/dev/shm", NoPreopen: true}, {Guest: "/dev/log", Host: "/dev/log"}},
			direct:  []wasi.Mount{{Guest: "/dev", Hidden: true}, {Guest: "/dev/log", Host: "/srv/log"}},
			account: map[string]Verdict{"mounts[0]": Limited, "mounts[1]": Limited, "mounts[2]": Granted},
		},
		"a device": {
			mounts:  []specs.Mount{tmpfs("/dev"), bind("/dev/fuse", "/dev/fuse")},
			entered: []wasi.Mount{{Guest: "/dev", Host: "/dev", NoPreopen: true}},
			direct:  []wasi.Mount{{Guest: "/dev", Hidden: true}, {Guest: "/dev/fuse", Host: "/dev/fuse"}},
		},
		"tmpfs": {
			mounts: []specs.Mount{tmpfs("/tmp"), tmpfs("/run", "size=65536k", "mode=1777", "nosuid", "ro"), tmpfs("/big", "size=2G"), tmpfs("/half", "size=50%"), tmpfs("/all", "size=0", "nr_inodes=10")},
			entered: []wasi.Mount{
				{Guest: "/tmp", Host: "/tmp"}, {Guest: "/run", Host: "/run", ReadOnly: true}, {Guest: "/big", Host: "/big"}, {Guest: "/half", Host: "/half"}, {Guest: "/all", Host: "/all"},
			},
			direct: []wasi.Mount{
				{Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}},
				{Guest: "/run", Tmpfs: &wasi.Tmpfs{SizeBytes: 64 << 20, Mode: 0o1777}, ReadOnly: true},
				{Guest: "/big", Tmpfs: &wasi.Tmpfs{SizeBytes: 2 << 30}},
				{Guest: "/half", Tmpfs: &wasi.Tmpfs{}},
				{Guest: "/all", Tmpfs: &wasi.Tmpfs{}},
			},
			account: map[string]Verdict{"mounts[1]": Granted, "mounts[3].options[0]": Limited, "mounts[4].options[0]": Limited, "mounts[4].options[1]": Ignored},
		},
		"options without effect": {
			mounts:  []specs.Mount{{Destination: "/a", Source: "/a", Options: []string{"bind", "noatime", "nosuid", "rshared", "sync", "defaults"}}},
			direct:  []wasi.Mount{{Guest: "/a", Host: "/a"}},
			account: map[string]Verdict{"mounts[0]": Granted, "mounts[0].options[0]": Ignored, "mounts[0].options[1]": Ignored, "mounts[0].options[2]": Rejected, "mounts[0].options[3]": Ignored, "mounts[0].options[4]": Ignored},
		},
		"other types, entered": {
			mounts:  []specs.Mount{{Destination: "/n", Type: "nfs", Source: "server:/x", Options: []string{"vers=4", "ro"}}},
			entered: []wasi.Mount{{Guest: "/n", Host: "/n", ReadOnly: true}},
		},
	}
	for name, tt := range tests {
		for where, want := range map[Where][]wasi.Mount{Entered: tt.entered, Direct: tt.direct} {
			if want == nil {
				continue
			}
			t.Run(name+"/"+where.String(), func(t *testing.T) {
				spec := minimal()
				spec.Mounts = tt.mounts
				plan, err := FromSpec(spec, Options{Where: where, GOOS: "linux", Bundle: "/bundle"})
				if err != nil {
					t.Fatal(err)
				}
				if got := plan.Config.Mounts[1:]; !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
				for field, verdict := range tt.account {
					if got := entry(plan, field); where == Direct && got.Verdict != verdict {
						t.Errorf("%s: %+v, want %s", field, got, verdict)
					}
				}
			})
		}
	}
}

func TestMountsRejected(t *testing.T) {
	tests := map[string]struct {
		mount specs.Mount
		where Where
		field string
		text  string
	}{
		"no destination":     {bind("", "/x"), Entered, "destination", "empty"},
		"root":               {bind("/", "/x"), Entered, "destination", "root"},
		"root in disguise":   {bind("/a/..", "/x"), Direct, "destination", "root"},
		"NUL in destination": {bind("/a\x00", "/x"), Entered, "destination", "NUL"},
		"too long":           {bind("/"+strings.Repeat("x/", 2048), "/x"), Entered, "destination", "longer"},
		"bytes":              {bind("/\xff", "/x"), Entered, "destination", "UTF-8"},
		"NUL in source":      {bind("/a", "/x\x00"), Direct, "source", "NUL"},
		"NUL in type":        {specs.Mount{Destination: "/a", Type: "proc\x00"}, Entered, "type", "NUL"},
		"NUL in option":      {bind("/a", "/x", "ro\x00"), Entered, "options[1]", "NUL"},
		"no source":          {bind("/a", ""), Direct, "source", "missing"},
		"overlay":            {specs.Mount{Destination: "/a", Type: "overlay", Source: "overlay"}, Direct, "type", "bind mount"},
		"no type":            {specs.Mount{Destination: "/a", Source: "/x"}, Direct, "type", "bind mount"},
		"idmap":              {bind("/a", "/x", "idmap"), Direct, "options[1]", "owners"},
		"id mappings":        {specs.Mount{Destination: "/a", Type: "bind", Source: "/x", GIDMappings: []specs.LinuxIDMapping{{Size: 1}}}, Direct, "gidMappings", "owners"},
		"nosymfollow":        {bind("/a", "/x", "nosymfollow"), Direct, "options[1]", "links"},
		"remount":            {bind("/a", "/x", "remount"), Direct, "options[1]", "no mount to change"},
		"unknown option":     {bind("/a", "/x", "frobnicate"), Direct, "options[1]", "no option"},
		"size of a bind":     {bind("/a", "/x", "size=1k"), Direct, "options[1]", "no option"},
		"tmpcopyup":          {tmpfs("/a", "tmpcopyup"), Direct, "options[0]", "starts empty"},
		"size in words":      {tmpfs("/a", "size=big"), Direct, "options[0]", "not a size"},
		"size too large":     {tmpfs("/a", "size=99999999999e"), Direct, "options[0]", "not a size"},
		"negative size":      {tmpfs("/a", "size=-1"), Direct, "options[0]", "not a size"},
		"mode in words":      {tmpfs("/a", "mode=rwx"), Direct, "options[0]", "octal"},
		"mode too large":     {tmpfs("/a", "mode=10000"), Direct, "options[0]", "octal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := minimal()
			spec.Mounts = []specs.Mount{tt.mount}
			plan, err := FromSpec(spec, Options{Where: tt.where, GOOS: "linux", Bundle: "/bundle"})
			got := specErrors(err)
			if e := got["mounts[0]."+tt.field]; len(got) != 1 || e == nil || !strings.Contains(e.Error(), tt.text) {
				t.Errorf("err = %v, want one for %s with %q", err, tt.field, tt.text)
			}
			if e := entry(plan, "mounts[0]"); e.Reason == "" || e.Verdict != Rejected {
				t.Errorf("account %+v", plan.Account)
			}
		})
	}
}

func TestIDMappingsEntered(t *testing.T) {
	spec := minimal()
	spec.Mounts = []specs.Mount{bind("/a", "/x", "idmap")}
	spec.Mounts[0].UIDMappings = []specs.LinuxIDMapping{{Size: 1}}
	plan, err := FromSpec(spec, Options{Where: Entered, GOOS: "linux"})
	if err != nil || entry(plan, "mounts[0]").Verdict != Granted {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestMaskedPaths(t *testing.T) {
	spec := minimal()
	spec.Mounts = []specs.Mount{{Destination: "/proc", Type: "proc"}, bind("/data", "/x"), bind("/data/deep/er", "/y"), bind("/whole", "/z"), bind("/database", "/w")}
	spec.Linux = &specs.Linux{MaskedPaths: []string{"/proc/kcore", "/data/secret", "/data/deep", "/whole", "/etc/../etc/shadow", "/data/deep/x"}}
	plan, err := FromSpec(spec, Options{Where: Direct})
	if err != nil {
		t.Fatal(err)
	}
	want := []wasi.Mount{
		{Guest: "/", Host: "/rootfs"},
		{Guest: "/proc", Hidden: true},
		{Guest: "/data", Host: "/x"},
		{Guest: "/whole", Hidden: true},
		{Guest: "/database", Host: "/w"},
		{Guest: "/data/secret", Hidden: true},
		{Guest: "/data/deep", Hidden: true},
		{Guest: "/etc/shadow", Hidden: true},
	}
	if !reflect.DeepEqual(plan.Config.Mounts, want) {
		t.Errorf("got  %+v\nwant %+v", plan.Config.Mounts, want)
	}
	for field, want := range map[string]Verdict{"linux.maskedPaths": Enforced, "linux.maskedPaths[0]": Rejected, "linux.maskedPaths[1]": Limited} {
		if e := entry(plan, field); e.Verdict != want { // of a field without an entry: Rejected
			t.Errorf("%s: %+v, want %s", field, e, want)
		}
	}
	for _, bad := range []string{"", "/", "/a\x00", "/\xff"} {
		spec.Linux.MaskedPaths[1] = bad
		if _, err := FromSpec(spec, Options{Where: Direct}); specErrors(err)["linux.maskedPaths[1]"] == nil {
			t.Errorf("%q: err = %v", bad, err)
		}
	}
}

func TestReadonlyPaths(t *testing.T) {
	spec := minimal()
	spec.Mounts = []specs.Mount{{Destination: "/proc", Type: "proc"}, bind("/ro", "/x", "ro")}
	spec.Linux = &specs.Linux{ReadonlyPaths: []string{"/proc/sys", "/ro/a", "/sys/kernel"}}
	plan, err := FromSpec(spec, Options{Where: Direct})
	if err != nil {
		t.Fatal(err)
	}
	want := []wasi.Mount{
		{Guest: "/", Host: "/rootfs"}, {Guest: "/proc", Hidden: true}, {Guest: "/ro", Host: "/x", ReadOnly: true}, {Guest: "/sys/kernel", Hidden: true},
	}
	if !reflect.DeepEqual(plan.Config.Mounts, want) {
		t.Errorf("got  %+v\nwant %+v", plan.Config.Mounts, want)
	}
	if e := entry(plan, "linux.readonlyPaths[2]"); e.Verdict != Limited {
		t.Errorf("%+v", e)
	}
	spec.Linux.ReadonlyPaths = []string{"/etc"}
	if _, err := FromSpec(spec, Options{Where: Direct}); specErrors(err)["linux.readonlyPaths[0]"] == nil {
		t.Errorf("a path on a writable mount: %v", err)
	}
	spec.Root.Readonly = true
	if _, err := FromSpec(spec, Options{Where: Direct}); err != nil {
		t.Errorf("a path on a read-only root: %v", err)
	}
	if _, err := FromSpec(spec, Options{Where: Entered, GOOS: "linux"}); err != nil {
		t.Error(err)
	}
}
