//go:build clients && linux

package clients

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// TestServer: a Go program with net/http serves in a container.
func TestServer(t *testing.T) {
	each(t, delegates, server, wasm, wasmtime)
	nothingLeft(t)
}

// ports are the operator's: one for each kind of container that has the tests' network, and one for containers in pods of their own network.
const ports = `
[listen.http]
address = "127.0.0.1:8080"
[listen.http.annotations]
"org.example.serves" = "wasm"

[listen.other]
address = "127.0.0.1:8081"
[listen.other.annotations]
"org.example.serves" = "wasmtime"

[listen.pod]
address = "0.0.0.0:8082"
[listen.pod.annotations]
"io.kubernetes.cri.container-name" = "web"
`

func server(t *testing.T, s *setup) {
	image := map[string]string{wasm: "localhost/server", wasmtime: "localhost/server-wasmtime"}[s.kind]
	serves := func(name, address string) {
		t.Helper()
		for i := range 100 {
			text := s.get(t, fmt.Sprintf("http://%s/greet?name=%d", address, i))
			if want := fmt.Sprintf("hello, %d\n", i); text != want {
				t.Fatalf("got %q, want %q", text, want)
			}
		}
		s.must(t, "stop", name)
		if status := s.wait(t, name); status != "143" {
			t.Errorf("ended with status %s, want 143", status)
		}
	}
	name := s.name("server")
	t.Run("port of the operator", func(t *testing.T) {
		s.must(t, "run", "--detach", "--name", name, "--network", "host", "--annotation", "org.example.serves="+s.kind, image)
		defer s.remove(t, name)
		serves(name, map[string]string{wasm: "127.0.0.1:8080", wasmtime: "127.0.0.1:8081"}[s.kind])
	})
	t.Run("activated", func(t *testing.T) {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		// LISTEN_PID is the number of the process that the descriptors are for.
		cmd := exec.CommandContext(ctx, "sh", "-c", `export LISTEN_FDS=1 LISTEN_PID=$$; exec podman --runtime `+s.runtime+` run --detach --network none --name `+name+` `+image)
		cmd.Env = environment()
		cmd.ExtraFiles = []*os.File{f}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		defer s.remove(t, name)
		serves(name, l.Addr().String())
	})
}

// get waits until somebody listens.
func (s *setup) get(t *testing.T, url string) (text string) {
	t.Helper()
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	s.eventually(t, "answer of "+url, func() bool {
		r, err := client.Get(url)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		text = string(b)
		return err == nil
	})
	return text
}
