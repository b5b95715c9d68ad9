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
	// patience is how long a new process may take to say hello: after that it never will.
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
	answers chan *envelope
	asked   atomic.Int32  // requests that have no answer yet
	asking  sync.Mutex    // for stats
	stats   chan struct{} // has room for one: there are new ones
	last    atomic.Pointer[engine.Stats]
	module  atomic.Pointer[engine.ModuleInfo] // with Name and Size, for events
	opened  bool                              // the engine is
	loaded  bool                              // the module is
	leaving atomic.Bool                       // it is to run no guest any more

	done   chan struct{} // closed when the following are final, and the process is reaped
	ended  *ended        // of its run, nil where the run did not end by itself
	broken error         // how it broke the protocol
}

// spawn starts a child and hands it the first request, to open the engine.
func (e *subEngine) spawn(open *openRequest) (*child, error) {
	proc, err := e.forker.fork(e.cfg)
	if err != nil {
		return nil, err
	}
	c := &child{
		engine: e, proc: proc, conn: proc.conn, answers: make(chan *envelope, 3), stats: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go c.listen()
	if err := c.send(kindOpen, open, nil); err != nil {
		return nil, c.giveUp(err)
	}
	return c, nil
}

// send sends a request. It blocks where the child does not read, until the child is killed.
func (c *child) send(k kind, body any, fds []int) error {
	frame, err := encodeFrame(k, len(fds), body)
	if err != nil {
		return fmt.Errorf("subprocess: %w", err)
	}
	if k != kindStats {
		c.asked.Add(1)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	return sendFrame(c.conn, frame, fds)
}

// answer waits for the answer to a request that was sent, which should be of kind want, and reads it into body, if that is
// not nil and there is one. An error of the child's own is as it was there. Where ctx ends first the error is ctx's, and
// the child goes on.
func (c *child) answer(ctx context.Context, op string, want kind, body any) error {
	var a *envelope
	select {
	case a = <-c.answers:
	case <-ctx.Done():
		return c.engine.failed(op, engine.Stopped(ctx))
	case <-c.done:
		select {
		case a = <-c.answers:
		default:
			return c.engine.failed(op, c.fate())
		}
	}
	var err, wrong error
	switch {
	case a.Kind == kindFailed:
		var w *wireError
		if wrong = a.body(&w); wrong == nil {
			err, wrong = w.decode()
		}
		if err == nil && wrong == nil {
			wrong = &errFrame{"it fails without an error"}
		}
	case a.Kind != want:
		wrong = &errFrame{fmt.Sprintf("it answers %q where %q is due", a.Kind, want)}
	case body != nil:
		wrong = a.body(body)
	}
	if wrong != nil {
		return c.engine.failed(op, c.violation(wrong))
	}
	return err
}

// listen takes in what the child says until it is gone, and then waits for the process.
func (c *child) listen() {
	defer close(c.done)
	late := time.AfterFunc(c.engine.patience, c.proc.kill)
	heard := false
	r := bufio.NewReader(c.conn)
	for {
		var m envelope
		limit := maxFrame
		if heard {
			limit = maxLargeFrame
		}
		err := decodeFrame(r, limit, &m)
		if err == nil && !heard {
			if err = greet(&m); !late.Stop() {
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
		c.broken = &errFrame{fmt.Sprintf("it said nothing within %v", c.engine.patience)}
	} else if !heard && c.broken == nil {
		c.broken = &errFrame{fmt.Sprintf("it %s without a word (its main has to call subprocess.Init or subprocess.Serve first)", died(c.proc.ws, "").how())}
	}
	_ = c.conn.Close()
}

func greet(e *envelope) error {
	var h hello
	switch {
	case e.Kind != kindHello || e.body(&h) != nil || h.Protocol != protocol:
		return &errFrame{"it does not say that it is one"}
	case h.Version != version:
		return &errFrame{fmt.Sprintf("it speaks version %d: build both programs with one version of wasmoci", h.Version)}
	}
	return nil
}

// take takes in one message.
func (c *child) take(m *envelope) (err error) {
	switch m.Kind {
	case kindOpened, kindCompiled, kindStarted, kindExported, kindFailed:
		if c.asked.Add(-1) < 0 {
			return &errFrame{"it answers what it was not asked"}
		}
		if m.Kind == kindStarted && c.leaving.Load() {
			c.proc.kill()
		}
		c.answers <- m // has room for as many as are asked
	case kindEnded:
		var e ended
		if err = m.body(&e); err == nil {
			c.ended = &e
			c.last.Store(&e.Stats)
		}
	case kindStats:
		var s engine.Stats
		if err = m.body(&s); err == nil {
			c.last.Store(&s)
			select {
			case c.stats <- struct{}{}:
			default:
			}
		}
	case kindEvent:
		var e event
		if err = m.body(&e); err == nil {
			about := engine.Event{Phase: e.Phase, Elapsed: time.Duration(e.Elapsed), Done: e.Done, Total: e.Total}
			if of := c.module.Load(); of != nil {
				about.Module, about.Size = of.Name, of.Size
			}
			c.engine.obs.Send(about)
		}
	case kindRecord:
		var r record
		if err = m.body(&r); err == nil {
			r.log(c.engine.opts.Logger)
		}
	default:
		err = &errFrame{fmt.Sprintf("it sent a message of the unknown kind %q", m.Kind)}
	}
	return err
}

// fate is why the child is no more, although it was needed.
func (c *child) fate() error {
	<-c.done
	switch {
	case c.broken != nil:
		return c.violation(c.broken)
	case c.ended != nil:
		return c.violation(&errFrame{"it ends a run that it has not started"})
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
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) { // closed by listen
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
// on the way, and exits without having started a guest; if that takes long, it is killed. quit returns when the child is reaped.
func (c *child) quit() {
	c.leaving.Store(true)
	_ = c.conn.CloseWrite()
	late := time.AfterFunc(grace, c.proc.kill)
	<-c.done
	late.Stop()
}
