package subprocess

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/wasmoci/wasmoci/engine"
)

// CrashError is a child that ended, or was ended by somebody else, before its guest did: the engine crashed, ran out of
// memory, or called exit. Errors of New, Compile and Wait may be one, and of Start where the module was being loaded.
type CrashError struct {
	// Signal is what ended the process: the signal that killed it, or the one that its Go runtime says it got before it gave up.
	// 0 is none.
	Signal engine.Signal
	// Status is the exit status of a process that was not killed.
	Status int
	// LastWords is the end of what the process wrote to its own standard output and error, at most 32 KiB. It is not the
	// guest's output.
	LastWords string
}

// Error implements error. Of the last words it has the line that says why.
func (e *CrashError) Error() string {
	return "subprocess: the engine's process " + e.how() + withReason(e.LastWords)
}

func (e *CrashError) how() string {
	if e.Signal != 0 {
		return fmt.Sprintf("was ended by %v (%v)", e.Signal, syscall.Signal(e.Signal))
	}
	return fmt.Sprintf("exited with status %d", e.Status)
}

// ExitStatus returns 128 and the signal's number, as shells do, or 125 where there was none: the runtime failed.
func (e *CrashError) ExitStatus() int {
	if e.Signal != 0 {
		return e.Signal.ExitStatus()
	}
	return 125
}

// ProtocolError is a child that is no engine process of this version, or does not behave like one. Errors of New, Compile, Start
// and Wait may be one.
type ProtocolError struct {
	Path      string // of the executable
	Reason    string
	LastWords string // as in CrashError
}

// Error implements error.
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("subprocess: %s is not an engine process of protocol version %d: %s%s", e.Path, version, e.Reason, withReason(e.LastWords))
}

func withReason(words string) string {
	if _, line := lastReason(words); line != "" {
		return ": " + line
	}
	return ""
}

// died is how a process whose wait status is known ended.
func died(ws syscall.WaitStatus, words string) *CrashError {
	e := &CrashError{LastWords: words}
	if ws.Signaled() {
		e.Signal = engine.Signal(ws.Signal())
		return e
	}
	e.Status = ws.ExitStatus()
	e.Signal, _ = lastReason(words)
	return e
}

// fatalSignals are those by which a program is ended that did wrong.
var fatalSignals = [...]struct {
	name   string
	signal engine.Signal
}{{"SIGILL", 4}, {"SIGTRAP", 5}, {"SIGABRT", 6}, {"SIGBUS", 7}, {"SIGFPE", 8}, {"SIGSEGV", 11}, {"SIGSYS", 31}}

// lastReason finds the line that says why a process ended, the last one for want of a better, and the signal where the Go
// runtime names one: it catches signals of native code and exits with status 2.
func lastReason(words string) (engine.Signal, string) {
	var last, reason string
	var signal engine.Signal
	for line := range strings.SplitSeq(words, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		for _, start := range []string{"fatal error: ", "panic: ", "runtime: ", "terminate called"} {
			if reason == "" && strings.HasPrefix(line, start) {
				reason = line
			}
		}
		name, _, found := strings.Cut(strings.TrimPrefix(line, "[signal "), ": ")
		for _, fatal := range fatalSignals {
			if found && name == fatal.name && signal == 0 {
				if signal = fatal.signal; reason == "" {
					reason = line
				}
			}
		}
	}
	if reason == "" {
		reason = last
	}
	const most = 300
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "") + "…"
	}
	return signal, reason
}
