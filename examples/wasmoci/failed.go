package main

import "fmt"

// failed is an error of which the delegate has written what there is to say, to the log and to standard error.
type failed struct{ status int }

func (f failed) Error() string   { return fmt.Sprintf("the delegate failed with status %d", f.status) }
func (f failed) ExitStatus() int { return f.status }
