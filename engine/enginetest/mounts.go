package enginetest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var mountCases = []Case{
	{
		Name:   "Mount/Two",
		Why:    "two mounts are two preopens, numbered in the order given, and neither sees the other",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/b", Host: "one"}, {Guest: "/a", Host: "two"}}},
		files:  files{"one/x": "1", "two/y": "2"},
		script: `
			prestat 3 => "/b"
			prestat 4 => "/a"
			prestat 5 => EBADF
			cat 3 x => "1"
			cat 4 y => "2"
			cat 3 y => ENOENT
			rename 3 x 4 x => EXDEV
			link 3 x 4 x => EXDEV`,
	},
	{
		Name:   "Mount/SameDirectory",
		Why:    "one directory may be mounted twice, writable and not",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/w", Host: "d"}, {Guest: "/r", Host: "d", ReadOnly: true}}},
		files:  files{"d/a": "a"},
		after:  files{"d/b": "b"},
		script: `
			put 3 b b => ok
			cat 4 b => "b"
			put 4 c c => EROFS`,
	},
	{
		Name:   "Mount/Root",
		Why:    "with a mount at / absolute links resolve against it, as they do in a container",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "root"}}},
		files:  files{"root/etc/real": "found", "root/l": linkTo + "/etc/real", "root/etc/up": linkTo + "../../../etc/real", "real": canary},
		script: `
			prestat 3 => "/"
			cat 3 etc/real => "found"
			cat 3 l => "found"
			cat 3 etc/up => "found"
			os.readfile /l => "found"`,
	},
	{
		Name: "Mount/NestedOver",
		Why:  "a mount beneath another is what stands at that place in the parent's tree, and covers what the parent has there",
		config: wasi.Config{Mounts: []wasi.Mount{
			{Guest: "/", Host: "root"}, {Guest: "/data", Host: "data"}, {Guest: "/data/deep/er", Host: "deep"},
		}},
		files: files{"root/data/covered": canary, "root/a": "a", "data/b": "b", "deep/c": "c"},
		after: files{"data/new": "n", "deep/new": "d"},
		script: `
			cat 3 data/b => "b"
			cat 3 data/covered => ENOENT
			cat 3 data/deep/er/c => "c"
			cat 4 deep/er/c => "c"
			cat 5 c => "c"
			put 3 data/new n => ok
			put 4 deep/er/new d => ok
			ls 4 => b,deep,new
			ls 3 => a,data
			open 3 data/deep dir => ok
			ls $ => er
			same 3 data 4 . => true
			rename 3 a 3 data/a => EXDEV
			rmdir 3 data => EBUSY|ENOTEMPTY|EPERM|EACCES|EROFS
			rename 3 data 3 moved => EBUSY|EXDEV|EPERM|EACCES|EROFS`,
	},
	{
		Name: "Mount/NestedAnyOrder",
		Why:  "the order in which nested mounts are listed makes no difference but to the numbers of the preopens",
		config: wasi.Config{Mounts: []wasi.Mount{
			{Guest: "/data/deep/er", Host: "deep"}, {Guest: "/data", Host: "data"}, {Guest: "/", Host: "root"},
		}},
		files: files{"root/data/covered": canary, "root/a": "a", "data/b": "b", "deep/c": "c"},
		script: `
			prestat 3 => "/data/deep/er"
			prestat 5 => "/"
			cat 5 data/b => "b"
			cat 5 data/covered => ENOENT
			cat 5 data/deep/er/c => "c"
			cat 4 deep/er/c => "c"
			ls 4 => b,deep
			ls 5 => a,data`,
	},
	{
		Name:   "Mount/NestedParent",
		Why:    "'..' in a mount leads to the parent in the guest's tree, and never to the mounted directory's own parent",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "root"}, {Guest: "/sub", Host: "elsewhere/sub"}}},
		files: files{
			"root/a": "parent", "elsewhere/a": canary, "elsewhere/sub/b": "b",
			"elsewhere/sub/up": linkTo + "../a", "root/down": linkTo + "sub/../sub/b",
		},
		script: `
			cat 3 sub/../a => "parent"
			cat 3 sub/up => "parent"
			cat 3 down => "b"
			cat 3 sub/../sub/b => "b"
			os.readfile /sub/../a => "parent" ; component: error`,
	},
	{
		Name:   "Mount/NestedReadOnlyParent",
		Why:    "a writable mount beneath a read-only one is writable, and only that",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "root", ReadOnly: true}, {Guest: "/w", Host: "w"}}},
		files:  files{"root/a": "a", "w/": ""},
		after:  files{"w/": gone, "w/x": "x"},
		script: `
			put 3 w/x x => ok
			put 3 x x => EROFS
			mkdir 3 w2 => EROFS`,
	},
	{
		Name: "Mount/NoPreopen",
		Why:  "what is to be no preopen is found by the mount above it, and only so",
		config: wasi.Config{Mounts: []wasi.Mount{
			{Guest: "/", Host: "root"}, {Guest: "/in", Host: "in", NoPreopen: true}, {Guest: "/w", Host: "w"},
		}},
		files: files{"root/": "", "in/a": "a", "w/b": "b"},
		after: files{"in/new": "x"},
		script: `
			prestat 3 => "/"
			prestat 4 => "/w"
			prestat 5 => EBADF
			cat 3 in/a => "a"
			put 3 in/new x => ok`,
	},
	{
		Name:   "Mount/File",
		Why:    "a single file is mounted alone: what stands beside it on the host is not there, and it has no preopen of its own",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "root"}, {Guest: "/etc/app.conf", Host: "conf/app.conf"}}},
		also:   []engine.Capability{engine.MountFile},
		files:  files{"root/a": "a", "conf/app.conf": "setting", "conf/other": canary},
		after:  files{"conf/app.conf": "changed"},
		script: `
			cat 3 etc/app.conf => "setting"
			open 3 etc dir => ok
			ls $ => app.conf
			cat 3 etc/other => ENOENT
			cat 3 etc/app.conf/../other => ENOTDIR|ENOENT
			stat 3 etc/app.conf => file 7
			put 3 etc/app.conf changed => ok
			unlink 3 etc/app.conf => EBUSY|EPERM|EACCES|EROFS
			prestat 4 => EBADF`,
	},
	{
		Name: "Mount/FileReadOnly",
		Why:  "a read-only file cannot be changed in a writable directory",
		config: wasi.Config{Mounts: []wasi.Mount{
			{Guest: "/", Host: "root"}, {Guest: "/app.conf", Host: "conf/app.conf", ReadOnly: true},
		}},
		also:  []engine.Capability{engine.MountFile},
		files: files{"root/app.conf": "covered", "conf/app.conf": "setting"},
		script: `
			cat 3 app.conf => "setting"
			open 3 app.conf w => EROFS
			open 3 app.conf w trunc => EROFS
			times 3 app.conf 1 1 => EROFS
			unlink 3 app.conf => !
			rename 3 app.conf 3 b => !`,
	},
	{
		Name:   "Mount/Hidden",
		Why:    "a hidden path and all beneath it does not exist, under any name, and what is there stays as it is",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}, {Guest: "/m/secret", Hidden: true}, {Guest: "/m/d/f", Hidden: true}}},
		files:  files{"m/secret/key": canary, "m/d/f": canary, "m/d/g": "g", "m/l": linkTo + "secret/key", "m/ld": linkTo + "secret"},
		script: `
			cat 3 secret/key => ENOENT
			cat 3 d/f => ENOENT
			cat 3 d/g => "g"
			cat 3 l => ENOENT
			cat 3 ld/key => ENOENT
			cat 3 d/../secret/key => ENOENT
			stat 3 secret => ENOENT
			open 3 secret dir => ENOENT
			ls 3 => d,l,ld
			open 3 d dir => ok
			ls $ => g
			cat $ f => ENOENT
			rmdir 3 secret => !
			rename 3 secret 3 found => !
			rename 3 d 3 e => !
			mkdir 3 secret => !
			put 3 d/f x => !
			unlink 3 d/f => !
			link 3 d/f 3 h => !`,
	},
	{
		Name:   "Mount/OpenDirectory",
		Why:    "a directory that the caller has open is mounted, whatever its path means by now, and stays the caller's",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "/nowhere/at/all"}}},
		also:   []engine.Capability{engine.MountOpen},
		files:  files{"m/a": "a"},
		after:  files{"m/b": "b"},
		script: `
			cat 3 a => "a"
			put 3 b b => ok
			prestat 3 => "/m"`,
		prepare: func(t *trial) { t.cfg.Mounts[0].File = t.openFile("m") },
		drive: func(t *trial) {
			t.play()
			f := t.cfg.Mounts[0].File
			if _, err := f.Readdirnames(-1); err != nil {
				t.Errorf("the caller's directory was closed, or used up: %v", err)
			}
		},
	},
	{
		Name:    "Mount/OpenFile",
		Why:     "a file that the caller has open for reading is mounted; it cannot be written through the mount when that is read-only",
		config:  wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "root"}, {Guest: "/a", Host: "/nowhere", ReadOnly: true}}},
		also:    []engine.Capability{engine.MountOpen, engine.MountFile},
		files:   files{"root/": "", "x": "content"},
		prepare: func(t *trial) { t.cfg.Mounts[1].File = t.openFile("x") },
		script: `
			cat 3 a => "content"
			cat 3 a => "content"
			open 3 a w => EROFS`,
		drive: func(t *trial) {
			t.play()
			b := make([]byte, 20)
			if n, err := t.cfg.Mounts[1].File.Read(b); err != nil || string(b[:n]) != "content" {
				t.Errorf("the caller's file was moved or closed: read %q, %v", b[:n], err)
			}
		},
	},
	{
		Name:   "Mount/Renamed",
		Why:    "a mount is the directory that was there at the start: renaming and replacing it on the host changes nothing for the guest",
		config: oneMount,
		files:  files{"m/a": "old", "evil/a": canary},
		after:  files{"m/a": canary, "evil/a": gone, "moved/a": "old", "moved/b": "b"},
		script: `
			cat 3 a => "old"
			print 2 ready
			read 0 1 => "x"
			cat 3 a => "old"
			put 3 b b => ok`,
		drive: meanwhile(func(t *trial) error {
			return errors.Join(os.Rename(t.path("m"), t.path("moved")), os.Rename(t.path("evil"), t.path("m")))
		}),
	},
	{
		Name:   "Mount/Missing",
		Why:    "a mount whose host path does not exist fails the start with its field and name, before the guest runs",
		config: oneMount,
		drive: func(t *trial) {
			_, err := t.module("hello").Start(t.endless(), t.cfg)
			t.fieldError(err, "Mounts[0].Host")
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got the error %v, want one that is fs.ErrNotExist", err)
			}
			if status := engine.ExitCode(err); status != 125 {
				t.Errorf("exit status %d, want 125: the host's own failure", status)
			}
			t.silent()
		},
	},
	{
		Name:   "Mount/Invalid",
		Why:    "an invalid Config is refused with every problem at once, before anything else",
		config: oneMount,
		files:  files{"m/": ""},
		drive: func(t *trial) {
			bad := t.cfg.Clone()
			bad.Mounts = append(bad.Mounts, bad.Mounts[0], wasi.Mount{Guest: "../x", Host: t.dir}, wasi.Mount{Guest: "/y"})
			bad.Env = []string{"no equals sign"}
			bad.Args = []string{"a\x00b"}
			_, err := t.module("hello").Start(t.endless(), bad)
			t.fieldError(err, "Args[0]", "Env[0]", "Mounts[1].Guest", "Mounts[2].Guest", "Mounts[3]")
			t.silent()
		},
	},
	{
		Name:   "Mount/Tmpfs",
		Why:    "a file system in memory is empty, writable, bounded, and ends with the run",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/tmp", Tmpfs: &wasi.Tmpfs{SizeBytes: 64 << 10}}}},
		script: `
			prestat 3 => "/tmp"
			ls 3
			put 3 a content => ok
			mkdir 3 d => ok
			rename 3 a 3 d/b => ok
			cat 3 d/b => "content"
			symlink d/b 3 l => ok
			cat 3 l => "content"
			open 3 big w creat => ok
			fill $ 131072 => ENOSPC|EDQUOT
			close $ => ok
			unlink 3 big => ok
			open 3 small w creat => ok
			fill $ 32768 => ok
			cat 3 ../etc/passwd => !`,
		drive: func(t *trial) {
			for range 2 { // the second run has a new one
				t.stdout = newSink()
				t.cfg.Stdout = t.stdout
				t.play()
			}
		},
	},
	{
		Name: "Mount/TmpfsNested",
		Why:  "a file system in memory covers what its parent has there, has mounts of its own beneath it, and is a file system of its own",
		config: wasi.Config{Mounts: []wasi.Mount{
			{Guest: "/", Host: "root", ReadOnly: true}, {Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}}, {Guest: "/tmp/in/data", Host: "data"},
		}},
		files: files{"root/a": "a", "root/tmp/covered": canary, "root/l": linkTo + "/tmp/x", "data/b": "b"},
		after: files{"data/n": "n"},
		script: `
			prestat 4 => "/tmp"
			cat 3 tmp/covered => ENOENT
			put 3 tmp/x text => ok
			cat 4 x => "text"
			cat 3 l => "text"
			cat 4 in/data/b => "b"
			put 4 in/data/n n => ok
			cat 4 in/data/../../x => "text"
			cat 3 tmp/../a => "a"
			ls 4 => in,x
			ls 3 => a,l,tmp
			rename 4 x 5 x => EXDEV
			link 4 x 5 x => EXDEV
			rename 3 a 4 a => EXDEV
			put 3 y y => EROFS
			rmdir 3 tmp => EBUSY|ENOTEMPTY|EPERM|EACCES|EROFS
			os.writefile /tmp/by-name text => ok
			os.mkdirall /tmp/c/d/e => ok
			os.removeall /tmp/c => ok
			os.readdir /tmp => by-name,in,x`,
	},
	{
		Name:   "Mount/TmpfsReadOnly",
		Why:    "a read-only file system in memory is there, empty, and stays it",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/ro", Tmpfs: &wasi.Tmpfs{}, ReadOnly: true}}},
		script: `
			ls 3
			mkdir 3 d => EROFS
			put 3 a a => EROFS
			symlink a 3 l => EROFS
			times 3 . 1 1 => EROFS
			stat 3 a => ENOENT`,
	},
	{
		Name:   "Mount/NotMutated",
		Why:    "a Config is never modified, and may be changed once Start has returned",
		config: wasi.Config{Args: []string{"spare", "cat 3 a", "read 0 1", "cat 3 a"}, Env: []string{"A=1"}, Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}, Dir: "/m"},
		files:  files{"m/a": "a", "n/a": canary},
		guest:  gopher,
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdin = r
			before := t.cfg.Clone()
			inst := t.start(t.endless())
			if !slices.Equal(t.cfg.Args, before.Args) || !slices.Equal(t.cfg.Env, before.Env) || !slices.Equal(t.cfg.Mounts, before.Mounts) ||
				t.cfg.Dir != before.Dir || t.cfg.Stdin != before.Stdin || t.cfg.Stdout != before.Stdout {
				t.Errorf("the Config was %+v and is %+v", before, t.cfg)
			}
			clear(t.cfg.Args)
			clear(t.cfg.Env)
			t.cfg.Mounts[0].Host = t.path("n")
			if _, err := io.WriteString(w, "x"); err != nil {
				t.Fatal(err)
			}
			t.same(t.wait(inst), nil)
			if got, want := t.stdout.String(), "\"a\"\n\"x\"\n\"a\"\n"; got != want {
				t.Errorf("the guest wrote %q, want %q", got, want)
			}
		},
	},
	{
		Name: "Mount/NilConfig",
		Why:  "a nil Config is the zero Config",
		bare: true,
		drive: func(t *trial) {
			t.same(engine.Run(t.endless(), t.module("hello"), nil), nil)
		},
	},
}

// meanwhile is a drive that does something on the host once the guest has printed "ready" on stderr; then the guest reads
// "x" from stdin, and goes on.
func meanwhile(host func(*trial) error) func(*trial) {
	return func(t *trial) {
		r, w := pipe(t)
		t.cfg.Stdin = r
		inst := t.start(t.endless())
		t.stderr.await(t, "ready")
		if err := host(t); err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString("x"); err != nil {
			t.Fatal(err)
		}
		t.same(t.wait(inst), nil)
		t.c.script.check(t, t.stdout.String(), t.dir)
	}
}

// fieldError checks that err joins a *wasi.FieldError for each field and no other.
func (t *trial) fieldError(err error, fields ...string) {
	t.Helper()
	var got []string
	var collect func(error)
	collect = func(err error) {
		if f, ok := err.(*wasi.FieldError); ok { //nolint:errorlint // this walks the tree itself
			got = append(got, f.Field)
			return
		}
		switch e := err.(type) { //nolint:errorlint // this walks the tree itself
		case interface{ Unwrap() error }:
			collect(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				collect(one)
			}
		}
	}
	collect(err)
	if !slices.Equal(got, fields) {
		t.Errorf("got the error %v, want a *wasi.FieldError for each of %q", err, fields)
	}
}
