//go:build root && linux

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// told is a span as a reader of the file has it.
type told struct {
	TraceID, SpanID, ParentSpanID, Name string
	StartTimeUnixNano, EndTimeUnixNano  string
	Attributes                          []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
	Links  []struct{ TraceID, SpanID string }
	Status struct{ Code int }
}

func (s *told) start() int64 {
	n, _ := strconv.ParseInt(s.StartTimeUnixNano, 10, 64)
	return n
}

func (s *told) end() int64 {
	n, _ := strconv.ParseInt(s.EndTimeUnixNano, 10, 64)
	return n
}

// spansCommand prints the spans of a file as trees, and removes it: each with its attributes but the container's name, with "(failed)" where
// it has, and "of PARENT" or "to LINK" where that is none of the file's. A span must not end before it begins, nor begin before its parent.
//
//	spans FILE
func spansCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: spans FILE")
	}
	var all []*told
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var file struct {
			ResourceSpans []struct{ ScopeSpans []struct{ Spans []*told } }
		}
		ts.Check(json.Unmarshal([]byte(line), &file))
		for _, r := range file.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *told) int { return cmp.Compare(a.start(), b.start()) })
	byID := make(map[string]*told)
	for _, s := range all {
		if byID[s.SpanID] != nil || s.end() < s.start() {
			ts.Fatalf("two spans of one name, or one that ends before it begins: %+v", s)
		}
		byID[s.SpanID] = s
	}
	var print func(s *told, depth string)
	print = func(s *told, depth string) {
		line := depth + s.Name
		for _, a := range s.Attributes {
			if a.Key != attributeID && a.Key != "wasmoci.memory.peak" {
				value := strings.ReplaceAll(a.Value.StringValue+a.Value.IntValue, ts.Getenv("ENGINE"), "ENGINE")
				line += " " + a.Key[strings.LastIndexByte(a.Key, '.')+1:] + "=" + value
			}
		}
		parent := byID[s.ParentSpanID]
		if s.ParentSpanID != "" && parent == nil {
			line += " of " + s.TraceID + " " + s.ParentSpanID
		}
		if parent != nil && (parent.TraceID != s.TraceID || s.start() < parent.start()) {
			ts.Fatalf("%+v is no part of %+v", s, parent)
		}
		for _, l := range s.Links {
			if to := byID[l.SpanID]; to != nil {
				line += " to " + to.Name
			} else {
				line += " to another"
			}
		}
		if s.Status.Code != 0 {
			line += " (failed)"
		}
		_, err := fmt.Fprintln(ts.Stdout(), line)
		ts.Check(err)
		for _, child := range all {
			if child.ParentSpanID == s.SpanID {
				print(child, depth+"  ")
			}
		}
	}
	for _, s := range all {
		if byID[s.ParentSpanID] == nil {
			print(s, "")
		}
	}
	ts.Check(ts.Exec("rm", ts.MkAbs(args[0])))
}
