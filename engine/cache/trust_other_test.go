//go:build !unix

package cache

import "errors"

func fifo(string) error { return errors.ErrUnsupported }

func foreign(string) error { return errors.ErrUnsupported }
