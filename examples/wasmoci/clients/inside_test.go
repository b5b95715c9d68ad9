//go:build clients && linux

package clients

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program runs three times: outside it builds what the tests need; as PID 1 of new namespaces it mounts, and
// collects orphans; below that it runs the tests.
const (
	stage = "WASMOCI_CLIENTS_STAGE" // what this process is: empty (outside), init, tests
	space = "WASMOCI_CLIENTS_SPACE" // the directory of this run
)

// system is where other clients are unpacked than the host's own: their files then lie over the host's.
var system = flag.String("system", "", "use the clients that are unpacked in this `directory`")

func TestMain(m *testing.M) {
	flag.Parse()
	switch os.Getenv(stage) {
	case "tests":
		os.Exit(m.Run())
	case "init":
		exit(inside(os.Getenv(space)))
	default:
		exit(outside())
	}
}

// exit ends with the status of the stage that follows.
func exit(err error) {
	var status *exec.ExitError
	switch {
	case err == nil:
		os.Exit(0)
	case errors.As(err, &status):
		os.Exit(max(1, status.ExitCode()))
	}
	fmt.Fprintln(os.Stderr, "clients:", err)
	os.Exit(1)
}

// outside builds, and goes inside. When PID 1 there ends, everything ends that was started there, and its mounts are gone.
func outside() (err error) {
	if os.Getuid() != 0 {
		return errors.New("these tests make namespaces and mounts: run make test-clients as root")
	}
	dir, err := os.MkdirTemp("", "clients")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // containers of other users bind what is in here
		return err
	}
	if err := build(dir); err != nil {
		return err
	}
	before, err := cgroups()
	if err != nil {
		return err
	}
	cmd := again("init", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	after, listErr := cgroups()
	for name := range after {
		if !before[name] {
			err = errors.Join(err, removeCgroups(name))
		}
	}
	return errors.Join(err, listErr)
}

// again is this program in the next stage, with the same arguments.
func again(next, dir string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), stage+"="+next, space+"="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

// cgroups lists the groups at the top of each hierarchy.
func cgroups() (map[string]bool, error) {
	names := make(map[string]bool)
	var all error
	for _, group := range []string{"libpod_parent", "default", "k8s.io", "crio", "kubepods"} { // what clients make and leave
		found, err := filepath.Glob("/sys/fs/cgroup/*/" + group)
		for _, name := range found {
			names[name] = true
		}
		all = errors.Join(all, err)
	}
	return names, all
}

// removeCgroups removes a group and those in it, but what somebody else uses by now. The processes that were in there have been killed, and
// may take a moment.
func removeCgroups(name string) error {
	var groups []string
	err := filepath.WalkDir(name, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			groups = append(groups, path)
		}
		return err
	})
	slices.Reverse(groups)
	for _, group := range groups {
		rmErr := syscall.Rmdir(group)
		for begun := time.Now(); rmErr == syscall.EBUSY && !used(group) && time.Since(begun) < patience; rmErr = syscall.Rmdir(group) {
			time.Sleep(20 * time.Millisecond)
		}
		if rmErr != nil && rmErr != syscall.ENOENT && !used(group) {
			err = errors.Join(err, fmt.Errorf("left is the control group %s: %w", group, rmErr))
		}
	}
	return err
}

// used says whether a group has processes, or groups.
func used(group string) bool {
	entries, _ := os.ReadDir(group)
	return readFile(filepath.Join(group, "cgroup.procs")) != "" || slices.ContainsFunc(entries, os.DirEntry.IsDir)
}

// inside is PID 1.
func inside(dir string) error {
	if err := errors.Join(mounts(dir), loopback()); err != nil {
		return err
	}
	cmd := again("tests", dir)
	cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Join(dir, "memory", "tmp"))
	if err := cmd.Start(); err != nil {
		return err
	}
	for { // orphans, too: conmon, and what containers left
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, 0, nil); {
		case err == syscall.EINTR:
		case err != nil:
			return fmt.Errorf("waiting for the tests: %w", err)
		case pid == cmd.Process.Pid:
			if status.Signaled() {
				os.Exit(128 + int(status.Signal()))
			}
			os.Exit(status.ExitStatus())
		}
	}
}

// loopback has the address 127.0.0.1 be there, which containerd listens on.
func loopback() error {
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(socket)
	lo.SetUint16(unix.IFF_UP)
	return os.NewSyscallError("ioctl", unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo))
}

// mounts makes the file system that the tests see.
func mounts(dir string) error {
	memory := filepath.Join(dir, "memory")
	if err := mkdirs(memory); err != nil {
		return err
	}
	steps := []error{
		syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
		syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""),
		syscall.Mount("tmpfs", "/run", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"),
		syscall.Mount("tmpfs", memory, "tmpfs", 0, "mode=755"),
		mkdirs(filepath.Join(memory, "tmp"), filepath.Join(memory, "home")),
		layer(memory, "/etc"),
		layer(memory, "/usr", unpacked("usr")...),
		layer(memory, "/var"),
		layer(memory, "/usr/local", filepath.Join(dir, "prefix")),
		mkdirs("/etc/containers", "/etc/wasmoci", "/var/lib/containers", "/var/lib/containerd", "/var/cache/wasmoci"),
		syscall.Mount("tmpfs", "/var/lib/containers", "tmpfs", 0, "mode=700"), // no layers on layers
		syscall.Mount("tmpfs", "/var/lib/containerd", "tmpfs", 0, "mode=700"),
		syscall.Mount("tmpfs", "/var/cache/wasmoci", "tmpfs", 0, "mode=700"),
		os.WriteFile("/etc/containers/containers.conf", []byte(containersConf), 0o644),
	}
	for i, err := range steps {
		if err != nil {
			return fmt.Errorf("mounting, step %d: %w", i, err)
		}
	}
	// crun takes a hybrid of both versions of control groups for none of them. It makes its directories all the same, in what is there.
	const unified = "/sys/fs/cgroup/unified"
	if err := syscall.Unmount(unified, syscall.MNT_DETACH); err == nil {
		return syscall.Mount("tmpfs", unified, "tmpfs", 0, "mode=755")
	} else if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("unmounting the unified control groups: %w", err)
	}
	return nil
}

// unpacked is a directory of system, where there is one.
func unpacked(dir string) []string {
	if *system == "" {
		return nil
	}
	return []string{filepath.Join(*system, dir)}
}

// layer makes a directory writable in memory, with others over it.
func layer(memory, dir string, over ...string) error {
	name := strings.ReplaceAll(dir, "/", "-")
	upper, work := filepath.Join(memory, "upper"+name), filepath.Join(memory, "work"+name)
	if err := mkdirs(upper, work); err != nil {
		return err
	}
	return syscall.Mount("overlay", dir, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(append(over, dir), ":"), upper, work))
}

func mkdirs(dirs ...string) error {
	var all error
	for _, dir := range dirs {
		all = errors.Join(all, os.MkdirAll(dir, 0o755))
	}
	return all
}

// containersConf is what a host without systemd and without the capability to raise limits wants.
const containersConf = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
netns = "none"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"

# podman 5 takes this one for an image of the platform wasi/wasm, whatever --runtime says; its crun comes with another of that name.
[engine.runtimes]
crun-wasm = ["/usr/local/bin/crun-wasm"]
`
