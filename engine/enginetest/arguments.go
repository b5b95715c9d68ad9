package enginetest

import (
	"os"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var argumentCases = []Case{
	{
		Name:   "Args/Many",
		Why:    "arguments reach the guest in order and unchanged: empty ones, spaces, quotes, any bytes but NUL",
		guest:  "args",
		config: wasi.Config{Args: []string{"program", "", " a b ", `"'\`, "ünï→😀", "-x=1", "", "\xff\xfe", "last\n"}},
		stdout: "program\x00\x00 a b \x00\"'\\\x00ünï→😀\x00-x=1\x00\x00\xff\xfe\x00last\n\x00",
		end:    &engine.ExitError{Code: 9},
		status: 9,
	},
	{
		Name:  "Args/None",
		Why:   "no arguments are no arguments: the engine adds no program name",
		guest: "args",
	},
	{
		Name:   "Args/EmptyName",
		Why:    "an empty program name is an argument",
		guest:  "args",
		config: wasi.Config{Args: []string{""}},
		stdout: "\x00",
		end:    &engine.ExitError{Code: 1},
		status: 1,
	},
	{
		Name:   "Args/Large",
		Why:    "arguments are not cut",
		guest:  "args",
		config: wasi.Config{Args: []string{strings.Repeat("x", 50000)}},
		stdout: strings.Repeat("x", 50000) + "\x00",
		end:    &engine.ExitError{Code: 1},
		status: 1,
	},
	{
		Name:   "Env/Entries",
		Why:    "the environment reaches the guest in order and unchanged: '=' in values, empty values, duplicates, unicode",
		guest:  "environ",
		config: wasi.Config{Env: []string{"A=1", "B==x=y=", "EMPTY=", "A=2", "ü=→", "SPACE= a b ", "A.B-C=1"}},
		stdout: "A=1\x00B==x=y=\x00EMPTY=\x00A=2\x00ü=→\x00SPACE= a b \x00A.B-C=1\x00",
		end:    &engine.ExitError{Code: 7},
		status: 7,
	},
	{
		Name:  "Env/NotInherited",
		Why:   "nothing of the host's environment reaches the guest",
		guest: "environ",
		prepare: func(t *trial) {
			t.Setenv("WASMOCI_ENGINETEST", canary)
		},
	},
	{
		Name:   "Env/WorkDir",
		Why:    "Dir is the guest's PWD",
		guest:  "environ",
		config: wasi.Config{Env: []string{"A=1"}, Dir: "/some/where"},
		stdout: "A=1\x00PWD=/some/where\x00",
		end:    &engine.ExitError{Code: 2},
		status: 2,
	},
	{
		Name:   "Env/WorkDirGiven",
		Why:    "a PWD in Env wins over Dir",
		guest:  "environ",
		config: wasi.Config{Env: []string{"PWD=/mine"}, Dir: "/some/where"},
		stdout: "PWD=/mine\x00",
		end:    &engine.ExitError{Code: 1},
		status: 1,
	},
	{
		Name:   "Env/WorkDirProgram",
		Why:    "a program that honours PWD resolves relative names against Dir",
		config: wasi.Config{Dir: "/m/sub", Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		files:  files{"m/sub/a.txt": "relative"},
		script: `os.getwd => /m/sub
			os.readfile a.txt => "relative"
			os.writefile ../b.txt up => ok`,
		after: files{"m/b.txt": "up"},
	},
	{
		Name:   "Env/Separate",
		Why:    "the guest's environment does not become the host's",
		config: wasi.Config{Env: []string{"WASMOCI_ENGINETEST=guest", "PATH=/guest", "HOME=/guest"}, Dir: "/guest"},
		guest:  "environ",
		drive: func(t *trial) {
			env, dir := strings.Join(os.Environ(), "\n"), t.getwd()
			t.same(t.wait(t.start(t.endless())), &engine.ExitError{Code: 4})
			if strings.Join(os.Environ(), "\n") != env {
				t.Error("the host's environment changed")
			}
			if t.getwd() != dir {
				t.Error("the host's working directory changed")
			}
		},
	},
}

func (t *trial) getwd() string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
