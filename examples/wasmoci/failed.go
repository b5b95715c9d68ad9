package main

import (
	"errors"
	"fmt"
)

// failed is an error of which the delegate has written what there is to say, to the log and to standard error.
type failed struct{ status int }

func (f failed) Error() string   { return fmt.Sprintf("the delegate failed with status %d", f.status) }
func (f failed) ExitStatus() int { return f.status }

// and joins what went wrong with what went wrong when that was cleared up, if anything did.
func and(err, more error) error {
	if more == nil {
		return err
	}
	if err == nil {
		return more
	}
	return errors.Join(err, more)
}
