package core

import (
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi/preview2"
)

// runInterface is what a command of WASI 0.2 exports: an instance with the function run.
const (
	runInterface  = "wasi:cli/run"
	httpInterface = "wasi:http/incoming-handler"
)

// RunFunction returns the instance of a component's exports whose function run is its entrypoint; "" if there is none.
func RunFunction(exports []engine.Extern) string {
	for _, e := range exports {
		if strings.HasPrefix(e.Module, runInterface+"@"+preview2.Version+".") && e.Name == "run" && e.Kind == "func" && e.Type == "() -> result" {
			return e.Module
		}
	}
	return ""
}

// worldOf says what a component is by its exports.
func worldOf(exports []engine.Extern) engine.World {
	world := engine.WorldOther
	if RunFunction(exports) != "" {
		return engine.WorldCommand
	}
	for _, e := range exports {
		switch {
		case strings.HasPrefix(e.Module, httpInterface+"@"):
			return engine.WorldHTTP
		case e.Kind == "func":
			world = engine.WorldReactor
		}
	}
	return world
}

// lacking returns what a component cannot be run without: the first import that the host does not provide, or the export of a
// command. It is nil where nothing is missing.
func lacking(info *engine.ModuleInfo) error {
	for _, i := range info.Imports {
		if want, ok := Provided(i); !ok {
			return &engine.MissingImportError{Module: i.Module, Name: i.Name, Kind: i.Kind, Type: i.Type, Want: want}
		}
	}
	if info.World != engine.WorldCommand {
		return &engine.MissingExportError{Name: runInterface}
	}
	return nil
}

// Provided tells whether the host has what a component imports, and otherwise the type that it has under that name, if any.
func Provided(i engine.Extern) (want string, ok bool) {
	switch i.Kind {
	case "resource":
		_, ok = preview2.FindResource(i.Module, i.Name)
		return "", ok
	case "func":
		f, found := preview2.Find(i.Module, i.Name)
		if !found {
			return "", false
		}
		want = preview2.Table()[f].Type
		return want, want == "" || want == i.Type
	}
	return "", false
}
