package enginetest

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

//go:generate sh testdata/assemble.sh

// assembled are the guests written in the text format.
//
//go:embed testdata/*.wasm
var assembled embed.FS

// component is the guest that runs scripts as a component, written in Rust.
//
//go:embed testdata/component/crab.wasm
var component []byte

// gopherSource is the guest written in Go.
//
//go:embed testdata/gopher/*.go
var gopherSource embed.FS

// gopher is the name of the guest that runs scripts. It is built by the suite, see [buildGopher].
const gopher = "gopher"

// guest returns the module of that name.
func guest(name string) ([]byte, error) {
	if name == gopher {
		return buildGopher()
	}
	if name == crab {
		return component, nil
	}
	return assembled.ReadFile("testdata/" + name + ".wasm")
}

// buildGopher builds the Go guest, once in a process. It needs the go command, which is there whenever "go test" runs,
// and nothing from the network.
var buildGopher = sync.OnceValues(func() (wasm []byte, err error) {
	dir, err := os.MkdirTemp("", "enginetest-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := os.RemoveAll(dir); err == nil {
			err = e
		}
	}()
	source, err := fs.Sub(gopherSource, "testdata/gopher")
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, source); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module gopher\n\ngo 1.25\n"), 0o600); err != nil {
		return nil, err
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "gopher.wasm", ".")
	build.Dir = dir
	build.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { // what is set for the suite is not for its guest
		return strings.HasPrefix(e, "GOFLAGS=") || strings.HasPrefix(e, "GOEXPERIMENT=")
	})
	build.Env = append(build.Env, "PWD="+dir, "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off", "GOPROXY=off", "GOTOOLCHAIN=local")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("enginetest: build the Go guest: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "gopher.wasm"))
})
