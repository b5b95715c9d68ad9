package preview2

import "github.com/wasmoci/wasmoci/wasi/vfs"

// cliTable is wasi:cli.
var cliTable = []Func{
	{"wasi:cli/environment", "get-environment", "() -> list<tuple<string, string>>", func(h *Host, _ []Value) (Value, error) { return h.env, nil }},
	{"wasi:cli/environment", "get-arguments", "() -> list<string>", func(h *Host, _ []Value) (Value, error) { return h.args, nil }},
	{"wasi:cli/environment", "initial-cwd", "() -> option<string>", initialCwd},
	{"wasi:cli/exit", "exit", "(result) -> ()", exit},
	{"wasi:cli/exit", "exit-with-code", "(u8) -> ()", exitWithCode},
	{"wasi:cli/stdin", "get-stdin", "() -> own<input-stream>", func(h *Host, _ []Value) (Value, error) {
		return h.resources.add(typeInput, &input{in: h.stdin}), nil
	}},
	{"wasi:cli/stdout", "get-stdout", "() -> own<output-stream>", func(h *Host, _ []Value) (Value, error) {
		return h.resources.add(typeOutput, &output{out: h.stdout}), nil
	}},
	{"wasi:cli/stderr", "get-stderr", "() -> own<output-stream>", func(h *Host, _ []Value) (Value, error) {
		return h.resources.add(typeOutput, &output{out: h.stderr}), nil
	}},
	{"wasi:cli/terminal-stdin", "get-terminal-stdin", "() -> option<own<terminal-input>>", func(h *Host, _ []Value) (Value, error) {
		return h.terminal(h.stdin.Type(), typeTerminalInput), nil
	}},
	{"wasi:cli/terminal-stdout", "get-terminal-stdout", "() -> option<own<terminal-output>>", func(h *Host, _ []Value) (Value, error) {
		return h.terminal(h.stdout.Type(), typeTerminalOutput), nil
	}},
	{"wasi:cli/terminal-stderr", "get-terminal-stderr", "() -> option<own<terminal-output>>", func(h *Host, _ []Value) (Value, error) {
		return h.terminal(h.stderr.Type(), typeTerminalOutput), nil
	}},
}

func initialCwd(h *Host, _ []Value) (Value, error) {
	if h.dir == "" {
		return Option{}, nil
	}
	return Option{h.dir}, nil
}

func exit(h *Host, a []Value) (Value, error) {
	h.exited = true
	if a[0].(Result).Err {
		h.code = 1
	}
	return nil, ErrStopped
}

func exitWithCode(h *Host, a []Value) (Value, error) {
	h.exited, h.code = true, uint32(a[0].(uint8))
	return nil, ErrStopped
}

// terminal is a resource that says no more than that a stream is a terminal.
type terminal struct{}

func (h *Host) terminal(t vfs.FileType, kind uint32) Option {
	if t != vfs.CharDevice {
		return Option{}
	}
	return Option{h.resources.add(kind, terminal{})}
}
