package main

import "fmt"

// badRunnerError is a runner that is installed and does not do.
type badRunnerError struct {
	engine, path string
	err          error
}

func (e *badRunnerError) Error() string {
	return fmt.Sprintf("%v; install %s anew, of the version of this program (make install RUNNERS=%s)", e.err, e.path, e.engine)
}
func (e *badRunnerError) Unwrap() error { return e.err }
