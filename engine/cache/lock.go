package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lockSuffix ends the name of what is locked; it stands beside the folder of its key and exists only while it is held.
const lockSuffix = ".lock"

// How long the holder of a lock is left alone between two looks at it.
const (
	shortLook = time.Millisecond
	longLook  = 100 * time.Millisecond
)

// Lock lets one caller at a time, of all processes that share the directory, make the entry for k: take the lock, Get once
// more, and Put if that still misses. It calls waiting once if it has to wait, and returns when it holds the lock or ctx has
// ended, whose cause is the error. A process that dies lets go of its locks. Where the system has no such locks, Lock holds
// nothing.
func (d *Dir) Lock(ctx context.Context, k Key, waiting func()) (unlock func(), err error) {
	if err := d.writable("lock"); err != nil {
		return nil, err
	}
	name := k.String() + lockSuffix
	for look := time.Duration(0); ; look = min(max(2*look, shortLook), longLook) {
		unlock, err := d.tryLock(name)
		if unlock != nil || err != nil {
			return unlock, err
		}
		if look == 0 {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(look):
		}
	}
}

// tryLock returns nil for a lock that somebody else holds.
func (d *Dir) tryLock(name string) (unlock func(), err error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cache: lock: %w", err)
	}
	held, err := flock(f)
	if err == nil && held {
		// Whoever held it before has removed it: then the next comer locks another file of that name.
		var mine, there fs.FileInfo
		if mine, err = f.Stat(); err == nil {
			there, err = d.root.Lstat(name)
		}
		held = err == nil && os.SameFile(mine, there)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil || !held {
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("cache: lock: %w", err)
		}
		return nil, nil
	}
	return func() {
		_ = d.root.Remove(name)
		f.Close()
	}, nil
}
