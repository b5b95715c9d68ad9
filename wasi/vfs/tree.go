package vfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi"
)

// mount is one grant: what a [wasi.Mount] named, opened once.
type mount struct {
	at       *place
	root     *handle // O_PATH descriptor of the directory or regular file; nil where hidden
	info     info    // of root
	host     string  // absolute host path of a regular file; "" where the caller gave it open
	readOnly bool
	hidden   bool
}

func (m *mount) isFile() bool { return m != nil && !m.hidden && m.info.Type != Directory }
func (m *mount) isDir() bool  { return m != nil && !m.hidden && m.info.Type == Directory }

// place is a guest path that matters to the mount tree: a mount point, or a directory above one. What the host has under
// a place's name is never reached by that name if it is not a directory, and never at all where a mount is.
type place struct {
	path     string // clean absolute guest path; "" for "/", so that a name below is always path + "/" + name
	parent   *place // nil for "/"
	children map[string]*place
	listed   []string // names of the children that exist whatever the host has, sorted: what ReadDir adds
	mount    *mount   // nil above a mount point only
	owner    *mount   // the mount whose host directories are seen here; nil: none, the place is synthetic
	exists   bool     // whatever the host has: a mount point, or a directory above one
	number   uint64   // inode number while synthetic

	// covered finds the child by what the host has under its name. A file system that takes several names for one
	// (folding case, normalising, shortening) must not lead around a mount point.
	covered map[identity]*place
	inodes  map[uint64]bool // of covered
}

// newTree builds the tree of mounts, which has one entry for each of specs, nil where that has failed already.
func newTree(specs []wasi.Mount, mounts []*mount) (*place, error) {
	root := &place{}
	for i, m := range mounts {
		if m == nil {
			continue
		}
		p := root
		for name := range names(specs[i].Guest) {
			p = p.child(name)
		}
		p.mount, m.at = m, p
	}
	var errs []error
	for i, m := range mounts {
		switch {
		case m.isFile() && len(m.at.children) > 0:
			errs = append(errs, &wasi.FieldError{
				Field: fmt.Sprintf("Mounts[%d].Guest", i), Value: specs[i].Guest,
				Err: fmt.Errorf("vfs: a mount lies beneath this regular file: %w", syscall.ENOTDIR),
			})
		case m.isFile() && m.at == root:
			errs = append(errs, &wasi.FieldError{
				Field: fmt.Sprintf("Mounts[%d].Guest", i), Value: specs[i].Guest,
				Err: fmt.Errorf("vfs: a regular file cannot be the root: %w", syscall.ENOTDIR),
			})
		}
	}
	var number uint64
	root.settle(&number)
	root.exists = true
	return root, errors.Join(errs...)
}

// child returns the child of that name, made if need be.
func (p *place) child(name string) *place {
	c := p.children[name]
	if c == nil {
		c = &place{path: p.path + "/" + name, parent: p}
		if p.children == nil {
			p.children = make(map[string]*place)
		}
		p.children[name] = c
	}
	return c
}

// settle fills in what follows from the mounts, for p and everything below.
func (p *place) settle(number *uint64) {
	*number++
	p.number = *number
	switch {
	case p.mount == nil && p.parent != nil:
		p.owner = p.parent.owner
	case p.mount.isDir():
		p.owner = p.mount
	}
	p.exists = p.mount != nil && !p.mount.hidden
	for _, name := range slices.Sorted(maps.Keys(p.children)) {
		c := p.children[name]
		c.settle(number)
		if c.exists {
			p.exists = true
			p.listed = append(p.listed, name)
		}
	}
}

// names yields the components of a clean path.
func names(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for path != "" {
			var name string
			if name, path, _ = strings.Cut(path, "/"); name != "" && !yield(name) {
				return
			}
		}
	}
}

// cover records what the host has under the names of p's children, and so on below. dir is p's own directory, negative
// where it is synthetic.
func (p *place) cover(dir int) error {
	for name, c := range p.children {
		at := -1
		switch {
		case c.mount.isDir():
			at = c.mount.root.fd
		case c.mount == nil && dir >= 0:
			fd, err := openDir(dir, name)
			if err != nil && !isGone(err) {
				return fmt.Errorf("vfs: open %s: %w", c.path, err)
			}
			if err == nil {
				at = fd
			}
		}
		if dir >= 0 && p.owner != nil {
			under, links, err := statAt(dir, name)
			// Another name of a file with several is an ordinary file, wherever it is.
			if err == nil && (under.Type == Directory || links == 1) {
				if p.covered == nil {
					p.covered, p.inodes = make(map[identity]*place), make(map[uint64]bool)
				}
				p.covered[under.identity()], p.inodes[under.Ino] = c, true
			}
		}
		err := c.cover(at)
		if at >= 0 && c.mount == nil {
			closeFD(at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
