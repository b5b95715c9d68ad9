//go:build linux

package subprocess

import (
	"context"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

// instance implements engine.Instance.
type instance struct {
	module *module
	child  *child
	ctx    context.Context
	begun  time.Time

	done  chan struct{} // closed when the following are final
	err   error
	stats engine.Stats
}

// watch waits for the end of the child, which is the end of the run.
func (i *instance) watch(release func()) {
	<-i.child.done
	release()
	i.err = i.outcome()
	if last := i.child.last.Load(); last != nil {
		i.stats = *last
	}
	i.stats.MemoryBytes, i.stats.Elapsed = 0, time.Since(i.begun)
	m := i.module
	m.engine.obs.Send(engine.Event{Phase: engine.PhaseEnd, Module: m.info.Name, Size: m.info.Size, Elapsed: i.stats.Elapsed})
	close(i.done)
	m.gate.Leave()
}

// outcome is how the run ended. What the guest did to itself counts before the end of the context.
func (i *instance) outcome() error {
	e, c := i.module.engine, i.child
	if c.ended != nil {
		err, bad := c.ended.Err.decode()
		if bad != nil {
			return e.failed("run", c.violation(bad))
		}
		return err
	}
	if i.ctx.Err() != nil {
		return e.failed("run", engine.Stopped(i.ctx))
	}
	return e.failed("run", c.fate())
}

// Wait implements engine.Instance.
func (i *instance) Wait() error {
	<-i.done
	return i.err
}

// hearing is how long Stats waits for the child, before it says what it knows already.
const hearing = time.Second

// Stats implements engine.Instance. While the guest runs it asks the child.
func (i *instance) Stats() engine.Stats {
	i.child.askStats()
	select {
	case <-i.done:
		return i.stats
	default:
	}
	var s engine.Stats
	if last := i.child.last.Load(); last != nil {
		s = *last
	}
	s.Elapsed = time.Since(i.begun)
	return s
}

func (c *child) askStats() {
	c.asking.Lock()
	defer c.asking.Unlock()
	late := time.NewTimer(hearing)
	defer late.Stop()
	select {
	case <-c.done:
		return
	case <-c.stats: // of a question that was given up
	default:
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(hearing))
	if c.send(kindStats, nil, nil) != nil {
		return
	}
	select {
	case <-c.stats:
	case <-c.done:
	case <-late.C:
	}
}
