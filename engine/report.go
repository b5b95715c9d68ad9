package engine

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Report writes to w what err, which a run ended with, says to a person: each line with the name of the program before it, then a
// trapped guest's backtrace. It writes nothing for nil, nor for a guest that exited by itself or was ended by a [Signal]: its exit
// status ([ExitCode]) says all. It makes one Write, and text that is a stranger's is [Printable].
func Report(w io.Writer, program string, err error) {
	var exit *ExitError
	var sig Signal
	if err == nil || errors.As(err, &exit) || errors.As(err, &sig) {
		return
	}
	var b strings.Builder
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(&b, "%s: %s\n", program, Printable(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "  ")))
	}
	var trap *TrapError
	if errors.As(err, &trap) && trap.Backtrace != "" {
		fmt.Fprintf(&b, "%s: guest backtrace, innermost function first:\n", program)
		for line := range strings.Lines(trap.Backtrace) {
			fmt.Fprintf(&b, "\t%s\n", Printable(strings.TrimSpace(line)))
		}
	}
	_, _ = io.WriteString(w, b.String())
}

// Printable returns s with everything escaped that a terminal would not show as a character: names in a bundle or a module are a
// stranger's text.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
