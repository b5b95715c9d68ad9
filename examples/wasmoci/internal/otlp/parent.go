package otlp

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// TraceID names a trace. It is not all zeros.
type TraceID [16]byte

// SpanID names a span of a trace. All zeros is none.
type SpanID [8]byte

// NewTraceID returns a random one.
func NewTraceID() (id TraceID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// NewSpanID returns a random one.
func NewSpanID() (id SpanID) {
	_, _ = rand.Read(id[:])
	return id
}

// Context is a place in a trace: a span that others are part of.
type Context struct {
	Trace   TraceID
	Span    SpanID
	Sampled bool // whoever began the trace keeps it
}

// ParseTraceparent reads a traceparent, as the header and the environment variable TRACEPARENT have it. Of a later version it reads what
// this one has. It is false for what is none, which is as if there were none.
func ParseTraceparent(text string) (c Context, ok bool) {
	fields := strings.Split(text, "-")
	if len(fields) < 4 || len(fields[0]) != 2 || len(fields[3]) != 2 || fields[0] == "ff" || fields[0] == "00" && len(fields) != 4 {
		return c, false
	}
	var version, flags [1]byte
	for _, f := range []struct {
		text string
		into []byte
	}{{fields[0], version[:]}, {fields[1], c.Trace[:]}, {fields[2], c.Span[:]}, {fields[3], flags[:]}} {
		if len(f.text) != 2*len(f.into) || strings.ToLower(f.text) != f.text {
			return Context{}, false
		}
		if _, err := hex.Decode(f.into, []byte(f.text)); err != nil {
			return Context{}, false
		}
	}
	if c.Trace == (TraceID{}) || c.Span == (SpanID{}) {
		return Context{}, false
	}
	c.Sampled = flags[0]&1 != 0
	return c, true
}

// Traceparent is what ParseTraceparent reads.
func (c Context) Traceparent() string {
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return "00-" + hex.EncodeToString(c.Trace[:]) + "-" + hex.EncodeToString(c.Span[:]) + flags
}
