//go:build linux

package subprocess

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/wasmoci/wasmoci/engine"
)

// entered tells that main has called Init, so that this program may be its own child.
var entered atomic.Bool

func initialize() bool {
	if len(os.Args) == 0 || os.Args[0] != argv0 {
		entered.Store(true)
		return false
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return true
}

// server is the child's side.
type server struct {
	conn    *net.UnixConn
	rights  *rightsReader
	sending sync.Mutex

	engine   engine.Engine
	module   engine.Module
	instance engine.Instance
}

func serve() error {
	conn, err := inherited()
	if err != nil {
		return err
	}
	defer conn.Close()
	closeInherited()
	s := &server{conn: conn, rights: &rightsReader{c: conn}}
	s.send(&message{Hello: &hello{protocol, version}})
	r := bufio.NewReader(s.rights)
	for {
		var req request
		if err := decodeFrame(r, maxLargeFrame, &req); err != nil {
			if err == io.EOF || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("subprocess: read a request: %w", err)
		}
		fds, err := s.rights.take(req.Files)
		if err != nil {
			return fmt.Errorf("subprocess: read a request: %w", err)
		}
		if err := s.handle(&req, fds); err != nil {
			return fmt.Errorf("subprocess: %w", err)
		}
	}
}

// send sends m. Where the parent is gone nobody misses it: the next request is the end.
func (s *server) send(m *message) {
	frame, err := encodeFrame(m)
	if err != nil {
		frame, err = encodeFrame(&message{Failed: encodeError(fmt.Errorf("subprocess: answer: %w", err))})
	}
	if err != nil {
		return
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	_, _ = s.conn.Write(frame)
}

// fail answers a request with the error that it ended with.
func (s *server) fail(err error) { s.send(&message{Failed: encodeError(err)}) }

// handle does what a request asks for. Its error means that the parent does not keep to the protocol.
func (s *server) handle(req *request, fds []int) error {
	switch {
	case req.Open != nil && s.engine == nil:
		return s.open(req.Open)
	case req.Compile != nil && s.engine != nil && s.module == nil && len(fds) == 1:
		return s.compile(req.Compile, os.NewFile(uintptr(fds[0]), string(req.Compile.Name)))
	case req.Start != nil && s.module != nil && s.instance == nil:
		return s.start(req.Start, fds)
	case req.Stats && s.instance != nil:
		stats := s.instance.Stats()
		s.send(&message{Stats: &stats})
		return nil
	}
	return errors.New("a request that is out of order")
}

func (s *server) open(req *openRequest) (err error) {
	opts := engine.Options{
		CacheDir: string(req.CacheDir), MaxModuleBytes: req.MaxModuleBytes, DebugInfo: req.DebugInfo, Uninterruptible: req.Unchecked,
	}
	if req.Log != nil {
		opts.Logger = slog.New(&sender{level: *req.Log, send: func(r *record) { s.send(&message{Record: r}) }})
	}
	if req.Observe {
		opts.Observe = s.observe
	}
	if driver, ok := engine.Lookup(req.Engine); ok && req.Unchecked && driver.Dedicate != nil {
		driver.Dedicate()
	}
	if s.engine, err = engine.Open(context.Background(), req.Engine, opts); err != nil {
		s.fail(err)
		return nil
	}
	info := s.engine.Info()
	s.send(&message{Opened: &info})
	return nil
}

// observe passes an event on. That the run has ended the parent knows when it has.
func (s *server) observe(e engine.Event) {
	if e.Phase != engine.PhaseEnd {
		s.send(&message{Event: &event{e.Phase, int64(e.Elapsed), e.Done, e.Total}})
	}
}

func (s *server) compile(req *compileRequest, f *os.File) (err error) {
	defer f.Close()
	if s.module, err = s.engine.Compile(context.Background(), engine.FromFile(f)); err != nil {
		s.fail(err)
		return nil
	}
	answer := &compiled{}
	if !req.Known {
		info := s.module.Info()
		answer.Info = &info
	}
	s.send(&message{Compiled: answer})
	return nil
}

func (s *server) start(req *startRequest, fds []int) error {
	cfg, err := req.config(fds)
	if err != nil {
		return err
	}
	if cfg.Limits.MemoryBytes != 0 {
		if err := limitData(cfg); err != nil {
			s.fail(&engine.Error{Engine: s.engine.Info().Name, Op: "start", Err: err})
			return nil
		}
	}
	if s.instance, err = s.module.Start(context.Background(), cfg); err != nil {
		s.fail(err)
		return nil
	}
	s.send(&message{Started: true})
	go func() {
		err := s.instance.Wait()
		s.send(&message{Ended: &ended{Err: encodeError(err), Stats: s.instance.Stats()}})
	}()
	return nil
}
