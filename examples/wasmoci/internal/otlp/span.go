package otlp

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Span is something that took time.
type Span struct {
	Context             // its own
	Parent     SpanID   // of the same trace; zero: none
	Link       *Context // another span that it has to do with
	Name       string
	Begin, End time.Time
	Attributes []Attribute
	Err        error // what it failed with; nil says nothing of how it went
}

// Attribute is a fact about a span. Value is a string, an int64 or a bool.
type Attribute struct {
	Key   string
	Value any
}

// The messages of OTLP that are written, as protobuf's JSON mapping for OTLP has them: identifiers in hexadecimal, 64-bit numbers as text,
// enumerations as numbers.
type (
	tracesData struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	span struct {
		TraceID      string     `json:"traceId"`
		SpanID       string     `json:"spanId"`
		ParentSpanID string     `json:"parentSpanId,omitempty"`
		Flags        uint32     `json:"flags,omitempty"`
		Name         string     `json:"name"`
		Kind         int        `json:"kind"`
		Start        string     `json:"startTimeUnixNano"`
		End          string     `json:"endTimeUnixNano"`
		Attributes   []keyValue `json:"attributes,omitempty"`
		Links        []link     `json:"links,omitempty"`
		Status       *status    `json:"status,omitempty"`
	}
	link struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
	status struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code"`
	}
	keyValue struct {
		Key   string   `json:"key"`
		Value anyValue `json:"value"`
	}
	anyValue struct {
		String *string `json:"stringValue,omitempty"`
		Bool   *bool   `json:"boolValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
	}
)

const (
	kindInternal = 1 // Span.SpanKind
	statusError  = 2 // Status.StatusCode
)

// Line returns spans of a service as one line, with its end.
func Line(service, version string, spans []Span) []byte {
	all := make([]span, len(spans))
	for i, s := range spans {
		all[i] = span{
			TraceID: hex.EncodeToString(s.Trace[:]), SpanID: hex.EncodeToString(s.Span[:]), Name: s.Name, Kind: kindInternal,
			Start: nanoseconds(s.Begin), End: nanoseconds(s.End), Attributes: keyValues(s.Attributes),
		}
		if s.Sampled {
			all[i].Flags = 1
		}
		if s.Parent != (SpanID{}) {
			all[i].ParentSpanID = hex.EncodeToString(s.Parent[:])
		}
		if s.Link != nil {
			all[i].Links = []link{{hex.EncodeToString(s.Link.Trace[:]), hex.EncodeToString(s.Link.Span[:])}}
		}
		if s.Err != nil {
			all[i].Status = &status{s.Err.Error(), statusError}
		}
	}
	about := keyValues([]Attribute{{"service.name", service}, {"service.version", version}})
	line, err := json.Marshal(tracesData{[]resourceSpans{{resource{about}, []scopeSpans{{scope{service, version}, all}}}}})
	if err != nil { // nothing in there can fail
		panic(err)
	}
	return append(line, '\n')
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func keyValues(attributes []Attribute) (all []keyValue) {
	for _, a := range attributes {
		kv := keyValue{Key: a.Key}
		switch v := a.Value.(type) {
		case string:
			kv.Value.String = &v
		case bool:
			kv.Value.Bool = &v
		case int64:
			text := strconv.FormatInt(v, 10)
			kv.Value.Int = &text
		}
		all = append(all, kv)
	}
	return all
}
