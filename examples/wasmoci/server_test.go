//go:build real

package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestRealServer has a guest answer a load generator's 10,000 requests on 64 connections at once, with no call of its own
// that a native program would not make.
func TestRealServer(t *testing.T) {
	module := filepath.Join(t.TempDir(), "server.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", module, "./testdata/real/goserver")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	must(t, build)
	eng, err := wazero.New(t.Context(), engine.Options{CacheDir: defaultCacheDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	compiled, err := eng.Compile(t.Context(), engine.FromFile(open(t, module)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()

	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	guest, err := compiled.Start(ctx, &wasi.Config{
		Args: []string{"server"}, Stderr: os.Stderr,
		Listeners: []wasi.Listener{{Name: "http", File: socket}},
	})
	if err != nil {
		t.Fatal(err)
	}
	load := exec.CommandContext(t.Context(), "ab", "-q", "-k", "-n", "10000", "-c", "64", "http://"+l.Addr().String()+"/greet?name=guest")
	out, err := load.CombinedOutput()
	if err != nil {
		t.Errorf("%v (run make deps where the tool is missing)", err)
	}
	for _, want := range []string{`Complete requests: +10000\n`, `Failed requests: +0\n`, `Document Length: +13 bytes\n`} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("no %q in the load generator's report:\n%s", want, out)
		}
	}
	if regexp.MustCompile(`Non-2xx`).Match(out) {
		t.Errorf("errors in the load generator's report:\n%s", out)
	}
	t.Logf("%s requests a second", regexp.MustCompile(`Requests per second: +(\S+)`).FindSubmatch(out))
	cancel(engine.Signal(15))
	if status := engine.ExitCode(guest.Wait()); status != 143 {
		t.Errorf("ended with status %d, want 143", status)
	}
}
