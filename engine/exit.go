package engine

import (
	"context"
	"errors"
	"fmt"
)

// ExitError is a guest that ended itself with a status other than 0 (proc_exit).
type ExitError struct {
	Code uint32 // never 0; preview 1 has 32 bits
}

// Error implements error: "exit status 7".
func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// ExitStatus returns the low eight bits of Code, as wait(2) does, but 255 where they are 0: failure never becomes success.
func (e *ExitError) ExitStatus() int {
	if s := int(e.Code & 0xff); s != 0 {
		return s
	}
	return 255
}

// TrapKind says why WebAssembly code could not go on. It is an error, so that errors.Is(err, engine.TrapUnreachable)
// tells.
type TrapKind string

const (
	TrapUnreachable       TrapKind = "unreachable"
	TrapMemoryBounds      TrapKind = "out of bounds memory access"
	TrapTableBounds       TrapKind = "out of bounds table access"
	TrapNullReference     TrapKind = "null reference" // an uninitialized table element, too
	TrapSignatureMismatch TrapKind = "indirect call to a function of another type"
	TrapIntegerOverflow   TrapKind = "integer overflow"
	TrapDivideByZero      TrapKind = "integer divide by zero"
	TrapConversion        TrapKind = "invalid conversion to integer"
	TrapStackOverflow     TrapKind = "call stack exhausted"
	TrapUnaligned         TrapKind = "unaligned atomic access"
	TrapException         TrapKind = "uncaught exception"
	TrapOther             TrapKind = "other" // TrapError.Message says what
)

// Error implements error.
func (k TrapKind) Error() string { return string(k) }

// TrapError is a guest that WebAssembly itself stopped.
type TrapError struct {
	Kind      TrapKind
	Message   string // the engine's words where they say more than Kind, else ""
	Backtrace string // of the guest, innermost function first, a line each; "" where the engine gives none
}

// Error implements error: "trap: unreachable". The backtrace is not part of it.
func (e *TrapError) Error() string {
	if e.Kind == TrapOther && e.Message != "" {
		return "trap: " + e.Message
	}
	if e.Message != "" {
		return "trap: " + string(e.Kind) + ": " + e.Message
	}
	return "trap: " + string(e.Kind)
}

// Unwrap returns Kind.
func (e *TrapError) Unwrap() error { return e.Kind }

// ExitStatus returns 134, which is 128+SIGABRT.
func (e *TrapError) ExitStatus() int { return statusTrap }

// StoppedError is a guest that was ended because its context ended. It satisfies errors.Is(err, ctx.Err()) and matches
// the context's cause.
type StoppedError struct {
	Err   error // ctx.Err()
	Cause error // context.Cause(ctx)
}

// Stopped returns a *StoppedError for ctx, which has ended.
func Stopped(ctx context.Context) *StoppedError {
	return &StoppedError{Err: ctx.Err(), Cause: context.Cause(ctx)}
}

// Error implements error.
func (e *StoppedError) Error() string { return "stopped: " + e.Cause.Error() }

// Unwrap returns Err and Cause.
func (e *StoppedError) Unwrap() []error { return []error{e.Err, e.Cause} }

// ExitStatus returns the cause's own ExitStatus ([Signal]) where that is from 1 to 255, else 137, which is 128+SIGKILL.
func (e *StoppedError) ExitStatus() int { return statusOf(e.Cause, statusKilled) }

type exitStatuser interface{ ExitStatus() int }

// statusOf is the exit status that err has, or otherwise where it has none of a process that failed.
func statusOf(err error, otherwise int) int {
	var s exitStatuser
	if errors.As(err, &s) {
		if status := s.ExitStatus(); status >= 1 && status <= 255 {
			return status
		}
	}
	return otherwise
}

// ExitCode is the exit status of a process that ran a guest and got err from it:
//
//	nil                                              0
//	*ExitError                                       its code & 0xff, but 255 where that would be 0
//	*TrapError                                       134
//	*StoppedError                                    the cause's ExitStatus() (Signal(15): 143), else 137
//	any other error in the chain with ExitStatus()   that; the types of this package that mean
//	                                                 "found but not runnable" have 126
//	a context's error                                137
//	anything else: the host's own failure            125
//
// An ExitStatus() that is not from 1 to 255 counts as none: a failure never becomes success. An *fs.PathError alone means
// nothing: it is the host's failure.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return statusOf(err, statusKilled)
	}
	return statusOf(err, statusHost)
}
