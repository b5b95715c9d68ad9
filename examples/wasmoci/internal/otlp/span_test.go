package otlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"regexp"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write golden files anew")

// all has something of everything that a span may have.
func all() []Span {
	at := func(ms int) time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(ms) * time.Millisecond) }
	trace := TraceID{15: 1, 0: 0xab}
	return []Span{
		{Context: Context{trace, SpanID{7: 1}, true}, Name: "container", Begin: at(0), End: at(50)},
		{
			Context: Context{trace, SpanID{7: 2}, true}, Parent: SpanID{7: 1}, Name: "compile", Begin: at(1), End: at(2),
			Link:       &Context{Trace: TraceID{1}, Span: SpanID{2}},
			Attributes: []Attribute{{"wasmoci.engine", "wazero"}, {"wasmoci.module.size", int64(1 << 62)}, {"wasmoci.cached", false}},
			Err:        errors.New("no\n\"module\""),
		},
	}
}

func TestLine(t *testing.T) {
	got := Line("wasmoci", "v1", all())
	if bytes.Count(got, []byte("\n")) != 1 || got[len(got)-1] != '\n' {
		t.Fatalf("not one line: %q", got)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	const name = "testdata/spans.json"
	if *update {
		if err := os.WriteFile(name, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", pretty.Bytes(), want)
	}
}

// The fields of opentelemetry-proto 1.9's trace.proto, common.proto and resource.proto, by message, in the JSON mapping that OTLP
// specifies: lowerCamelCase; bytes of identifiers in hexadecimal; 64-bit numbers as decimal text; enumerations as numbers.
var messages = map[string]map[string]string{
	"TracesData":           {"resourceSpans": "[]ResourceSpans"},
	"ResourceSpans":        {"resource": "Resource", "scopeSpans": "[]ScopeSpans", "schemaUrl": "string"},
	"Resource":             {"attributes": "[]KeyValue", "droppedAttributesCount": "uint32"},
	"ScopeSpans":           {"scope": "InstrumentationScope", "spans": "[]Span", "schemaUrl": "string"},
	"InstrumentationScope": {"name": "string", "version": "string", "attributes": "[]KeyValue", "droppedAttributesCount": "uint32"},
	"Span": {
		"traceId": "id16", "spanId": "id8", "traceState": "string", "parentSpanId": "id8", "flags": "uint32", "name": "string", "kind": "uint32",
		"startTimeUnixNano": "uint64", "endTimeUnixNano": "uint64", "attributes": "[]KeyValue", "droppedAttributesCount": "uint32",
		"events": "[]Event", "droppedEventsCount": "uint32", "links": "[]Link", "droppedLinksCount": "uint32", "status": "Status",
	},
	"Link":     {"traceId": "id16", "spanId": "id8", "traceState": "string", "attributes": "[]KeyValue", "droppedAttributesCount": "uint32", "flags": "uint32"},
	"Status":   {"message": "string", "code": "uint32"},
	"KeyValue": {"key": "string", "value": "AnyValue"},
	"AnyValue": {"stringValue": "string", "boolValue": "bool", "intValue": "uint64", "doubleValue": "number", "arrayValue": "ArrayValue", "kvlistValue": "KeyValueList", "bytesValue": "string"},
}

var texts = map[string]*regexp.Regexp{
	"string": regexp.MustCompile(`^"`), "bool": regexp.MustCompile(`^(true|false)$`), "uint32": regexp.MustCompile(`^[0-9]+$`),
	"uint64": regexp.MustCompile(`^"[0-9]+"$`), "id16": regexp.MustCompile(`^"[0-9a-f]{32}"$`), "id8": regexp.MustCompile(`^"[0-9a-f]{16}"$`),
}

// TestSchema: what is written has OTLP's fields, with values of their types, and no other.
func TestSchema(t *testing.T) {
	seen := make(map[string]bool)
	var check func(path, kind string, value json.RawMessage)
	check = func(path, kind string, value json.RawMessage) {
		if pattern := texts[kind]; pattern != nil {
			if !pattern.Match(value) {
				t.Errorf("%s is %s, no %s", path, value, kind)
			}
			return
		}
		if element, ok := bytes.CutPrefix([]byte(kind), []byte("[]")); ok {
			var list []json.RawMessage
			if err := json.Unmarshal(value, &list); err != nil || len(list) == 0 {
				t.Errorf("%s: %v, %d elements", path, err, len(list))
			}
			for _, v := range list {
				check(path, string(element), v)
			}
			return
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(value, &fields); err != nil || messages[kind] == nil {
			t.Fatalf("%s, a %s: %v", path, kind, err)
		}
		seen[kind] = true
		for name, v := range fields {
			if messages[kind][name] == "" {
				t.Errorf("%s: %s has no field %q", path, kind, name)
				continue
			}
			check(path+"."+name, messages[kind][name], v)
		}
		if kind == "AnyValue" && len(fields) != 1 {
			t.Errorf("%s has %d values", path, len(fields))
		}
	}
	check("", "TracesData", Line("wasmoci", "v1", all()))
	for kind := range messages {
		if !seen[kind] {
			t.Errorf("nothing has a %s: put one in all", kind)
		}
	}
}

func TestTraceparent(t *testing.T) {
	for text, want := range map[string]string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02":       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-later": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"": "", "00": "", "00---": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1":        "",
		"0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":        "",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":       "",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01":       "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":       "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":       "",
		"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01":        "",
		"00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01":       "",
	} {
		c, ok := ParseTraceparent(text)
		got := ""
		if ok {
			got = c.Traceparent()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	a, b := Context{NewTraceID(), NewSpanID(), true}, Context{NewTraceID(), NewSpanID(), false}
	if got, ok := ParseTraceparent(b.Traceparent()); !ok || got != b || a.Trace == b.Trace || a.Span == b.Span {
		t.Errorf("%v, %v; %v", got, ok, a)
	}
}
