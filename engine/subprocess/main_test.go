//go:build linux

package subprocess_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// role is the environment variable that makes a process of this program something else than its tests, or a proper child.
const role = "SUBPROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	if play, ok := roles[os.Getenv(role)]; ok {
		play(os.NewFile(3, "socket"))
		return
	}
	if subprocess.Init() {
		return
	}
	os.Exit(m.Run())
}

const greeting = `{"kind":"hello","body":{"protocol":"wasmoci engine process","version":1}}`

func frame(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }

// says is a role that writes to the socket and then waits to be ended.
func says(words string) func(*os.File) {
	return func(f *os.File) {
		_, _ = io.WriteString(f, words)
		_, _ = io.Copy(io.Discard, f)
	}
}

var roles = map[string]func(*os.File){
	"silent":  says(""),
	"garbage": says("HTTP/1.1 400 Bad Request\r\n\r\n"),
	"greedy":  says(frame(greeting) + "\xff\xff\xff\xff{"),
	"large": func(f *os.File) {
		says(frame(greeting) + "\x03\xff\xff\xff" + strings.Repeat(" ", 32<<20))(f)
		select {}
	},
	"newer":     says(frame(strings.Replace(greeting, ":1}", ":2}", 1))),
	"other":     says(frame(`{"kind":"hello","body":{"protocol":"gopher","version":1}}`)),
	"no json":   says(frame(greeting) + frame("{")),
	"unasked":   says(frame(greeting) + strings.Repeat(frame(`{"kind":"compiled"}`), 1000)),
	"wrong":     says(frame(greeting) + frame(`{"kind":"started"}`)),
	"early":     says(frame(greeting) + frame(`{"kind":"ended","body":{"stats":{}}}`)),
	"unknown":   says(frame(greeting) + frame(`{"kind":"gopher"}`)),
	"no error":  says(frame(greeting) + frame(`{"kind":"failed","body":null}`)),
	"bad error": says(frame(greeting) + frame(`{"kind":"failed","body":{"type":"engine.Error","fields":{}}}`)),
	"bad caps":  says(frame(greeting) + frame(`{"kind":"opened","body":{"name":"x","capabilities":{"module":["gopher"]}}}`)),
	"leaves":    func(*os.File) { fmt.Fprintln(os.Stderr, "usage: gopher") },
	"closes":    func(f *os.File) { f.Close(); select {} },
	"loader": func(*os.File) { // of shared libraries, which loads none
		if len(os.Args) != 7 || os.Args[1] != "--library-path" || os.Args[3] != "--argv0" {
			panic(fmt.Sprint(os.Args))
		}
		panic(syscall.Exec(os.Args[5], []string{os.Args[4], os.Args[6]}, nil))
	},
	"serves": func(*os.File) {
		if err := subprocess.Serve(); err != nil {
			fmt.Println(err)
		}
	},
	"forgets": func(*os.File) { // has not called Init
		_, err := subprocess.New(context.Background(), subprocess.Config{Engine: testEngine}, engine.Options{})
		fmt.Println(err)
	},
	"ignores": func(*os.File) { // is started as a child, and would start another
		_, err := subprocess.New(context.Background(), subprocess.Config{Engine: testEngine, Path: "/proc/self/exe"}, engine.Options{})
		fmt.Println(err)
	},
	"parent": func(*os.File) { // runs a guest that hangs, until it is killed
		panic(runGuest("hang"))
	},
	"shell": shell,
	"job": func(*os.File) {
		if err := runGuest("line"); err != nil {
			panic(err)
		}
	},
}

func runGuest(name string) error {
	subprocess.Init()
	eng, err := subprocess.New(context.Background(), subprocess.Config{Engine: testEngine, Once: true}, engine.Options{CacheDir: os.Getenv("DIR")})
	if err != nil {
		return err
	}
	defer eng.Close()
	m, err := eng.Compile(context.Background(), engine.FromBytes(quick))
	if err != nil {
		return err
	}
	return engine.Run(context.Background(), m, &wasi.Config{Args: []string{name}, Stdin: os.Stdin, Stdout: os.Stdout})
}

// Modules with an entrypoint that returns, traps, and loops for ever.
var (
	quick = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01" +
		"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00\x0a\x04\x01\x02\x00\x0b")
	trap = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01" +
		"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00\x0a\x05\x01\x03\x00\x00\x0b")
	spin = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01" +
		"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b")
)
