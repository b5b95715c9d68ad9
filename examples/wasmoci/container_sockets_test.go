//go:build root && linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// portCommand sets a variable to the address of a port that is free.
//
//	port VARIABLE
func portCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port VARIABLE")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	ts.Setenv(args[0], l.Addr().String())
}

// servedCommand runs a program with sockets that listen, LISTEN of them as a service manager hands them over, with their names, and
// PRESERVE more; it connects to each, and to the further ones, and writes what they say into the file served.
//
//	served LISTEN PRESERVE ADDRESS... -- PROGRAM ARG...
func servedCommand(ts *testscript.TestScript, neg bool, args []string) {
	var counts [2]int
	for i := range counts {
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		counts[i] = n
	}
	args = args[2:]
	var addresses, names []string
	for args[0] != "--" {
		addresses, args = append(addresses, args[0]), args[1:]
	}
	name, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(name, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = os.Environ()
	var own []string
	for i := range counts[0] + counts[1] {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		ts.Check(err)
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		own = append(own, l.Addr().String())
		if i < counts[0] {
			names = append(names, "name"+strconv.Itoa(i))
		}
	}
	if counts[0] > 0 {
		cmd.Env = append(cmd.Env, "LISTEN_FDS="+strconv.Itoa(counts[0]), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	out, err := os.Create(ts.MkAbs("out"))
	ts.Check(err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var said strings.Builder
	for _, address := range append(own, addresses...) {
		for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			text, derr := dial(address)
			said.WriteString(text)
			if derr == nil {
				break
			}
			if time.Since(begun) > time.Minute || len(ended) > 0 {
				log, _ := os.ReadFile(out.Name())
				_ = cmd.Process.Kill()
				ts.Fatalf("%s: %v\n%s", address, derr, log)
			}
		}
	}
	if err := <-ended; err != nil {
		log, _ := os.ReadFile(out.Name())
		ts.Fatalf("%v\n%s", err, log)
	}
	ts.Check(os.WriteFile(ts.MkAbs("served"), []byte(said.String()), 0o644))
}

func dial(address string) (string, error) {
	c, err := net.DialTimeout("tcp4", address, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return "", err
	}
	text, err := io.ReadAll(c)
	if err == nil && len(text) == 0 {
		err = errors.New("closed without a word")
	}
	if err != nil {
		return "", fmt.Errorf("connected, then: %w", err)
	}
	return string(text), nil
}
