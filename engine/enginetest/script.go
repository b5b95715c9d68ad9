package enginetest

import (
	"slices"
	"strings"
	"testing"
)

// A script is what the Go guest is to do: lines "op words => want". The guest prints a line for each, its result, which
// must be one of the wants, separated by "|": "ok", a value, an error's name as C has it, "!" for any error, "*" for
// anything. A line without "=>" prints nothing. $DIR is the case's host directory. After " ; component: " comes what a component may have
// as well, whose guest is of another language with another library.
type script string

type step struct{ op, want string }

func (s script) steps() []step {
	var steps []step
	for line := range strings.Lines(string(s)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		op, want, _ := strings.Cut(line, " => ")
		want, _, _ = strings.Cut(want, forComponents)
		steps = append(steps, step{strings.TrimSpace(op), strings.TrimSpace(want)})
	}
	return steps
}

// args are the guest's arguments after its name.
func (s script) args(dir string) []string {
	var args []string
	for _, st := range s.steps() {
		args = append(args, strings.ReplaceAll(st.op, "$DIR", dir))
	}
	return args
}

// forComponents stands before what only a component may have.
const forComponents = " ; component: "

// check compares what the guest printed with what it should have.
func (s script) check(tb testing.TB, transcript, dir string) {
	tb.Helper()
	got := strings.Split(strings.TrimSuffix(transcript, "\n"), "\n")
	if transcript == "" {
		got = nil
	}
	for _, st := range s.steps() {
		if st.want == "" {
			continue
		}
		if len(got) == 0 {
			tb.Errorf("%s: the guest ended before it", st.op)
			return
		}
		if want := strings.ReplaceAll(st.want, "$DIR", dir); !matches(got[0], want) {
			tb.Errorf("%s: got %s, want %s", st.op, got[0], want)
		}
		got = got[1:]
	}
	if len(got) > 0 {
		tb.Errorf("the guest printed more than its script says: %q", got)
	}
}

func matches(got, want string) bool {
	if want == got || want == "*" {
		return true
	}
	return slices.ContainsFunc(strings.Split(want, "|"), func(w string) bool {
		return w == got || w == "!" && isErrno(got)
	})
}

func isErrno(s string) bool {
	return len(s) > 1 && s[0] == 'E' && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
