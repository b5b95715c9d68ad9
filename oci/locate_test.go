//go:build linux

package oci

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// newHostWorld is a bundle directory with a rootfs and what mounts may come from.
func newHostWorld(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"rootfs/app/a.wasm": "a in the image", "rootfs/bin/tool": "tool", "rootfs/vol/v.wasm": "covered", "rootfs/tmp/t.wasm": "t in the image",
		"volume/v.wasm": "v", "volume/deep/d.wasm": "d", "single.wasm": "single", "outside.wasm": "outside",
	} {
		mkdir(t, filepath.Dir(filepath.Join(dir, name)))
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func TestLocate(t *testing.T) {
	bind := func(source, dest string) specs.Mount {
		return specs.Mount{Destination: dest, Source: source, Options: []string{"rbind", "ro"}}
	}
	tests := map[string]struct {
		args0  string
		mounts []specs.Mount
		edit   func(t *testing.T, dir string, spec *specs.Spec)
		want   string // content
		path   string
	}{
		"in the rootfs":            {"/app/a.wasm", nil, nil, "a in the image", "/app/a.wasm"},
		"with a function":          {"/app/a.wasm#f", nil, nil, "a in the image", "/app/a.wasm"},
		"from the directory":       {"./a.wasm", nil, nil, "a in the image", "/app/./a.wasm"},
		"in PATH":                  {"tool", nil, nil, "tool", "/bin/tool"},
		"in a volume":              {"/vol/v.wasm", []specs.Mount{bind("volume", "/vol")}, nil, "v", "/vol/v.wasm"},
		"in an absolute volume":    {"/vol/v.wasm", []specs.Mount{bind("volume", "/vol")}, func(t *testing.T, dir string, s *specs.Spec) { s.Mounts[0].Source = dir + "/volume" }, "v", "/vol/v.wasm"},
		"in a linked volume":       {"/vol/v.wasm", []specs.Mount{bind("l", "/vol")}, func(t *testing.T, dir string, s *specs.Spec) { symlink(t, "volume", dir+"/l") }, "v", "/vol/v.wasm"},
		"a file that is mounted":   {"/m.wasm", []specs.Mount{bind("single.wasm", "/m.wasm")}, nil, "single", "/m.wasm"},
		"a later mount":            {"/vol/v.wasm", []specs.Mount{bind("volume/deep", "/vol"), bind("volume", "/vol")}, nil, "v", "/vol/v.wasm"},
		"a mount beneath":          {"/vol/x/d.wasm", []specs.Mount{bind("volume", "/vol"), bind("volume/deep", "/vol/x")}, nil, "d", "/vol/x/d.wasm"},
		"a file in a tmpfs":        {"/tmp/m.wasm", []specs.Mount{{Destination: "/tmp", Type: "tmpfs"}, bind("single.wasm", "/tmp/m.wasm")}, nil, "single", "/tmp/m.wasm"},
		"a file in /dev":           {"/dev/m.wasm", []specs.Mount{{Destination: "/dev", Type: "tmpfs"}, bind("single.wasm", "/dev/m.wasm")}, nil, "single", "/dev/m.wasm"},
		"a tmpfs of the image's":   {"/tmp/t.wasm", []specs.Mount{{Destination: "/tmp", Type: "tmpfs", Options: []string{"tmpcopyup"}}}, nil, "t in the image", "/tmp/t.wasm"},
		"a source that is missing": {"/app/a.wasm", []specs.Mount{bind("none", "/x")}, nil, "a in the image", "/app/a.wasm"},
		"a source that is a socket": {"/app/a.wasm", []specs.Mount{bind("x", "/run/x")}, func(t *testing.T, dir string, _ *specs.Spec) {
			t.Chdir(dir)
			l, err := net.Listen("unix", "x")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "a in the image", "/app/a.wasm"},
		"what Direct does not take": {"/app/a.wasm", []specs.Mount{{Destination: "/x", Type: "overlay"}}, func(t *testing.T, _ string, s *specs.Spec) {
			s.Process.Terminal, s.Process.Env, s.Hooks = true, []string{"nonsense"}, &specs.Hooks{Poststop: []specs.Hook{{Path: "/x"}}}
			s.Windows = &specs.Windows{}
		}, "a in the image", "/app/a.wasm"},
		"no directory": {"a.wasm", nil, func(t *testing.T, dir string, s *specs.Spec) {
			s.Process.Cwd, s.Process.Env = "", []string{"PATH=app"}
		}, "a in the image", "/app/a.wasm"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := newHostWorld(t)
			b := locating(dir, tt.args0, tt.mounts)
			if tt.edit != nil {
				tt.edit(t, dir, b.Spec)
			}
			f, path, err := b.Locate()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, err := io.ReadAll(f); string(got) != tt.want || path != tt.path || err != nil {
				t.Errorf("got %q at %s, %v; want %q at %s", got, path, err, tt.want, tt.path)
			}
		})
	}
}

func locating(dir, args0 string, mounts []specs.Mount) *Bundle {
	spec := minimal()
	spec.Process.Args[0], spec.Process.Cwd = args0, "/app"
	spec.Root.Path, spec.Mounts = "rootfs", mounts
	return &Bundle{Dir: dir, Spec: spec}
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestLocateFails(t *testing.T) {
	tests := map[string]struct {
		args0  string
		mounts []specs.Mount
		edit   func(t *testing.T, dir string, spec *specs.Spec)
		status int
		want   string
	}{
		"missing":              {"/none", nil, nil, 127, "no such file"},
		"a directory":          {"/app", nil, nil, 126, "is a directory"},
		"outside, by link":     {"/x", nil, func(t *testing.T, dir string, _ *specs.Spec) { symlink(t, dir+"/outside.wasm", dir+"/rootfs/x") }, 127, "no such file"},
		"outside, by dots":     {"/x", nil, func(t *testing.T, dir string, _ *specs.Spec) { symlink(t, "../outside.wasm", dir+"/rootfs/x") }, 127, "no such file"},
		"covered by a tmpfs":   {"/vol/v.wasm", []specs.Mount{{Destination: "/vol", Type: "tmpfs"}}, nil, 127, "no such file"},
		"covered by a volume":  {"/vol/v.wasm", []specs.Mount{{Destination: "/vol", Type: "bind", Source: "rootfs/bin"}}, nil, 127, "no such file"},
		"covered by a mount":   {"/vol/v.wasm", []specs.Mount{{Destination: "/vol", Type: "nfs", Source: "server:/"}}, nil, 127, "no such file"},
		"covered by a missing": {"/vol/v.wasm", []specs.Mount{{Destination: "/vol", Type: "bind", Source: "none"}}, nil, 127, "no such file"},
		"without a source":     {"/vol/config.json", []specs.Mount{{Destination: "/vol", Type: "bind"}}, nil, 127, "no such file"},
		"a mount that is covered": {"/vol/x/d.wasm", []specs.Mount{
			{Destination: "/vol/x", Type: "bind", Source: "volume/deep"}, {Destination: "/vol", Type: "bind", Source: "volume"},
		}, nil, 127, "no such file"},
		"in proc":             {"/proc/self/exe", []specs.Mount{{Destination: "/proc", Type: "proc"}}, nil, 127, "no such file"},
		"a function only":     {"#f", nil, nil, 126, "names no module"},
		"NUL":                 {"a\x00", nil, nil, 126, "NUL"},
		"no process":          {"/app/a.wasm", nil, func(_ *testing.T, _ string, s *specs.Spec) { s.Process = nil }, 126, "process: is missing"},
		"no args":             {"/app/a.wasm", nil, func(_ *testing.T, _ string, s *specs.Spec) { s.Process.Args = nil }, 126, "empty"},
		"a relative cwd":      {"/app/a.wasm", nil, func(_ *testing.T, _ string, s *specs.Spec) { s.Process.Cwd = "x" }, 126, "absolute"},
		"no root":             {"/app/a.wasm", nil, func(_ *testing.T, _ string, s *specs.Spec) { s.Root = nil }, 126, "root: is missing"},
		"no root path":        {"/app/a.wasm", nil, func(_ *testing.T, _ string, s *specs.Spec) { s.Root.Path = "" }, 126, "root.path"},
		"a mount at the root": {"/app/a.wasm", []specs.Mount{{Destination: "/", Type: "tmpfs"}}, nil, 126, "is the root"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := newHostWorld(t)
			write(t, dir+"/config.json", "{}")
			b := locating(dir, tt.args0, tt.mounts)
			if tt.edit != nil {
				tt.edit(t, dir, b.Spec)
			}
			f, path, err := b.Locate()
			var status interface{ ExitStatus() int }
			if f != nil || path != "" || !errors.As(err, &status) || status.ExitStatus() != tt.status || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %q, %v; want status %d and %q", f, path, err, tt.status, tt.want)
			}
		})
	}
	if _, _, err := new(Bundle).Locate(); err == nil {
		t.Error("no spec")
	}
	if _, _, err := new(Bundle).LocateProcess(nil); err == nil {
		t.Error("no spec")
	}
	b := locating(t.TempDir(), "/a", nil)
	if _, _, err := b.Locate(); !errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*NotFoundError)) {
		t.Errorf("no rootfs: %v", err)
	}
}

// TestLocateProcess: another process of a container has its own name, directory and PATH, and is in the same tree.
func TestLocateProcess(t *testing.T) {
	b := locating(newHostWorld(t), "/app/a.wasm", []specs.Mount{{Destination: "/vol", Type: "bind", Source: "volume"}})
	f, path, err := b.LocateProcess(&specs.Process{Args: []string{"d.wasm"}, Cwd: "/vol", Env: []string{"PATH=/bin:deep"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if path != "/vol/deep/d.wasm" {
		t.Errorf("found at %s", path)
	}
	if b.Spec.Process.Args[0] != "/app/a.wasm" {
		t.Error("the bundle has changed")
	}
}
