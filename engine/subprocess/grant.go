//go:build linux

package subprocess

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// startRequest is a wasi.Config on its way to the child. It is answered by started, when nothing can be refused any more.
type startRequest struct {
	Entrypoint string         `json:"entrypoint,omitempty"`
	Args       []text         `json:"args,omitempty"`
	Env        []text         `json:"env,omitempty"`
	Dir        string         `json:"dir,omitempty"`
	Mounts     []wireMount    `json:"mounts,omitempty"`
	Listeners  []wireListener `json:"listeners,omitempty"`
	Stdin      *wireStream    `json:"stdin,omitempty"`
	Stdout     *wireStream    `json:"stdout,omitempty"`
	Stderr     *wireStream    `json:"stderr,omitempty"`
	Limits     wasi.Limits    `json:"limits"`
}

// wireFile is an open file: which of the request's descriptors, and its name.
type wireFile struct {
	Index int  `json:"index"`
	Name  text `json:"name,omitempty"`
}

type wireStream struct {
	File   wireFile `json:"file"`
	Remote bool     `json:"remote,omitempty"` // the descriptor is a socket on which to ask for it
}

type wireMount struct {
	Guest     string      `json:"guest"`
	Host      text        `json:"host,omitempty"`
	File      *wireFile   `json:"file,omitempty"`
	ReadOnly  bool        `json:"readOnly,omitempty"`
	Hidden    bool        `json:"hidden,omitempty"`
	NoPreopen bool        `json:"noPreopen,omitempty"`
	Tmpfs     *wasi.Tmpfs `json:"tmpfs,omitempty"`
}

type wireListener struct {
	Name      text     `json:"name,omitempty"`
	File      wireFile `json:"file"`
	Connected bool     `json:"connected,omitempty"`
}

// grant is a startRequest with what goes beside it. Close what it opened: nothing of it is the caller's.
type grant struct {
	req     startRequest
	fds     []int
	streams []*streamServer // not yet serving; stop is missing
}

// newGrant makes the request to run cfg, which is valid.
func newGrant(cfg *wasi.Config) (_ *grant, err error) {
	g := &grant{req: startRequest{Entrypoint: cfg.Entrypoint, Dir: cfg.Dir, Limits: cfg.Limits}}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	for _, a := range cfg.Args {
		g.req.Args = append(g.req.Args, text(a))
	}
	for _, e := range cfg.Env {
		g.req.Env = append(g.req.Env, text(e))
	}
	for i, m := range cfg.Mounts {
		w := wireMount{Guest: m.Guest, Host: text(m.Host), ReadOnly: m.ReadOnly, Hidden: m.Hidden, NoPreopen: m.NoPreopen, Tmpfs: m.Tmpfs}
		if m.File != nil {
			f, err := g.file(m.File)
			if err != nil {
				return nil, &wasi.FieldError{Field: fmt.Sprintf("Mounts[%d].File", i), Value: m.Guest, Err: err}
			}
			w.File = &f
		}
		g.req.Mounts = append(g.req.Mounts, w)
	}
	for i, l := range cfg.Listeners {
		f, err := g.file(l.File)
		if err != nil {
			return nil, &wasi.FieldError{Field: fmt.Sprintf("Listeners[%d].File", i), Value: l.Name, Err: err}
		}
		g.req.Listeners = append(g.req.Listeners, wireListener{text(l.Name), f, l.Connected})
	}
	if g.req.Stdin, err = g.input(cfg.Stdin); err != nil {
		return nil, &wasi.FieldError{Field: "Stdin", Value: streamName(cfg.Stdin), Err: err}
	}
	if g.req.Stdout, err = g.output(cfg.Stdout); err != nil {
		return nil, &wasi.FieldError{Field: "Stdout", Value: streamName(cfg.Stdout), Err: err}
	}
	if same(cfg.Stdout, cfg.Stderr) { // one goroutine writes
		g.req.Stderr = g.req.Stdout
	} else if g.req.Stderr, err = g.output(cfg.Stderr); err != nil {
		return nil, &wasi.FieldError{Field: "Stderr", Value: streamName(cfg.Stderr), Err: err}
	}
	return g, nil
}

// serve answers the child's questions about streams until release is called, which is when the child is gone: what is left of
// it then, if anything, is answered for a while.
func (g *grant) serve(ctx context.Context) (release func()) {
	stop := vfs.NewStop(ctx)
	streams := g.streams
	var serving sync.WaitGroup
	for _, s := range streams {
		s.stop = stop
		serving.Go(s.serve)
	}
	g.streams = nil
	return func() {
		stop.Close()
		for _, s := range streams {
			_ = s.conn.SetDeadline(time.Now().Add(stragglers))
		}
		serving.Wait()
	}
}

// close closes what the child has its own of by now, and those streams that are not served.
func (g *grant) close() {
	closeAll(g.fds)
	for _, s := range g.streams {
		s.conn.Close()
	}
	g.fds, g.streams = nil, nil
}

func (g *grant) input(r io.Reader) (*wireStream, error) {
	if r == nil {
		return nil, nil
	}
	if f, ok := r.(*os.File); ok && !inBackground(f) {
		file, err := g.file(f)
		return &wireStream{File: file}, err
	}
	in, err := vfs.NewInput(r)
	if err != nil {
		return nil, err
	}
	return g.remote(&streamServer{in: in})
}

// inBackground tells whether f is the terminal that controls this process, and another process group is to read from it. The kernel stops who reads
// all the same; a child, which is in another session, it would give what was typed for somebody else.
func inBackground(f *os.File) bool {
	background := false
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) {
			group, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
			background = err == nil && group != unix.Getpgrp()
		})
	}
	return background
}

func (g *grant) output(w io.Writer) (*wireStream, error) {
	if w == nil {
		return nil, nil
	}
	if f, ok := w.(*os.File); ok {
		file, err := g.file(f)
		return &wireStream{File: file}, err
	}
	out, err := vfs.NewOutput(w)
	if err != nil {
		return nil, err
	}
	return g.remote(&streamServer{out: out})
}

// remote makes the socket on which the child asks for a stream.
func (g *grant) remote(s *streamServer) (*wireStream, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	if s.conn, err = net.FileConn(ours); err != nil {
		return nil, err
	}
	g.streams = append(g.streams, s)
	file, err := g.file(theirs)
	return &wireStream{file, true}, err
}

func (g *grant) file(f *os.File) (wireFile, error) {
	fd, err := duplicate(f)
	if err != nil {
		return wireFile{}, err
	}
	g.fds = append(g.fds, fd)
	return wireFile{len(g.fds) - 1, text(f.Name())}, nil
}

func streamName(stream any) any {
	if f, ok := stream.(*os.File); ok && f != nil {
		return f.Name()
	}
	return fmt.Sprintf("%T", stream)
}

// same tells whether two streams are one comparable value.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }() // of types that cannot be compared
	return a != nil && a == b
}

// config is the wasi.Config that was granted, with the request's descriptors.
func (c *startRequest) config(fds []int) (*wasi.Config, error) {
	cfg := &wasi.Config{Entrypoint: c.Entrypoint, Dir: c.Dir, Limits: c.Limits}
	for _, a := range c.Args {
		cfg.Args = append(cfg.Args, string(a))
	}
	for _, e := range c.Env {
		cfg.Env = append(cfg.Env, string(e))
	}
	opened := make(map[int]*os.File)
	open := func(w wireFile) (*os.File, error) {
		if w.Index < 0 || w.Index >= len(fds) {
			return nil, &errFrame{fmt.Sprintf("there is no descriptor %d among %d", w.Index, len(fds))}
		}
		if opened[w.Index] == nil {
			opened[w.Index] = os.NewFile(uintptr(fds[w.Index]), string(w.Name))
		}
		return opened[w.Index], nil
	}
	for _, m := range c.Mounts {
		mount := wasi.Mount{Guest: m.Guest, Host: string(m.Host), ReadOnly: m.ReadOnly, Hidden: m.Hidden, NoPreopen: m.NoPreopen, Tmpfs: m.Tmpfs}
		if m.File != nil {
			var err error
			if mount.File, err = open(*m.File); err != nil {
				return nil, err
			}
		}
		cfg.Mounts = append(cfg.Mounts, mount)
	}
	for _, l := range c.Listeners {
		f, err := open(l.File)
		if err != nil {
			return nil, err
		}
		cfg.Listeners = append(cfg.Listeners, wasi.Listener{Name: string(l.Name), File: f, Connected: l.Connected})
	}
	remotes := make(map[int]*remoteStream) // stdout and stderr may be one
	stream := func(w *wireStream) (io.ReadWriter, error) {
		f, err := open(w.File)
		if err != nil || !w.Remote {
			return f, err
		}
		if remotes[w.File.Index] == nil {
			if remotes[w.File.Index], err = newRemoteStream(f); err != nil {
				return nil, err
			}
		}
		return remotes[w.File.Index], nil
	}
	var err error
	if c.Stdin != nil {
		cfg.Stdin, err = stream(c.Stdin)
	}
	if c.Stdout != nil && err == nil {
		cfg.Stdout, err = stream(c.Stdout)
	}
	if c.Stderr != nil && err == nil {
		cfg.Stderr, err = stream(c.Stderr)
	}
	return cfg, err
}
