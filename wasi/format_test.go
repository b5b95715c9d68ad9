package wasi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestFormatOf(t *testing.T) {
	for name, tt := range map[string]struct {
		head string
		want wasi.Format
	}{
		"nothing":                   {"", wasi.FormatUnknown},
		"module":                    {"\x00asm\x01\x00\x00\x00", wasi.FormatModule},
		"module and more":           {"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00", wasi.FormatModule},
		"module cut off":            {"\x00asm\x01\x00\x00", wasi.FormatUnknown},
		"magic only":                {"\x00asm", wasi.FormatUnknown},
		"module, other version":     {"\x00asm\x02\x00\x00\x00", wasi.FormatUnknown},
		"component":                 {"\x00asm\x0d\x00\x01\x00", wasi.FormatComponent},
		"component, later version":  {"\x00asm\x0e\x00\x01\x00", wasi.FormatComponent},
		"another layer":             {"\x00asm\x01\x00\x02\x00", wasi.FormatUnknown},
		"text":                      {"(module)", wasi.FormatText},
		"text, named":               {"(module $m (func))", wasi.FormatText},
		"text, end of the head":     {"(module", wasi.FormatText},
		"text, space":               {" \t\r\n( module )", wasi.FormatText},
		"text, byte order mark":     {"\xef\xbb\xbf(module)", wasi.FormatText},
		"text, line comment":        {";; a comment\n(module)", wasi.FormatText},
		"text, block comment":       {"(; a (; nested ;) comment ;)(module)", wasi.FormatText},
		"text, comment unfinished":  {"(; a comment", wasi.FormatUnknown},
		"text, line unfinished":     {";; a comment", wasi.FormatUnknown},
		"text, component":           {"(component)", wasi.FormatText},
		"text, another word":        {"(modules)", wasi.FormatUnknown},
		"text, another expression":  {"(define (module))", wasi.FormatUnknown},
		"text, no parenthesis":      {"module", wasi.FormatUnknown},
		"wasmtime":                  {"\x7fELF\x02\x01\x01\xc8\x00", wasi.FormatPrecompiled},
		"WAMR":                      {"\x00aot\x01\x00\x00\x00", wasi.FormatPrecompiled},
		"wazero":                    {"WAZERO\x05v1.12", wasi.FormatPrecompiled},
		"wasmer":                    {"wasmer-universal", wasi.FormatPrecompiled},
		"a native program":          {"\x7fELF\x02\x01\x01\x00\x00", wasi.FormatUnknown},
		"a native program, GNU ABI": {"\x7fELF\x02\x01\x01\x03\x00", wasi.FormatUnknown},
		"a script":                  {"#!/bin/sh\n", wasi.FormatUnknown},
		"text beyond the head":      {strings.Repeat(" ", wasi.FormatHead) + "(module)", wasi.FormatUnknown},
		"text at its end":           {strings.Repeat(" ", wasi.FormatHead-8) + "(module)", wasi.FormatText},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wasi.FormatOf([]byte(tt.head)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFormatText(t *testing.T) {
	for f, want := range map[wasi.Format]string{
		wasi.FormatUnknown: "unknown", wasi.FormatModule: "module", wasi.FormatComponent: "component", wasi.FormatText: "text",
		wasi.FormatPrecompiled: "precompiled",
	} {
		b, err := json.Marshal(f)
		if err != nil || string(b) != `"`+want+`"` || f.String() != want {
			t.Errorf("%d is %s and %s, %v; want %s", f, f, b, err, want)
		}
		var back wasi.Format
		if err := json.Unmarshal(b, &back); err != nil || back != f {
			t.Errorf("%s is %v, %v", b, back, err)
		}
	}
	f := wasi.FormatModule
	if err := f.UnmarshalText([]byte("elf")); err == nil || err.Error() != `wasi: unknown format "elf"` || f != wasi.FormatModule {
		t.Errorf("got %v, %v", f, err)
	}
	if got := wasi.Format(99).String(); got != "format(99)" {
		t.Errorf("got %q", got)
	}
}

// FuzzFormatOf checks that only the head counts, and that more of the file does not change what its head has told.
func FuzzFormatOf(f *testing.F) {
	for _, head := range []string{
		"", "\x00asm\x01\x00\x00\x00", "\x00asm\x0d\x00\x01\x00", "(module)", "(;(;;);;\n;)(component", ";;\n(", "WAZERO", "\x7fELF\x02\x01\x01\xc8",
	} {
		f.Add([]byte(head), []byte(" more"))
	}
	f.Fuzz(func(t *testing.T, head, more []byte) {
		whole := append(append([]byte(nil), head...), more...)
		format := wasi.FormatOf(whole)
		if format != wasi.FormatOf(whole[:min(len(whole), wasi.FormatHead)]) {
			t.Errorf("more than the head of %q counts", whole)
		}
		if format < wasi.FormatUnknown || format > wasi.FormatPrecompiled {
			t.Errorf("%q is %v", whole, format)
		}
		switch before := wasi.FormatOf(head); {
		case before == wasi.FormatUnknown, before == wasi.FormatText: // a word may go on
		case before != format:
			t.Errorf("%q is %v, and with more behind it %v", head, before, format)
		}
	})
}
