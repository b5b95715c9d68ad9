package core

import (
	"errors"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

func TestWorldOf(t *testing.T) {
	run := engine.Extern{Module: "wasi:cli/run@0.2.3", Name: "run", Kind: "func", Type: "() -> result"}
	other := engine.Extern{Name: "f", Kind: "func", Type: "() -> ()"}
	late, typed, misplaced := run, run, run
	late.Module, typed.Type, misplaced.Module = "wasi:cli/run@0.3.0", "() -> u32", "my:cli/run@0.2.3"
	for name, tt := range map[string]struct {
		exports []engine.Extern
		want    engine.World
	}{
		"nothing":             {nil, engine.WorldOther},
		"a type":              {[]engine.Extern{{Name: "r", Kind: "resource"}}, engine.WorldOther},
		"a command":           {[]engine.Extern{other, run}, engine.WorldCommand},
		"a command of later":  {[]engine.Extern{late}, engine.WorldReactor},
		"another type":        {[]engine.Extern{typed}, engine.WorldReactor},
		"another interface":   {[]engine.Extern{misplaced}, engine.WorldReactor},
		"functions":           {[]engine.Extern{other}, engine.WorldReactor},
		"http":                {[]engine.Extern{other, {Module: "wasi:http/incoming-handler@0.2.0", Name: "handle", Kind: "func"}}, engine.WorldHTTP},
		"a command with http": {[]engine.Extern{{Module: "wasi:http/incoming-handler@0.2.0", Name: "handle", Kind: "func"}, run}, engine.WorldCommand},
	} {
		if got := worldOf(tt.exports); got != tt.want {
			t.Errorf("%s is a %s, want %s", name, got, tt.want)
		}
	}
}

func TestLacking(t *testing.T) {
	stdin := func(version, kind string) engine.Extern {
		return engine.Extern{Module: "wasi:cli/stdin@" + version, Name: "get-stdin", Kind: "func", Type: kind}
	}
	const right = "() -> own<input-stream>"
	for name, tt := range map[string]struct {
		imported engine.Extern
		want     *engine.MissingImportError
	}{
		"provided":         {stdin("0.2.0", right), nil},
		"a later version":  {stdin("0.2.99", right), nil},
		"a resource":       {engine.Extern{Module: "wasi:io/streams@0.2.0", Name: "input-stream", Kind: "resource"}, nil},
		"any method":       {engine.Extern{Module: "wasi:sockets/tcp@0.2.0", Name: "[method]tcp-socket.shutdown", Kind: "func", Type: "(u8) -> ()"}, nil},
		"the next WASI":    {stdin("0.3.0", right), &engine.MissingImportError{Module: "wasi:cli/stdin@0.3.0", Name: "get-stdin", Kind: "func", Type: right}},
		"another type":     {stdin("0.2.0", "() -> ()"), &engine.MissingImportError{Module: "wasi:cli/stdin@0.2.0", Name: "get-stdin", Kind: "func", Type: "() -> ()", Want: right}},
		"a module":         {engine.Extern{Name: "m", Kind: "module"}, &engine.MissingImportError{Name: "m", Kind: "module"}},
		"no such resource": {engine.Extern{Module: "wasi:io/streams@0.2.0", Name: "x", Kind: "resource"}, &engine.MissingImportError{Module: "wasi:io/streams@0.2.0", Name: "x", Kind: "resource"}},
	} {
		err := lacking(&engine.ModuleInfo{World: engine.WorldCommand, Imports: []engine.Extern{tt.imported}})
		var missing *engine.MissingImportError
		if errors.As(err, &missing) != (tt.want != nil) || missing != nil && *missing != *tt.want {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	var missing *engine.MissingExportError
	if err := lacking(&engine.ModuleInfo{World: engine.WorldHTTP}); !errors.As(err, &missing) {
		t.Errorf("no command: got %v", err)
	}
}
