//go:build linux && root

package enginetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// These tests need root: they make devices and mounts, and run the attempts to escape where the kernel has less to offer.
// Each runs in a child, this test binary again, with a mount namespace of its own, so that no mount outlives it.

// What the child is to do, by the environment's variables.
const (
	inEnvironment = "ENGINETEST_ENVIRONMENT" // what to make of the process
	guestFile     = "ENGINETEST_GUEST"       // the Go guest, which cannot be built there
	theCases      = "ENGINETEST_CASES"       // what to run, by a name of rootCases; not set: program
	program       = "vfs.test"               // in the temporary directory
)

const nobody = 65534

// environments are what a host may be like, by name. Each changes the process, for good.
var environments = map[string]func() error{
	"plain":            func() error { return nil },
	"openat2 unknown":  func() error { return refuseOpenat2(unix.ENOSYS) },
	"openat2 refused":  func() error { return refuseOpenat2(unix.EPERM) },
	"no proc":          withoutProc,
	"not root":         asNobody,
	"neither of these": func() error { return errors.Join(refuseOpenat2(unix.ENOSYS), withoutProc(), asNobody()) },
}

func TestMain(m *testing.M) {
	if name := os.Getenv(inEnvironment); name != "" {
		if err := enter(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// enter makes the environment for what follows, which is the program, if one is given.
func enter(name string) error {
	guest, err := os.ReadFile(os.Getenv(guestFile))
	if err != nil {
		return err
	}
	buildGopher = func() ([]byte, error) { return guest, nil }
	change, ok := environments[name]
	if !ok {
		return fmt.Errorf("no environment %q", name)
	}
	if err := change(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if os.Getenv(theCases) != "" {
		return nil
	}
	p := filepath.Join(os.TempDir(), program)
	return fmt.Errorf("exec: %w", unix.Exec(p, append([]string{p}, os.Args[1:]...), os.Environ()))
}

// refuseOpenat2 installs a seccomp filter for all threads, and sees to it that it works.
func refuseOpenat2(errno syscall.Errno) error {
	const returnErrno, allow, setModeFilter, forAllThreads = 0x50000, 0x7fff0000, 1, 1
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_OPENAT2, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: returnErrno | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: allow},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, forAllThreads, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	if fd, err := unix.Openat2(unix.AT_FDCWD, ".", &unix.OpenHow{Flags: unix.O_PATH}); err != errno {
		return fmt.Errorf("openat2 gives %d, %w, want %w", fd, err, errno)
	}
	return nil
}

// withoutProc takes the temporary directory for the root, where there is nothing else.
func withoutProc() error {
	if err := unix.Chroot(os.TempDir()); err != nil {
		return err
	}
	if err := errors.Join(os.Chdir("/"), os.Setenv("TMPDIR", "/")); err != nil {
		return err
	}
	if _, err := os.Stat("/proc"); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is a /proc: %w", err)
	}
	return nil
}

func asNobody() error {
	return errors.Join(os.Chown(os.TempDir(), nobody, nobody), syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody))
}

// child runs tests in an environment, with a temporary directory of their own: those of the test binary of wasi/vfs, or
// the cases of that name.
func child(t *testing.T, environment, binary, cases string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test needs root: run make test-root as root")
	}
	guest, err := buildGopher()
	if err != nil {
		t.Fatal(err)
	}
	guestName := filepath.Join(t.TempDir(), "gopher.wasm")
	dir, err := os.MkdirTemp("", "root") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the child has left something behind: %v", err)
		}
	})
	run := "^TestRoot$"
	if err := os.WriteFile(guestName, guest, 0o600); err != nil {
		t.Fatal(err)
	}
	if binary != "" {
		run = "^(TestEscape|TestRace.*)$"
		content, err := os.ReadFile(binary)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, program), content, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run="+run, "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), inEnvironment+"="+environment, guestFile+"="+guestName, theCases+"="+cases, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS} // every mount in it private
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), "--- SKIP"); n > 0 {
		t.Errorf("%d tests were skipped\n%s", n, out)
	}
	n := strings.Count(string(out), "--- PASS")
	if n < 3 {
		t.Errorf("only %d tests have run\n%s", n, out)
	}
	t.Logf("%d tests have passed", n)
}

// rootCases are what a child may run.
var rootCases = map[string]func() []Case{
	"files": fileRules,
	"files without proc": func() []Case {
		return slices.DeleteFunc(fileRules(), func(c Case) bool {
			// They grant what is not there, but for the first, which needs a /proc and says so.
			return slices.Contains([]string{
				"Mount/OpenFile", "Escape/ProcGranted", "Escape/ProcOfAll", "Escape/DevicesGranted", "Escape/DevicesWritten",
			}, c.Name)
		})
	},
	"mounts":     func() []Case { return complete(mountedCases) },
	"devices":    func() []Case { return complete(nodeCases) },
	"unreadable": func() []Case { return complete(unreadableCases) },
}

// fileRules are all attempts to escape, and what else is about files.
func fileRules() []Case {
	return slices.DeleteFunc(Cases(), func(c Case) bool {
		group, _, _ := strings.Cut(c.Name, "/")
		return !slices.Contains([]string{"Escape", "Mount", "File", "ReadOnly"}, group)
	})
}

// TestRoot runs every attempt to escape, and what else is about files, in each environment, and what only root can make.
func TestRoot(t *testing.T) {
	if os.Getenv(inEnvironment) != "" { // this is the child
		s := newSuite(t, wazero.New)
		for _, c := range rootCases[os.Getenv(theCases)]() {
			t.Run(c.Name, func(t *testing.T) { s.run(t, c) })
		}
		return
	}
	for name := range environments {
		cases := "files"
		if name == "no proc" || name == "neither of these" {
			cases = "files without proc"
		}
		t.Run(name, func(t *testing.T) { child(t, name, "", cases) })
	}
	t.Run("mounts", func(t *testing.T) { child(t, "plain", "", "mounts") })
	t.Run("mounts without openat2", func(t *testing.T) { child(t, "openat2 refused", "", "mounts") })
	t.Run("devices", func(t *testing.T) { child(t, "plain", "", "devices") })
	t.Run("devices without proc", func(t *testing.T) { child(t, "no proc", "", "devices") })
	t.Run("unreadable", func(t *testing.T) { child(t, "not root", "", "unreadable") })
	t.Run("unreadable without any of it", func(t *testing.T) { child(t, "neither of these", "", "unreadable") })
}

// TestRootVFS runs the attempts to escape and the races of wasi/vfs where the kernel has less to offer.
func TestRootVFS(t *testing.T) {
	binary := filepath.Join(t.TempDir(), program)
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, "../../wasi/vfs")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // to run where there is no library
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"openat2 unknown", "openat2 refused", "no proc", "neither of these"} {
		t.Run(name, func(t *testing.T) { child(t, name, binary, "") })
	}
}

// mountedCases are attempts to escape through what the host has mounted in a directory that it grants.
var mountedCases = []Case{
	escape("MountedProc", "a procfs mounted somewhere in the grant would be the host's /proc under another name",
		files{"m/p/": "", "m/l": linkTo + "p/self/root", "m/d/up": linkTo + "../p/self/environ"}, `
		cat 3 p/self/environ => !
		cat 3 p/self/root$DIR/outside/secret => !
		cat 3 p/1/root$DIR/outside/secret => !
		cat 3 p/self/fd/0 => !
		cat 3 p/thread-self/environ => !
		cat 3 d/../p/self/environ => !
		cat 3 l$DIR/outside/secret => !
		cat 3 d/up => !
		open 3 p dir => !
		open 3 p/self dir => !
		stat 3 p/self/environ => !
		readlink 3 p/self/root => !
		readlink 3 p/self => !
		open 3 p/self/comm w => !
		put 3 p/self/comm x => !
		cat 3 a => "inside"`).under("m/p", "proc", "proc", 0, ""),
	escape("BoundProcDirectory", "one process's directory of a procfs, bound into the grant, would lead to its tree",
		files{"m/p/": ""}, `
		cat 3 p/environ => !
		cat 3 p/root$DIR/outside/secret => !
		cat 3 p/cwd/case.go => !
		open 3 p dir => !
		open 3 p/fd dir => !
		cat 3 p/task/../environ => !`).under("m/p", "/proc/self", "", unix.MS_BIND, ""),
	escape("BoundProcFile", "one file of a procfs, bound over a file of the grant, would be the host's",
		files{"m/f": "covered"}, `
		cat 3 f => !
		stat 3 f => !
		open 3 f r nofollow => !
		open 3 f w => !
		link 3 f 3 h => !`).under("m/f", "/proc/self/environ", "", unix.MS_BIND, ""),
	escape("MountedTmpfs", "'..' in a file system that is mounted in the grant would be that of the host's mount",
		files{"m/t/": ""}, `
		put 3 t/x x => ok
		cat 3 t/x => "x"
		cat 3 t/../a => "inside"
		cat 3 t/../../outside/secret => !
		symlink ../../outside/secret 3 t/l => ok
		cat 3 t/l => !
		open 3 t dir => ok
		cat $ ../../outside/secret => !
		rename 3 a 3 t/a => EXDEV
		link 3 a 3 t/a => EXDEV
		rename 3 t 3 u => EBUSY
		rmdir 3 t => EBUSY|ENOTEMPTY`).under("m/t", "tmpfs", "tmpfs", 0, "size=64k"),
	escape("MountedOverlay", "links in the layers of an overlay would lead out of where it is mounted",
		files{"m/o/": ""}, `
		cat 3 o/x => "x"
		cat 3 o/l => !
		cat 3 o/abs => !
		cat 3 o/d/../../../outside/secret => !
		put 3 o/l x => !
		put 3 o/x changed => ok
		cat 3 o/x => "changed"
		open 3 o/d dir => ok
		rename 3 o/d 3 o/e => *
		cat $ ../../../outside/secret => !
		open 3 o/x rw trunc => ok
		write $ again => 5
		cat 3 o/x => "again"`).overlaid("m/o"),
	escape("MountedOver", "what a mount of the host covers would be reached beneath it",
		files{"m/c/secret": canary}, `
		cat 3 c/secret => ENOENT
		open 3 c dir => ok
		cat $ secret => ENOENT
		ls $
		cat 3 c/../c/secret => ENOENT`).under("m/c", "tmpfs", "tmpfs", 0, "size=64k"),
	escape("BoundParent", "a directory around the grant, bound into it, would make '..' lead round in it and out",
		files{"m/b/": "", "deep/er/ok": "inside"}, `
		cat 3 b/er/ok => "inside"
		cat 3 b/../../outside/secret => !
		cat 3 b/er/../../../outside/secret => !
		cat 3 b/er/../ok => ENOENT
		open 3 b/er dir => ok
		cat $ ../../outside/secret => !`).under("m/b", "$DIR/deep", "", unix.MS_BIND|unix.MS_REC, ""),
}

// while runs the case between two changes to the host, the first of which makes what files cannot describe.
func (c Case) while(change, undo func(*trial) error) Case {
	c.drive = func(t *trial) {
		if err := change(t); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := undo(t); err != nil {
				t.Error(err)
			}
		}()
		t.play()
	}
	return c
}

// under is the case while something is mounted at that name.
func (c Case) under(name, source, fstype string, flags uintptr, options string) Case {
	return c.while(
		func(t *trial) error {
			return unix.Mount(strings.ReplaceAll(source, "$DIR", t.dir), t.path(name), fstype, flags, options)
		},
		func(t *trial) error { return unix.Unmount(t.path(name), unix.MNT_DETACH) })
}

// overlaid is the case while an overlay is mounted at that name.
func (c Case) overlaid(name string) Case {
	return c.while(func(t *trial) error {
		if err := unix.Mount("tmpfs", t.path(name), "tmpfs", 0, ""); err != nil { // a layer cannot be on every file system
			return err
		}
		files{
			"lower/x": "x", "lower/d/": "", "lower/l": linkTo + "../../outside/secret", "lower/abs": linkTo + t.path("outside/secret"),
			"upper/": "", "work/": "",
		}.write(t, t.path(name))
		layers := strings.ReplaceAll("lowerdir=AT/lower,upperdir=AT/upper,workdir=AT/work", "AT", t.path(name))
		return unix.Mount("overlay", t.path(name), "overlay", 0, layers)
	}, func(t *trial) error {
		return errors.Join(unix.Unmount(t.path(name), unix.MNT_DETACH), unix.Unmount(t.path(name), unix.MNT_DETACH))
	})
}

// nodeCases are attempts to escape through devices that an image has in its own directories.
var nodeCases = []Case{
	escape("NodeCharacter", "character devices of the image would be the host's memory, terminals and log",
		nil, `
		cat 3 mem => EPERM|EACCES|ENOTCAPABLE
		cat 3 kmem => EPERM|EACCES|ENOTCAPABLE
		cat 3 port => EPERM|EACCES|ENOTCAPABLE
		cat 3 kmsg => EPERM|EACCES|ENOTCAPABLE
		cat 3 tty => EPERM|EACCES|ENOTCAPABLE
		cat 3 tty0 => EPERM|EACCES|ENOTCAPABLE
		cat 3 console => EPERM|EACCES|ENOTCAPABLE
		cat 3 ptmx => EPERM|EACCES|ENOTCAPABLE
		cat 3 fuse => EPERM|EACCES|ENOTCAPABLE
		cat 3 tun => EPERM|EACCES|ENOTCAPABLE
		cat 3 null => ""
		open 3 mem rw => EPERM|EACCES|ENOTCAPABLE
		open 3 kmsg w => EPERM|EACCES|ENOTCAPABLE
		open 3 tty w => EPERM|EACCES|ENOTCAPABLE
		open 3 console w trunc => EPERM|EACCES|ENOTCAPABLE
		open 3 ptmx rw nofollow => EPERM|EACCES|ENOTCAPABLE
		open 3 tty dir => ENOTDIR
		symlink mem 3 l => ok
		cat 3 l => EPERM|EACCES|ENOTCAPABLE
		unlink 3 l => ok
		link 3 mem 3 h => *
		cat 3 h => !
		unlink 3 h => *`).withNodes(unix.S_IFCHR, characterNodes),
	escape("NodeBlock", "block devices of the image would be the host's disks",
		nil, `
		cat 3 sda => EPERM|EACCES|ENOTCAPABLE
		cat 3 vda => EPERM|EACCES|ENOTCAPABLE
		cat 3 loop0 => EPERM|EACCES|ENOTCAPABLE
		cat 3 ram0 => EPERM|EACCES|ENOTCAPABLE
		open 3 sda rw => EPERM|EACCES|ENOTCAPABLE
		open 3 vda w trunc => EPERM|EACCES|ENOTCAPABLE
		open 3 loop0 w => EPERM|EACCES|ENOTCAPABLE
		rename 3 sda 3 disk => ok
		cat 3 disk => EPERM|EACCES|ENOTCAPABLE
		rename 3 disk 3 sda => ok`).withNodes(unix.S_IFBLK, blockNodes),
	escape("NodeHarmless", "the numbers of what may be opened would be taken for those of a disk, which has the same in another kind",
		nil, `
		cat 3 null => EPERM|EACCES|ENOTCAPABLE
		cat 3 zero => EPERM|EACCES|ENOTCAPABLE
		cat 3 full => EPERM|EACCES|ENOTCAPABLE
		open 3 random rw => EPERM|EACCES|ENOTCAPABLE`).withNodes(unix.S_IFBLK, map[string][2]uint32{
		"null": {1, 3}, "zero": {1, 5}, "full": {1, 7}, "random": {1, 8},
	}),
	escape("NodeOutside", "a link to a device beside the mount would lead out, to the device",
		files{"m/l": linkTo + "../outside/null", "m/abs": linkTo + "$DIR/outside/null"}, `
		cat 3 l => !
		cat 3 abs => !
		cat 3 ../outside/null => !
		put 3 l x => !
		link 3 l 3 h follow => !`).withNodes(unix.S_IFCHR, map[string][2]uint32{"../outside/null": {1, 3}}),
	escape("NodeInRoot", "a device in the root file system of an image would be opened by its usual name",
		nil, `
		cat 3 mem => EPERM|EACCES|ENOTCAPABLE
		os.readfile /mem => error
		os.readfile /tty => error
		os.readfile /null => ""
		os.writefile /kmsg x => error
		os.writefile /ptmx x => error`).mounted(wasi.Mount{Guest: "/", Host: "m"}).withNodes(unix.S_IFCHR, characterNodes),
}

var (
	characterNodes = map[string][2]uint32{
		"mem": {1, 1}, "kmem": {1, 2}, "null": {1, 3}, "port": {1, 4}, "kmsg": {1, 11}, "tty0": {4, 0}, "tty": {5, 0},
		"console": {5, 1}, "ptmx": {5, 2}, "tun": {10, 200}, "fuse": {10, 229},
	}
	blockNodes = map[string][2]uint32{"ram0": {1, 0}, "loop0": {7, 0}, "sda": {8, 0}, "vda": {254, 0}}
)

// withNodes is the case with devices of one kind, by name and number.
func (c Case) withNodes(kind uint32, nodes map[string][2]uint32) Case {
	c.prepare = func(t *trial) {
		for name, number := range nodes {
			if err := unix.Mknod(t.path("m/"+name), kind|0o666, int(unix.Mkdev(number[0], number[1]))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

// unreadableCases are attempts to do more than the host's user may, who owns the files here and has taken leave from
// himself.
var unreadableCases = []Case{
	escape("UnreadableDirectory", "a directory that the host's user may not read, or not enter, would be by descriptor",
		files{"m/closed/secret": canary, "m/unlisted/known": "inside", "m/list/secret": canary, "m/l": linkTo + "closed/secret"}, `
		cat 3 closed/secret => EACCES
		cat 3 l => EACCES
		stat 3 closed/secret => EACCES
		put 3 closed/new x => EACCES
		rename 3 closed/secret 3 stolen => EACCES
		link 3 closed/secret 3 stolen => EACCES
		open 3 closed dir => ok|EACCES
		ls $ => EACCES|EBADF
		cat $ secret => !
		cat 3 unlisted/known => "inside"
		open 3 unlisted dir => ok|EACCES
		ls $ => EACCES|EBADF
		cat 3 list/secret => EACCES`).while(
		func(t *trial) error {
			return errors.Join(os.Chmod(t.path("m/closed"), 0), os.Chmod(t.path("m/unlisted"), 0o311), os.Chmod(t.path("m/list"), 0o444))
		},
		func(t *trial) error {
			return errors.Join(os.Chmod(t.path("m/closed"), 0o755), os.Chmod(t.path("m/unlisted"), 0o755), os.Chmod(t.path("m/list"), 0o755))
		}),
	escape("UnreadableFile", "a file that the host's user may not read, or not write, would be by descriptor",
		files{"m/closed": canary, "m/read": "inside"}, `
		cat 3 closed => EACCES
		open 3 closed rw => EACCES
		open 3 closed w trunc => EACCES
		cat 3 read => "inside"
		open 3 read w => EACCES
		open 3 read rw => EACCES
		open 3 read r trunc => EACCES
		stat 3 closed => file 13`).while(
		func(t *trial) error {
			return errors.Join(os.Chmod(t.path("m/closed"), 0), os.Chmod(t.path("m/read"), 0o444))
		},
		func(t *trial) error {
			return errors.Join(os.Chmod(t.path("m/closed"), 0o644), os.Chmod(t.path("m/read"), 0o644))
		}),
}
