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
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// world is a host directory with a rootfs, a volume that is mounted at /vol, and a file outside of both.
type world struct {
	dir  string
	plan Plan
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"rootfs/bin", "rootfs/usr/bin", "rootfs/app/sub", "volume"} {
		mkdir(t, filepath.Join(dir, d))
	}
	write(t, filepath.Join(dir, "outside.wasm"), "outside")
	write(t, filepath.Join(dir, "single.wasm"), "single")
	w := &world{dir: dir}
	w.plan.Config.Dir = "/app"
	w.plan.Config.Mounts = []wasi.Mount{
		{Guest: "/", Host: filepath.Join(dir, "rootfs"), ReadOnly: true},
		{Guest: "/vol", Host: filepath.Join(dir, "volume")},
		{Guest: "/file.wasm", Host: filepath.Join(dir, "single.wasm")},
		{Guest: "/proc", Hidden: true},
		{Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}},
	}
	return w
}

func (w *world) link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	long := strings.Repeat("n", 250) + ".wasm"
	tests := map[string]struct {
		module string
		env    []string
		setUp  func(t *testing.T, w *world)
		want   string // content of the file that is opened
	}{
		"absolute":                 {"/app/a.wasm", nil, nil, "a"},
		"relative to cwd":          {"./a.wasm", nil, nil, "a"},
		"relative, below":          {"sub/s.wasm", nil, nil, "s"},
		"relative, above":          {"../app/a.wasm", nil, nil, "a"},
		"above the root":           {"/../../app/a.wasm", nil, nil, "a"},
		"slashes":                  {"//app///a.wasm", nil, nil, "a"},
		"spaces and unicode":       {"/app/ä b  🐹.wasm", nil, nil, "unicode"},
		"a very long name":         {"/app/" + long, nil, nil, "long"},
		"on a bind mount":          {"/vol/v.wasm", nil, nil, "v"},
		"a file that is a mount":   {"/file.wasm", nil, nil, "single"},
		"absolute link":            {"/l", nil, func(t *testing.T, w *world) { w.link(t, "/app/a.wasm", "rootfs/l") }, "a"},
		"absolute link of a mount": {"/vol/l", nil, func(t *testing.T, w *world) { w.link(t, "/app/a.wasm", "volume/l") }, "a"},
		"link into a mount":        {"/l", nil, func(t *testing.T, w *world) { w.link(t, "vol/v.wasm", "rootfs/l") }, "v"},
		"link above the root":      {"/l", nil, func(t *testing.T, w *world) { w.link(t, "../../../app/a.wasm", "rootfs/l") }, "a"},
		"linked directory":         {"/d/a.wasm", nil, func(t *testing.T, w *world) { w.link(t, "/app", "rootfs/d") }, "a"},
		"not executable":           {"/app/a.wasm", nil, nil, "a"},
		"default PATH":             {"tool", nil, nil, "in bin"},
		"PATH":                     {"tool", []string{"PATH=/nowhere:/usr/bin:/bin"}, nil, "in usr/bin"},
		"PATH, the last of two":    {"tool", []string{"PATH=/usr/bin", "PATH=/bin"}, nil, "in bin"},
		"PATH, relative":           {"s.wasm", []string{"PATH=sub"}, nil, "s"},
		"PATH, empty is cwd":       {"a.wasm", []string{"PATH=/bin:"}, nil, "a"},
		"PATH is empty":            {"a.wasm", []string{"PATH="}, nil, "a"},
		"PATH, directory skipped":  {"tool", []string{"PATH=/app:/bin"}, func(t *testing.T, w *world) { mkdir(t, w.dir+"/rootfs/app/tool") }, "in bin"},
		"PATH, FIFO skipped":       {"tool", []string{"PATH=/app:/bin"}, func(t *testing.T, w *world) { mkfifo(t, w.dir+"/rootfs/app/tool") }, "in bin"},
		"PATH, dead link skipped":  {"tool", []string{"PATH=/app:/bin"}, func(t *testing.T, w *world) { w.link(t, "/none", "rootfs/app/tool") }, "in bin"},
		"PATH, no directory":       {"tool", []string{"PATH=/app/a.wasm:/bin"}, nil, "in bin"},
		"PATH on a mount":          {"v.wasm", []string{"PATH=/vol"}, nil, "v"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for file, content := range map[string]string{
				"rootfs/app/a.wasm": "a", "rootfs/app/sub/s.wasm": "s", "rootfs/app/ä b  🐹.wasm": "unicode", "rootfs/app/" + long: "long",
				"volume/v.wasm": "v", "rootfs/bin/tool": "in bin", "rootfs/usr/bin/tool": "in usr/bin",
			} {
				write(t, filepath.Join(w.dir, file), content)
			}
			if tt.setUp != nil {
				tt.setUp(t, w)
			}
			w.plan.Module, w.plan.Config.Env = tt.module, tt.env
			f, err := w.plan.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, err := io.ReadAll(f); string(got) != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			if _, err := f.Write([]byte("x")); err == nil {
				t.Error("the module can be written")
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	socket := func(t *testing.T, w *world) {
		t.Chdir(filepath.Join(w.dir, "rootfs")) // a socket's path must be short
		l, err := net.Listen("unix", "x")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	tests := map[string]struct {
		module string
		setUp  func(t *testing.T, w *world)
		status int
		want   string
	}{
		"missing":                   {"/none.wasm", nil, 127, "/none.wasm: no such file"},
		"missing directory":         {"/none/a.wasm", nil, 127, "no such file"},
		"not in PATH":               {"none", nil, 127, `write "./none"`},
		"in cwd, not in PATH":       {"outside.wasm", func(t *testing.T, w *world) { write(t, w.dir+"/rootfs/app/outside.wasm", "x") }, 127, "/bin/outside.wasm: no such file or directory, /usr/bin/outside.wasm"},
		"a name too long":           {"/" + strings.Repeat("n", 5000), nil, 127, "too long"},
		"beneath a file":            {"/file.wasm/x", nil, 127, "not a directory"},
		"hidden":                    {"/proc/self/exe", nil, 127, "no such file"},
		"in a tmpfs":                {"/tmp/a.wasm", nil, 127, "no such file"},
		"outside, by ..":            {"/../outside.wasm", nil, 127, "no such file"},
		"outside, by .. in a path":  {"/app/../../outside.wasm", nil, 126, "not permitted"},
		"outside, by link":          {"/x", func(t *testing.T, w *world) { w.link(t, w.dir+"/outside.wasm", "rootfs/x") }, 127, "no such file"},
		"outside, by relative link": {"/x", func(t *testing.T, w *world) { w.link(t, "../outside.wasm", "rootfs/x") }, 127, "no such file"},
		"outside, from a mount":     {"/vol/x", func(t *testing.T, w *world) { w.link(t, "../outside.wasm", "volume/x") }, 127, "no such file"},
		"a loop of links":           {"/x", func(t *testing.T, w *world) { w.link(t, "x", "rootfs/x") }, 126, "too many levels"},
		"a directory":               {"/app", nil, 126, "is a directory"},
		"a directory with a slash":  {"/app/", nil, 126, "is a directory"},
		"the root":                  {"/", nil, 126, "is a directory"},
		"a mount point":             {"/vol", nil, 126, "is a directory"},
		"a FIFO":                    {"/x", func(t *testing.T, w *world) { mkfifo(t, w.dir+"/rootfs/x") }, 126, "is a FIFO"},
		"a socket":                  {"/x", socket, 126, "is a socket"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tt.setUp != nil {
				tt.setUp(t, w)
			}
			w.plan.Module = tt.module
			start := time.Now()
			f, err := w.plan.Open()
			if err == nil {
				content, _ := io.ReadAll(f)
				f.Close()
				t.Fatalf("opened: %q", content)
			}
			if time.Since(start) > 5*time.Second {
				t.Error("it took", time.Since(start))
			}
			var status interface{ ExitStatus() int }
			if !errors.As(err, &status) || status.ExitStatus() != tt.status || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want status %d and %q", err, tt.status, tt.want)
			}
			var notFound *NotFoundError
			if errors.As(err, &notFound) != (tt.status == 127) || errors.Is(err, fs.ErrNotExist) != (tt.status == 127) {
				t.Errorf("err = %#v", err)
			}
			if notFound != nil && (notFound.Name != tt.module || len(notFound.Searched) == 0 || len(err.Error()) > 1000) {
				t.Errorf("%d bytes of error, searched %d places", len(err.Error()), len(notFound.Searched))
			}
		})
	}
}

// TestBundleToModule takes the bundle of `runc spec`, with its args naming a module and without a terminal, all the way.
func TestBundleToModule(t *testing.T) {
	dir := t.TempDir()
	config, err := os.ReadFile("testdata/runc.json")
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer(`"sh"`, `"hello#greet", "x"`, `"terminal": true`, `"terminal": false`).Replace(string(config))
	write(t, filepath.Join(dir, "config.json"), edited)
	mkdir(t, filepath.Join(dir, "rootfs/usr/local/bin"))
	write(t, filepath.Join(dir, "rootfs/usr/local/bin/hello"), moduleHead)
	b, err := LoadBundle(dir)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := FromSpec(b.Spec, Options{Where: Direct, Bundle: b.Dir, UID: os.Getuid(), GID: os.Getgid(), Unknown: b.Unknown})
	if err != nil {
		t.Fatal(err)
	}
	f, err := plan.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, wasi.FormatHead)
	n, err := f.Read(head)
	if err != nil {
		t.Fatal(err)
	}
	if d := Detect(b.Spec, DetectOptions{Head: head[:n]}); d.Kind != Wasm || plan.Config.Entrypoint != "greet" {
		t.Errorf("%+v, entrypoint %q", d, plan.Config.Entrypoint)
	}
}

func TestOpenDevice(t *testing.T) {
	for _, device := range []string{"null", "zero", "tty", "none"} {
		plan := Plan{Module: "/dev/" + device}
		plan.Config.Mounts = []wasi.Mount{{Guest: "/dev", Host: "/dev", ReadOnly: true}}
		f, err := plan.Open()
		if err == nil {
			f.Close()
			t.Errorf("%s: opened", device)
		}
		var status interface{ ExitStatus() int }
		if !errors.As(err, &status) {
			t.Errorf("%s: %v", device, err)
		}
	}
}

// TestOpenNotPermitted tries a file that exists and that no guest may open, whoever the user is: one of procfs.
func TestOpenNotPermitted(t *testing.T) {
	plan := Plan{Module: "/host/proc/self/status"}
	plan.Config.Mounts = []wasi.Mount{{Guest: "/host", Host: "/", ReadOnly: true}}
	_, err := plan.Open()
	var file *FileError
	if !errors.As(err, &file) || file.ExitStatus() != 126 || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("err = %v", err)
	}
}

func TestNotFoundErrorIsShort(t *testing.T) {
	w := newWorld(t)
	w.plan.Module = strings.Repeat("n", 250)
	w.plan.Config.Env = []string{"PATH=" + strings.Repeat("/bin:", 1000)}
	_, err := w.plan.Open()
	var notFound *NotFoundError
	if !errors.As(err, &notFound) || len(notFound.Searched) != 1001 || len(err.Error()) > 2000 || !strings.Contains(err.Error(), "993 more") {
		t.Errorf("err = %v", err)
	}
}

func TestOpenWithoutSource(t *testing.T) {
	w := newWorld(t)
	w.plan.Module = "/x"
	w.plan.Config.Mounts[1].Host = filepath.Join(w.dir, "gone")
	_, err := w.plan.Open()
	var field *wasi.FieldError
	if !errors.As(err, &field) || field.Field != "Mounts[1].Host" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
	var status interface{ ExitStatus() int }
	if !errors.As(err, &status) || status.ExitStatus() != 125 {
		t.Errorf("%v has not the exit status 125: a mount is missing, not the module", err)
	}
}

// TestOpenIsOneFile: what is renamed over the module after Open is not read.
func TestOpenIsOneFile(t *testing.T) {
	w := newWorld(t)
	name := w.dir + "/rootfs/x"
	write(t, name, "first")
	w.plan.Module = "/x"
	f, err := w.plan.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, name+"2", "second")
	if err := os.Rename(name+"2", name); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); string(got) != "first" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOpenLeaksNothing(t *testing.T) {
	w := newWorld(t)
	write(t, w.dir+"/rootfs/x", "x")
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	before := count()
	for i := range 50 {
		w.plan.Module = []string{"/x", "/none", "/app", "none"}[i%4]
		if f, err := w.plan.Open(); err == nil {
			f.Close()
		}
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors, were %d", after, before)
	}
}
