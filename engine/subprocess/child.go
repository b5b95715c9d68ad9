//go:build linux

package subprocess

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

const (
	// patience is how long a new process may take to say hello, and what to assume of one that does not.
	patience = 30 * time.Second
	// grace is how long a child that loads or compiles may take to clean up when nobody wants the result any more.
	grace = time.Second
)

// child is a process in which an engine is opened, and all that it says.
type child struct {
	engine  *subEngine
	proc    *process
	conn    *net.UnixConn
	sending sync.Mutex
	answers chan *message
	asking  sync.Mutex    // for stats
	stats   chan struct{} // has room for one: there are new ones
	last    atomic.Pointer[engine.Stats]
	module  atomic.Pointer[engine.ModuleInfo] // with Name and Size, for events
	opened  bool                              // the answer to the first request is known

	done   chan struct{} // closed when the following are final, and the process is reaped
	ended  *ended        // of its run, nil where the run did not end by itself
	broken error         // how it broke the protocol
}

// spawn starts a child and hands it the first request, to open the engine.
func (e *subEngine) spawn() (*child, error) {
	proc, err := e.forker.fork(e.cfg)
	if err != nil {
		return nil, err
	}
	c := &child{
		engine: e, proc: proc, conn: proc.conn, answers: make(chan *message, 2), stats: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go c.listen()
	if err := c.send(&request{Open: &e.open}, nil); err != nil {
		return nil, c.giveUp(err)
	}
	return c, nil
}

// send sends a request. It blocks where the child does not read, until the child is killed.
func (c *child) send(r *request, fds []int) error {
	r.Files = len(fds)
	frame, err := encodeFrame(r)
	if err != nil {
		return fmt.Errorf("subprocess: %w", err)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	return sendFrame(c.conn, frame, fds)
}

// answer waits for the answer to a request that was sent. An error of the child's own is as it was there. Where ctx ends first
// the error is ctx's, and the child goes on.
func (c *child) answer(ctx context.Context, op string) (*message, error) {
	var m *message
	select {
	case m = <-c.answers:
	case <-ctx.Done():
		return nil, c.engine.failed(op, engine.Stopped(ctx))
	case <-c.done:
		select {
		case m = <-c.answers:
		default:
			return nil, c.engine.failed(op, c.fate())
		}
	}
	if m.Failed == nil {
		return m, nil
	}
	err, bad := m.Failed.decode()
	if bad != nil {
		return nil, c.engine.failed(op, c.violation(bad))
	}
	return nil, err
}

// listen takes in what the child says until it is gone, and then waits for the process.
func (c *child) listen() {
	defer close(c.done)
	late := time.AfterFunc(patience, c.proc.kill)
	heard := false
	r := bufio.NewReader(c.conn)
	for {
		var m message
		limit := maxFrame
		if heard {
			limit = maxLargeFrame
		}
		err := decodeFrame(r, limit, &m)
		if err == nil && !heard {
			if err = greet(m.Hello); !late.Stop() {
				break
			}
			heard = err == nil
		} else if err == nil {
			err = c.take(&m)
		}
		var frame *errFrame
		if errors.As(err, &frame) {
			c.broken = frame
		}
		if err != nil || c.ended != nil {
			break
		}
	}
	c.proc.kill()
	<-c.proc.done
	if expired := !late.Stop(); expired && !heard && c.broken == nil {
		c.broken = &errFrame{fmt.Sprintf("it said nothing within %v", patience)}
	} else if !heard && c.broken == nil {
		c.broken = &errFrame{fmt.Sprintf("it %s without a word (its main has to call subprocess.Init or subprocess.Serve first)", died(c.proc.ws, "").how())}
	}
	_ = c.conn.Close()
}

func greet(h *hello) error {
	switch {
	case h == nil || h.Protocol != protocol:
		return &errFrame{"it does not say that it is one"}
	case h.Version != version:
		return &errFrame{fmt.Sprintf("it speaks version %d: build both programs with one version of wasmoci", h.Version)}
	}
	return nil
}

// take takes in one message.
func (c *child) take(m *message) error {
	switch {
	case m.answer():
		select {
		case c.answers <- m:
		default:
			return &errFrame{"it answers what it was not asked"}
		}
	case m.Ended != nil:
		c.ended = m.Ended
		c.last.Store(&m.Ended.Stats)
	case m.Stats != nil:
		c.last.Store(m.Stats)
		select {
		case c.stats <- struct{}{}:
		default:
		}
	case m.Event != nil:
		about := engine.Event{Phase: m.Event.Phase, Elapsed: time.Duration(m.Event.Elapsed), Done: m.Event.Done, Total: m.Event.Total}
		if of := c.module.Load(); of != nil {
			about.Module, about.Size = of.Name, of.Size
		}
		c.engine.obs.Send(about)
	case m.Record != nil:
		m.Record.log(c.engine.opts.Logger)
	default:
		return &errFrame{"it sent an empty message"}
	}
	return nil
}

// fate is why the child is no more, although it was needed.
func (c *child) fate() error {
	<-c.done
	if c.broken != nil {
		return c.violation(c.broken)
	}
	return died(c.proc.ws, c.proc.words.String())
}

// violation ends a child that breaks the protocol.
func (c *child) violation(reason error) error {
	c.proc.kill()
	<-c.done
	path := c.engine.cfg.Path
	if path == "" {
		path = "this program"
	}
	return &ProtocolError{Path: path, Reason: reason.Error(), LastWords: c.proc.words.String()}
}

// giveUp ends a child to which err happened, and returns err; where err is only that the child is gone, it returns why.
func (c *child) giveUp(err error) error {
	c.end()
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return c.fate()
	}
	return err
}

// end ends the child at once and waits until it is reaped.
func (c *child) end() {
	c.proc.kill()
	<-c.done
}

// quit ends a child that may be in the middle of loading or compiling: it sees the end of the socket, removes what it has made
// on the way, and exits; if that takes long, it is killed. quit returns when the child is reaped.
func (c *child) quit() {
	_ = c.conn.CloseWrite()
	late := time.AfterFunc(grace, c.proc.kill)
	<-c.done
	late.Stop()
}
