package enginetest

import (
	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var entrypointCases = []Case{
	{
		Name:   "Entrypoint/Default",
		Why:    "without an Entrypoint a command runs _start",
		guest:  "entrypoints",
		stdout: "start\n",
	},
	{
		Name:   "Entrypoint/Start",
		Why:    "_start by name is the default and asks nothing more of the engine",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "_start"},
		stdout: "start\n",
	},
	{
		Name:   "Entrypoint/Custom",
		Why:    "Entrypoint runs that export and nothing else",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "other"},
		stdout: "other\n",
	},
	{
		Name:   "Entrypoint/Arguments",
		Why:    "a custom entrypoint has the run's arguments and may exit with a status",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "count_args", Args: []string{"a", "b", "c"}},
		end:    &engine.ExitError{Code: 3},
		status: 3,
	},
	{
		Name:   "Entrypoint/Name",
		Why:    "an export's name is any text",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "a name with spaces, and ünïcode"},
		stdout: "other\n",
	},
	{
		Name:   "Entrypoint/Missing",
		Why:    "an entrypoint that is not exported is refused before the guest runs, and the error says what there is",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "nowhere"},
		refuse: &engine.MissingExportError{
			Name:      "nowhere",
			Functions: []string{"_start", "other", "count_args", "a name with spaces, and ünïcode"},
		},
	},
	{
		Name:   "Entrypoint/TakesParameters",
		Why:    "an entrypoint takes nothing: there is nobody to say what it gets",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "takes"},
		refuse: &engine.SignatureError{Name: "takes", Got: "(i32) -> ()"},
	},
	{
		Name:   "Entrypoint/GivesResult",
		Why:    "an entrypoint returns nothing: a result is not an exit status",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "gives"},
		refuse: &engine.SignatureError{Name: "gives", Got: "() -> (i32)"},
	},
	{
		Name:   "Entrypoint/NoFunction",
		Why:    "an exported global is no entrypoint",
		guest:  "entrypoints",
		config: wasi.Config{Entrypoint: "answer"},
		refuse: &engine.SignatureError{Name: "answer", Got: "a global"},
	},
	{
		Name:   "Entrypoint/NoStart",
		Why:    "a module without _start is no command: it is refused, and the error says what could be run",
		guest:  "reactor",
		refuse: &engine.MissingExportError{Name: "_start", Functions: []string{"run"}},
	},
	{
		Name:   "Entrypoint/Empty",
		Why:    "an empty module is valid, and has nothing to run",
		guest:  "empty",
		refuse: &engine.MissingExportError{Name: "_start"},
	},
	{
		Name:   "Entrypoint/Reactor",
		Why:    "_initialize is called exactly once, before the entrypoint",
		guest:  "reactor",
		config: wasi.Config{Entrypoint: "run"},
		end:    &engine.ExitError{Code: 7},
		status: 7,
	},
	{
		Name:   "Entrypoint/InitializeTraps",
		Why:    "where _initialize traps the run has ended: the entrypoint is not reached",
		guest:  "reactor_trap",
		config: wasi.Config{Entrypoint: "run"},
		end:    engine.TrapUnreachable,
		status: 134,
	},
	{
		Name:   "Entrypoint/InitializeExits",
		Why:    "where _initialize exits the run has ended with its status, 0 too: the entrypoint is not reached",
		guest:  "reactor_exit",
		config: wasi.Config{Entrypoint: "run"},
	},
	{
		Name:   "Entrypoint/CommandWithInitialize",
		Why:    "a command is started at _start alone: _initialize belongs to reactors",
		guest:  "command_initialize",
		end:    &engine.ExitError{Code: 7},
		status: 7,
	},
}
