package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// built builds this program for Linux, as a release's programs are.
func built(t *testing.T, env ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", name, "../../examples/runner")
	cmd.Env = append(os.Environ(), append([]string{"GOFLAGS=", "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"}, env...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// TestDocument: what the go command has linked is in the document, with its license, and whoever has it.
func TestDocument(t *testing.T) {
	program := built(t)
	var out, again, licenses bytes.Buffer
	at := time.Unix(1_700_000_000, 0).UTC()
	for _, w := range []*bytes.Buffer{&out, &again} {
		if err := run(w, "v1.2.3", at, false, false, []string{program}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the same program makes another document")
	}
	var d document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Metadata.Timestamp != "2023-11-14T22:13:20Z" || d.Metadata.Component.Version != "v1.2.3" || d.Metadata.Component.Licenses[0].Expression != "Apache-2.0" {
		t.Errorf("the document is about %+v", d.Metadata)
	}
	got := make(map[string]component)
	for _, c := range d.Components {
		got[c.Ref] = c
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(info.Deps)+2 || len(info.Deps) < 2 {
		t.Errorf("%d components for %d modules, Go's library and the program", len(got), len(info.Deps))
	}
	for path, license := range map[string]string{"github.com/tetratelabs/wazero": "Apache-2.0", "golang.org/x/sys": "BSD-3-Clause", "std": "BSD-3-Clause"} {
		c := got[path]
		if len(c.Licenses) != 1 || c.Licenses[0].Expression != license || !strings.HasPrefix(c.PURL, "pkg:golang/"+path+"@") || c.Version == "" {
			t.Errorf("%s is %+v", path, c)
		}
	}
	p := got["program/linux/arm64"]
	if p.Type != "application" || len(p.Hashes) != 1 || len(p.Hashes[0].Content) != 64 {
		t.Errorf("the program is %+v", p)
	}
	for _, dep := range d.Dependencies {
		for _, ref := range append(dep.DependsOn, dep.Ref) {
			if _, ok := got[ref]; !ok && ref != d.Metadata.Component.Ref {
				t.Errorf("%q depends on %q, which is no component", dep.Ref, ref)
			}
		}
	}
	if err := run(&licenses, "", at, true, false, []string{program}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"github.com/wasmoci/wasmoci\n", "github.com/tetratelabs/wazero v", "golang.org/x/sys v", "std 1.", "Copyright 2009 The Go Authors", "Redistribution and use"} {
		if !strings.Contains(licenses.String(), want) {
			t.Errorf("the licenses lack %q", want)
		}
	}
}

// TestRefer: only the very terms that Debian has are left out, and what is before and after them stays.
func TestRefer(t *testing.T) {
	const common = "Apache License\n" + termsBegin + "\n 1. You may.\nEND OF TERMS AND CONDITIONS\nAPPENDIX"
	const reference = "The terms and conditions are those in " + apache + "."
	for name, c := range map[string]struct{ text, want string }{
		"the same":        {common, "Apache License\n" + reference + "\nEND OF TERMS AND CONDITIONS\nAPPENDIX"},
		"other lines":     {"Of us\n" + termsBegin + " 1.\n\n You\n may.\n\nand an exception", "Of us\n" + reference + "\n\nand an exception"},
		"other words":     {strings.Replace(common, "may", "may not", 1), strings.Replace(common, "may", "may not", 1)},
		"more of a word":  {termsBegin + " 1. You may.be", termsBegin + " 1. You may.be"},
		"less":            {termsBegin + " 1. You", termsBegin + " 1. You"},
		"another license": {"Permission is hereby granted", "Permission is hereby granted"},
	} {
		if got := refer(c.text, common); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if terms(termsBegin+" 1. You may.") != "" {
		t.Error("what is cut off is a whole license")
	}
}

// TestRefused: what would be missing from the document is an error.
func TestRefused(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := readBinary(other); err == nil {
		t.Error("a script is a program of a release")
	}
	for name, c := range map[string]struct{ tags, cgo, want string }{
		"a tag that is not known": {"netgo,unheard", "0", `tag "unheard"`},
		"a library's module":      {"wasmtime", "0", "without the module"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &binary{info: &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "-tags", Value: c.tags}, {Key: "CGO_ENABLED", Value: c.cgo}}}}
			if _, err := natives(b, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := identify("All rights reserved."); err == nil {
		t.Error("no license is one")
	}
	const mit, apache = `Permission is hereby granted, free of charge THE SOFTWARE IS PROVIDED "AS IS"`, "Apache License Version 2.0"
	if got, err := identify(mit + apache); err == nil {
		t.Errorf("two licenses are %s", got)
	}
	if got, err := identify(apache + " LLVM Exceptions to the Apache 2.0 License"); err != nil || got != "Apache-2.0 WITH LLVM-exception" {
		t.Errorf("a license with an exception is %q, %v", got, err)
	}
	if err := (&module{Path: "example.com/absent"}).read(); err == nil || !strings.Contains(err.Error(), "go mod download") {
		t.Errorf("a module that is nowhere: %v", err)
	}
}
