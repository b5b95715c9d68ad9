//go:build linux

package subprocess

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
)

// entered tells that main has called Init, so that this program may be its own child.
var entered atomic.Bool

// isChild tells that this process was started as an engine's.
func isChild() bool { return len(os.Args) > 0 && os.Args[0] == argv0 }

func initialize() bool {
	if !isChild() {
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
	s.send(kindHello, &hello{protocol, version})
	r := bufio.NewReader(s.rights)
	for {
		var req envelope
		if err := decodeFrame(r, maxLargeFrame, &req); err != nil {
			if err == io.EOF || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
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

// send sends a message. Where the parent is gone nobody misses it: the next request is the end.
func (s *server) send(k kind, body any) {
	frame, err := encodeFrame(k, 0, body)
	if err != nil {
		frame, err = encodeFrame(kindFailed, 0, encodeError(fmt.Errorf("subprocess: answer: %w", err)))
	}
	if err != nil {
		return
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	_, _ = s.conn.Write(frame)
}

// fail answers a request with the error that it ended with.
func (s *server) fail(err error) { s.send(kindFailed, encodeError(err)) }

// handle does what a request asks for. Its error means that the parent does not keep to the protocol.
func (s *server) handle(req *envelope, fds []int) error {
	switch {
	case req.Kind == kindOpen && s.engine == nil:
		var open openRequest
		if err := req.body(&open); err != nil {
			return err
		}
		s.open(&open)
	case req.Kind == kindCompile && s.module == nil && len(fds) == 1:
		var compile compileRequest
		if err := req.body(&compile); err != nil {
			return err
		}
		s.compile(&compile, os.NewFile(uintptr(fds[0]), string(compile.Name)))
	case req.Kind == kindExport && len(fds) == 1:
		var export exportRequest
		if err := req.body(&export); err != nil {
			return err
		}
		s.export(&export, os.NewFile(uintptr(fds[0]), string(export.Name)))
	case req.Kind == kindStart && s.instance == nil:
		var start startRequest
		if err := req.body(&start); err != nil {
			return err
		}
		return s.start(&start, fds)
	case req.Kind == kindStats:
		if s.instance != nil {
			s.send(kindStats, s.instance.Stats())
		}
	default:
		return errors.New("a request that is out of order")
	}
	return nil
}

func (s *server) open(req *openRequest) {
	opts := engine.Options{
		CacheDir: string(req.CacheDir), CacheMode: engine.CacheMode(req.CacheMode),
		MaxModuleBytes: req.MaxModuleBytes, DebugInfo: req.DebugInfo, Uninterruptible: req.Unchecked,
	}
	if req.Log != nil {
		opts.Logger = slog.New(&sender{level: *req.Log, send: func(r *record) { s.send(kindRecord, r) }})
	}
	if req.Observe {
		opts.Observe = s.observe
	}
	if driver, ok := engine.Lookup(req.Engine); ok && req.Unchecked && driver.Dedicate != nil {
		driver.Dedicate()
	}
	eng, err := engine.Open(context.Background(), req.Engine, opts)
	if err != nil {
		s.fail(err)
		return
	}
	s.engine = eng
	if req.Known {
		s.send(kindOpened, nil)
	} else {
		s.send(kindOpened, eng.Info())
	}
}

// observe passes an event on. That the run has ended the parent knows when it has.
func (s *server) observe(e engine.Event) {
	if e.Phase != engine.PhaseEnd {
		s.send(kindEvent, &event{e.Phase, int64(e.Elapsed), e.Done, e.Total})
	}
}

func (s *server) compile(req *compileRequest, f *os.File) {
	defer f.Close()
	if s.engine == nil { // opening it has failed
		s.fail(errEarlier)
		return
	}
	if len(req.Digest) != sha256.Size {
		s.fail(fmt.Errorf("subprocess: a module's digest has %d bytes", len(req.Digest)))
		return
	}
	module, err := s.engine.Compile(context.Background(), engine.FromKnown(f, [sha256.Size]byte(req.Digest)))
	if err != nil {
		s.fail(err)
		return
	}
	s.module = module
	if req.Known {
		s.send(kindCompiled, nil)
	} else {
		s.send(kindCompiled, module.Info())
	}
}

func (s *server) export(req *exportRequest, f *os.File) {
	defer f.Close()
	if s.engine == nil {
		s.fail(errEarlier)
		return
	}
	if err := engine.Export(context.Background(), s.engine, engine.FromFile(f), string(req.Dir)); err != nil {
		s.fail(err)
		return
	}
	s.send(kindExported, nil)
}

// errEarlier answers requests that were sent before the failure of an earlier one was known.
var errEarlier = errors.New("subprocess: an earlier request has failed")

// abandoned tells whether the parent has ended its side of the socket: it wants nothing more.
func (s *server) abandoned() bool {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return true
	}
	fds := []unix.PollFd{{Events: unix.POLLRDHUP}}
	err = raw.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd)
		_, _ = unix.Poll(fds, 0)
	})
	return err != nil || fds[0].Revents != 0
}

func (s *server) start(req *startRequest, fds []int) error {
	if s.module == nil {
		s.fail(errEarlier)
		return nil
	}
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
	if s.abandoned() {
		return nil
	}
	instance, err := s.module.Start(context.Background(), cfg)
	if err != nil {
		s.fail(err)
		return nil
	}
	s.instance = instance
	s.send(kindStarted, nil)
	go func() {
		err := instance.Wait()
		s.send(kindEnded, &ended{Err: encodeError(err), Stats: instance.Stats()})
		_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // there is nothing more to do: this process ends while the parent reads
	}()
	return nil
}
