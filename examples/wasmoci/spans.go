//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/otlp"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// observed is what a command has done so far, and how long each part took: for --debug, and for the operator's file of spans. A container's
// span is a part of what TRACEPARENT names when it is made, and its commands' spans and its runner's are parts of it.
type observed struct {
	parts     []part
	open      []int         // of parts, those that go on
	container *otlp.Context // nil: the command is about none that has one
	compiled  time.Duration // what compiling took; 0: the code was there
	native    bool          // the container is the delegate's, which has no spans
	ended     bool          // a guest has run to its end: the exit status is its own, and no failure of this command's
}

// part is a span, which lies within another part of the command.
type part struct {
	otlp.Span
	within int // -1: the command itself, or what is none of its own
}

// Attributes of spans.
const (
	attributeID     = "container.id"
	attributeEngine = "wasmoci.engine"
	attributeModule = "wasmoci.module"
	attributeKind   = "wasmoci.kind"
	attributeCode   = "wasmoci.code"
	attributeEnd    = "wasmoci.end"
	attributeStatus = "wasmoci.exit_status"
)

func text(key, value string) otlp.Attribute        { return otlp.Attribute{Key: key, Value: value} }
func count(key string, value int64) otlp.Attribute { return otlp.Attribute{Key: key, Value: value} }

// begin begins a part of what this command does; the first is the command. It goes on until end is called, with what it failed with.
// Parts lie within each other.
func (r *ociRuntime) begin(name string) (end func(err error, attributes ...otlp.Attribute)) {
	within := -1
	if n := len(r.open); n > 0 {
		within = r.open[n-1]
	}
	i := len(r.parts)
	r.parts = append(r.parts, part{otlp.Span{Name: name, Begin: time.Now()}, within})
	r.open = append(r.open, i)
	return func(err error, attributes ...otlp.Attribute) {
		r.open = r.open[:len(r.open)-1]
		p := &r.parts[i]
		p.End, p.Attributes = time.Now(), attributes
		if status := (failed{}); !r.ended || !errors.As(err, &status) {
			p.Err = err
		}
		r.explainPart(p)
	}
}

// explainPart writes a part into the log with --debug, which is standard error without --log. Where the delegate has failed, the log's last
// line is its error, and stays it.
func (r *ociRuntime) explainPart(p *part) {
	var delegates failed
	if !r.debug || errors.As(p.Err, &delegates) {
		return
	}
	line := fmt.Sprintf("%s took %v", p.Name, p.End.Sub(p.Begin).Round(time.Microsecond))
	for _, a := range p.Attributes {
		line += fmt.Sprintf(" %s=%q", a.Key[strings.LastIndexByte(a.Key, '.')+1:], fmt.Sprint(a.Value))
	}
	if p.Err != nil {
		line += fmt.Sprintf(" error=%q", p.Err)
	}
	r.say("debug", line)
}

// say writes a line to the log. Without --log it goes to standard error, which may be the container's: there it has to be a terminal, unless
// --debug asked for the line. What cannot be written has failed nothing.
func (r *ociRuntime) say(level, line string) {
	if r.log != "" {
		_ = r.writeLog(level, line)
	} else if st, err := os.Stderr.Stat(); r.debug || err == nil && st.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintln(os.Stderr, program+": "+level+": "+engine.Printable(line))
	}
}

// decided are the attributes of what was decided about a bundle.
func decided(g *guest, err error) []otlp.Attribute {
	switch {
	case err != nil:
		return nil // the error says it
	case g == nil || g.native:
		return []otlp.Attribute{text(attributeKind, "native")}
	}
	return []otlp.Attribute{text(attributeKind, "wasm"), text(attributeModule, g.path), text("wasmoci.named_engine", g.engine)}
}

// code is the attribute of where compiled code came from.
func (r *ociRuntime) code() otlp.Attribute {
	if r.compiled > 0 {
		return text(attributeCode, "compiled")
	}
	return text(attributeCode, "cache")
}

// traced makes the span of a container that is being made, where the operator wants spans. It ends when the container is deleted.
func (r *ociRuntime) traced() *state.Trace {
	if r.settings == nil || r.settings.Trace == "" || len(r.parts) == 0 {
		return nil
	}
	within, given := otlp.ParseTraceparent(os.Getenv(traceparent))
	own := otlp.Context{Trace: within.Trace, Span: otlp.NewSpanID(), Sampled: within.Sampled}
	t := &state.Trace{Begun: r.parts[0].Begin, Within: os.Getenv(traceparent)}
	if !given {
		own.Trace, own.Sampled, t.Within = otlp.NewTraceID(), true, ""
	}
	t.Span = own.Traceparent()
	r.container = &own
	return t
}

// about makes the command's spans those of a container that there is.
func (r *ociRuntime) about(c *state.Container) {
	if c == nil || c.Trace == nil {
		return
	}
	if own, ok := otlp.ParseTraceparent(c.Trace.Span); ok {
		r.container = &own
	}
}

// traceparent is the environment variable in which whoever calls says what this is a part of (W3C Trace Context).
const traceparent = "TRACEPARENT"

// ran adds what a runner has done, as its record says, which a runner that was killed has not written. within is whose part that was; nil is
// this command's.
func (r *ociRuntime) ran(rec runner.Record, within *otlp.Context) {
	r.ended = true
	at := rec.Times
	last := at.Begun
	for _, s := range []struct {
		name string
		end  time.Time
	}{{"load", at.Loaded}, {"instantiate", at.Started}, {"guest", at.Ended}} {
		if last.IsZero() || s.end.IsZero() || s.end.Before(last) { // not reached
			return
		}
		p := part{otlp.Span{Name: s.name, Begin: last, End: s.end}, -1}
		if s.name == "guest" {
			p.Attributes = []otlp.Attribute{text(attributeEnd, string(rec.Kind)), count(attributeStatus, int64(rec.Status))}
			if rec.MemoryPeakBytes > 0 {
				p.Attributes = append(p.Attributes, count("wasmoci.memory.peak", int64(rec.MemoryPeakBytes)))
			}
		}
		if within != nil {
			p.Context, p.Parent = otlp.Context{Trace: within.Trace, Span: otlp.NewSpanID(), Sampled: within.Sampled}, within.Span
		} else if len(r.open) > 0 {
			p.within = r.open[0]
		}
		r.parts = append(r.parts, p)
		r.explainPart(&p)
		last = s.end
	}
}

// closed adds what is known of a container in its end: its runner's parts, and its own span.
func (r *ociRuntime) closed(c *state.Container) {
	if c == nil || c.Native {
		return
	}
	rec, ok := recorded(c)
	if ok {
		r.ran(rec, r.container)
	}
	if r.container == nil || c.Trace == nil {
		return
	}
	p := part{otlp.Span{Context: *r.container, Name: "container", Begin: c.Trace.Begun, End: time.Now()}, -1}
	if above, ok := otlp.ParseTraceparent(c.Trace.Within); ok {
		p.Parent = above.Span
	}
	p.Attributes = []otlp.Attribute{text(attributeID, c.ID), text(attributeEngine, c.Engine), text(attributeModule, c.Module)}
	if ok {
		p.Attributes = append(p.Attributes, text(attributeEnd, string(rec.Kind)), count(attributeStatus, int64(rec.Status)))
	}
	r.parts = append(r.parts, p)
}

// writeSpans writes this command's spans, which nothing fails for.
func (r *ociRuntime) writeSpans() {
	if r.native || len(r.parts) == 0 || r.settings == nil || r.settings.Trace == "" {
		return
	}
	top, link := otlp.Context{Sampled: true}, (*otlp.Context)(nil)
	given, ok := otlp.ParseTraceparent(os.Getenv(traceparent))
	switch {
	case r.container != nil && (!ok || given.Trace == r.container.Trace):
		top = *r.container
	case ok:
		top, link = given, r.container
	default:
		top.Trace = otlp.NewTraceID()
	}
	var spans []otlp.Span
	for _, s := range r.spans(top, link) {
		if s.Sampled {
			spans = append(spans, s)
		}
	}
	if len(spans) == 0 {
		return
	}
	if err := otlp.Append(r.settings.Trace, otlp.Line(program, version(), spans)); err != nil {
		r.say("warning", fmt.Sprintf("spans are lost: %v: see the setting trace in %s", err, r.settings.From["trace"]))
	}
}

// spans places this command's parts below top.
func (r *ociRuntime) spans(top otlp.Context, link *otlp.Context) []otlp.Span {
	all := make([]otlp.Span, len(r.parts))
	for i, p := range r.parts {
		s := p.Span
		if s.End.IsZero() { // an error, or a panic, has passed it by
			s.End = time.Now()
			if s.Err == nil {
				s.Err = errors.New("not finished")
			}
		}
		if s.Span == (otlp.SpanID{}) {
			s.Context = otlp.Context{Trace: top.Trace, Span: otlp.NewSpanID(), Sampled: top.Sampled}
			if p.within < 0 {
				s.Parent, s.Link = top.Span, link
			} else {
				s.Parent = all[p.within].Span
			}
		}
		all[i] = s
	}
	return all
}
