package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
	remote "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// streams are what `kubectl exec` and `kubectl attach` connect this program's own streams to.
type streams struct{ stdin, tty, webSocket bool }

// parseStreams reads kubectl's flags, and returns what follows them.
func parseStreams(verb string, args []string) (s streams, rest []string, err error) {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&s.stdin, "i", false, "pass standard input on")
	flags.BoolVar(&s.tty, "t", false, "the streams are a terminal")
	flags.BoolVar(&s.webSocket, "websocket", false, "by WebSocket, and not by SPDY")
	if err := flags.Parse(args); err != nil {
		return s, nil, fmt.Errorf("%w\n%s", err, usage)
	}
	return s, flags.Args(), nil
}

func (k kubelet) exec(ctx context.Context, id string, args []string) error {
	s, command, err := parseStreams("exec", args)
	if err != nil {
		return err
	}
	r, err := k.Exec(ctx, &cri.ExecRequest{ContainerId: id, Cmd: command, Tty: s.tty, Stdin: s.stdin, Stdout: true, Stderr: !s.tty})
	if err != nil {
		return err
	}
	return s.connect(ctx, r.Url)
}

func (k kubelet) attach(ctx context.Context, id string, args []string) error {
	s, rest, err := parseStreams("attach", args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errors.New(usage)
	}
	r, err := k.Attach(ctx, &cri.AttachRequest{ContainerId: id, Tty: s.tty, Stdin: s.stdin, Stdout: true, Stderr: !s.tty})
	if err != nil {
		return err
	}
	return s.connect(ctx, r.Url)
}

// connect passes this program's streams to and from the runtime's streaming server, as kubectl does, until they end. A command's exit
// status is an error, as it is there.
func (s streams) connect(ctx context.Context, to string) error {
	executor, err := s.executor(to)
	if err != nil {
		return err
	}
	o := remotecommand.StreamOptions{Stdout: os.Stdout, Tty: s.tty}
	if s.stdin {
		o.Stdin = os.Stdin
	}
	if !s.tty {
		o.Stderr = os.Stderr
	} else if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return err
		}
		defer func() { _ = term.Restore(fd, before) }()
		sizes := newSizes(ctx, fd)
		defer sizes.close()
		o.TerminalSizeQueue = sizes
	}
	err = executor.StreamWithContext(ctx, o)
	var code exec.CodeExitError
	if errors.As(err, &code) {
		return exitStatus(code.Code)
	}
	return err
}

// executor speaks SPDY, which is what arrives of kubectl at a container runtime: the API server makes it of kubectl's WebSocket. The
// version of that which runtimes have cannot tell the end of standard input.
func (s streams) executor(to string) (remotecommand.Executor, error) {
	if s.webSocket {
		return remotecommand.NewWebSocketExecutorForProtocols(&rest.Config{}, "GET", to, remote.StreamProtocolV4Name)
	}
	at, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutor(&rest.Config{}, "POST", at)
}

// sizes are those that this program's terminal has: the first at once, and each that follows.
type sizes struct {
	ctx     context.Context
	fd      int
	changed chan os.Signal
}

func newSizes(ctx context.Context, fd int) *sizes {
	s := &sizes{ctx, fd, make(chan os.Signal, 1)}
	s.changed <- syscall.SIGWINCH
	signal.Notify(s.changed, syscall.SIGWINCH)
	return s
}

// Next returns nil when there will be no other.
func (s *sizes) Next() *remotecommand.TerminalSize {
	select {
	case <-s.ctx.Done():
		return nil
	case _, ok := <-s.changed:
		width, height, err := term.GetSize(s.fd)
		if !ok || err != nil {
			return nil
		}
		return &remotecommand.TerminalSize{Width: uint16(width), Height: uint16(height)}
	}
}

func (s *sizes) close() {
	signal.Stop(s.changed)
	close(s.changed)
}
