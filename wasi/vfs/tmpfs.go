package vfs

import (
	"math"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// tmpfs is a file system in this process's own memory. It needs no descriptors, of which a guest could use up the
// process's, no writable place of the host's, and leaves nothing behind. What it holds is counted, so that it
// cannot grow beyond its size whatever the guest fills it with.
type tmpfs struct {
	dev  uint64
	size int64

	mu   sync.Mutex // of everything below, and of every inode
	used int64
	last uint64 // inode number given out last
}

// What things cost besides the pages of files: no less than the memory that they take. A page costs its own bytes, so that
// a file as large as the size says has a place; the table that finds it takes about one per cent more.
const (
	defaultSize = 64 << 20
	inodeCost   = 512 // and a link's target
	nameCost    = 256 // and the name
)

// inode is a file, a directory or a symbolic link of a tmpfs. It stays as long as it has a name or is open. The guest is
// its owner: of the permission bits those of the owner count.
type inode struct {
	fs    *tmpfs
	ino   uint64
	typ   FileType
	perm  uint32
	links uint64 // as stat has it: a directory has one by itself and one for each directory in it
	opens int    // handles

	atim, mtim, ctim int64

	content sparse // of a regular file
	target  string // of a symbolic link

	// Of a directory. order is that of creation, which a reader goes on by; a name that is gone stays in it, without an
	// inode, until half of them are.
	parent *inode // nil for the root, and once removed
	names  map[string]*dirent
	order  []*dirent
	serial uint64 // of the last name
}

// dirent is an entry of a directory.
type dirent struct {
	name   string
	node   *inode // nil once gone
	serial uint64 // never used again in this directory
}

// newTmpfs returns the root of an empty file system, which has a name in the guest's tree.
func newTmpfs(t *wasi.Tmpfs, dev uint64) *inode {
	fs := &tmpfs{dev: dev, size: defaultSize}
	if t.SizeBytes != 0 {
		fs.size = int64(min(t.SizeBytes, math.MaxInt64))
	}
	root := fs.inode(Directory, 0o755)
	if t.Mode != 0 {
		root.perm = t.Mode
	}
	root.links = 2
	return root
}

// charge takes n bytes of the size; ENOSPC if there are not so many.
func (fs *tmpfs) charge(n int64) error {
	if n > fs.size-fs.used {
		return syscall.ENOSPC
	}
	fs.used += n
	return nil
}

func (fs *tmpfs) inode(typ FileType, perm uint32) *inode {
	fs.last++
	now := time.Now().UnixNano()
	return &inode{fs: fs, ino: fs.last, typ: typ, perm: perm, atim: now, mtim: now, ctim: now}
}

// cost is what n has been charged for but its names.
func (n *inode) cost() int64 {
	return inodeCost + int64(len(n.target)) + int64(len(n.content.pages))*pageSize
}

// opened counts a handle. It is false where the last name and the last handle are gone already.
func (n *inode) opened() bool {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	if n.links == 0 && n.opens == 0 {
		return false
	}
	n.opens++
	return true
}

func (n *inode) closed() {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	n.opens--
	n.reclaim()
}

// reclaim gives back what n has taken if nobody can reach it any more.
func (n *inode) reclaim() {
	if n.links == 0 && n.opens == 0 {
		n.fs.used -= n.cost()
		n.content = sparse{}
	}
}

// The permission bits of the owner.
const (
	mayRead   = 0o400
	mayWrite  = 0o200
	maySearch = 0o100
)

func (n *inode) may(bits uint32) error {
	if n.perm&bits != bits {
		return syscall.EACCES
	}
	return nil
}

// access says why a file cannot be opened for reading or for writing.
func (n *inode) access(read, write bool) error {
	var bits uint32
	if read {
		bits |= mayRead
	}
	if write {
		bits |= mayWrite
	}
	return n.may(bits)
}

func (n *inode) isDir() error {
	if n.typ != Directory {
		return syscall.ENOTDIR
	}
	return nil
}

func (n *inode) stat() info {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	return info{Stat: Stat{
		Dev: n.fs.dev, Ino: n.ino, Nlink: n.links, Size: n.length(), Type: n.typ, Atim: n.atim, Mtim: n.mtim, Ctim: n.ctim,
	}}
}

func (n *inode) length() uint64 {
	switch n.typ {
	case Regular:
		return uint64(n.content.size)
	case Symlink:
		return uint64(len(n.target))
	}
	return uint64(len(n.names))
}

func (n *inode) setTimes(t Times) {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	now := time.Now().UnixNano()
	for _, c := range []struct {
		at       *int64
		ns       int64
		set, now bool
	}{{&n.atim, t.Atim, t.SetAtim, t.AtimNow}, {&n.mtim, t.Mtim, t.SetMtim, t.MtimNow}} {
		switch {
		case c.now:
			*c.at, n.ctim = now, now
		case c.set:
			*c.at, n.ctim = c.ns, now
		}
	}
}

// accessed sets the time of access where it tells more than that of the last change, as Linux does by default.
func (n *inode) accessed() {
	if n.atim > n.mtim && n.atim > n.ctim {
		return
	}
	n.atim = time.Now().UnixNano()
}

// changed sets the times of a change of the content, or of the names.
func (n *inode) changed() {
	n.mtim = time.Now().UnixNano()
	n.ctim = n.mtim
}

func (n *inode) readLink() (string, error) {
	if n.typ != Symlink {
		return "", syscall.EINVAL
	}
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	n.accessed()
	return n.target, nil
}

// look finds what has that name in directory n.
func (n *inode) look(name string) (*inode, error) {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	e, err := n.find(name)
	if err != nil {
		return nil, err
	}
	return e.node, nil
}

// find is look for who has the lock.
func (n *inode) find(name string) (*dirent, error) {
	if err := n.isDir(); err != nil {
		return nil, err
	}
	if err := n.may(maySearch); err != nil {
		return nil, err
	}
	if len(name) > maxName {
		return nil, syscall.ENAMETOOLONG
	}
	e := n.names[name]
	if e == nil {
		return nil, syscall.ENOENT
	}
	return e, nil
}

// vacant says why no name can be made in n.
func (n *inode) vacant(name string) error {
	switch _, err := n.find(name); {
	case err == nil:
		return syscall.EEXIST
	case err != syscall.ENOENT:
		return err
	case n.links == 0: // removed
		return syscall.ENOENT
	}
	return n.may(mayWrite)
}

// create makes a file, a directory, or a symbolic link to target.
func (n *inode) create(name string, typ FileType, perm uint32, target string) (*inode, error) {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	name, slash := trimSlash(name)
	if err := n.vacant(name); err != nil {
		return nil, err
	}
	if slash && typ != Directory {
		return nil, syscall.ENOENT
	}
	if err := n.fs.charge(inodeCost + int64(len(target)) + nameCost + int64(len(name))); err != nil {
		return nil, err
	}
	c := n.fs.inode(typ, perm)
	c.target = strings.Clone(target) // of the target alone, not of what it may be a part of
	c.links = 1
	if typ == Directory {
		c.links = 2
	}
	n.insert(name, c)
	return c, nil
}

// link makes toName in to another name of the file or symbolic link name in n.
func (n *inode) link(name string, to *inode, toName string) error {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	toName, slash := trimSlash(toName)
	e, err := n.find(name)
	if err != nil {
		return err
	}
	if err := to.vacant(toName); err != nil {
		return err
	}
	if slash {
		return syscall.ENOENT
	}
	if e.node.typ == Directory {
		return syscall.EPERM
	}
	if err := n.fs.charge(nameCost + int64(len(toName))); err != nil {
		return err
	}
	e.node.links++
	e.node.ctim = time.Now().UnixNano()
	to.insert(toName, e.node)
	return nil
}

// insert gives c a name that has been charged for.
func (n *inode) insert(s string, c *inode) {
	if n.names == nil {
		n.names = make(map[string]*dirent)
	}
	n.serial++
	e := &dirent{name: strings.Clone(s), node: c, serial: n.serial}
	n.names[e.name] = e
	n.order = append(n.order, e)
	n.adopt(c)
	n.changed()
}

// adopt makes n the parent of c, if that is a directory.
func (n *inode) adopt(c *inode) {
	if c.typ == Directory {
		c.parent = n
		n.links++
	}
}

// disown is what is left of adopt when c goes.
func (n *inode) disown(c *inode) {
	if c.typ == Directory {
		c.parent = nil
		n.links--
	}
}

// erase takes a name out of n.
func (n *inode) erase(e *dirent) {
	n.disown(e.node)
	e.node = nil
	delete(n.names, e.name)
	n.fs.used -= nameCost + int64(len(e.name))
	n.changed()
	if len(n.order) > 2*len(n.names) { // maps do not shrink, and names that are gone are not paid for any more
		n.order = slices.DeleteFunc(n.order, func(e *dirent) bool { return e.node == nil })
		n.order = slices.Clip(slices.Clone(n.order))
		names := make(map[string]*dirent, len(n.order))
		for _, e := range n.order {
			names[e.name] = e
		}
		n.names = names
	}
}

// unnamed takes away one of c's names, which is out of its directory by then; a directory has one only.
func (c *inode) unnamed() {
	c.ctim = time.Now().UnixNano()
	c.links--
	if c.typ == Directory {
		c.links = 0
	}
	c.reclaim()
}

func (n *inode) unlink(name string) error {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	name, slash := trimSlash(name)
	e, err := n.find(name)
	if err != nil {
		return err
	}
	if err := n.may(mayWrite); err != nil {
		return err
	}
	c := e.node
	switch {
	case c.typ == Directory:
		return syscall.EISDIR
	case slash:
		return syscall.ENOTDIR
	}
	n.erase(e)
	c.unnamed()
	return nil
}

func (n *inode) rmdir(name string) error {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	name, _ = trimSlash(name)
	e, err := n.find(name)
	if err != nil {
		return err
	}
	if err := n.may(mayWrite); err != nil {
		return err
	}
	c := e.node
	switch {
	case c.typ != Directory:
		return syscall.ENOTDIR
	case len(c.names) > 0:
		return syscall.ENOTEMPTY
	}
	n.erase(e)
	c.unnamed()
	return nil
}

// rename is renameat.
func (n *inode) rename(from string, to *inode, toName string) error {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	from, fromSlash := trimSlash(from)
	toName, toSlash := trimSlash(toName)
	e, err := n.find(from)
	if err != nil {
		return err
	}
	old, err := to.find(toName)
	if err != nil && err != syscall.ENOENT {
		return err
	}
	c := e.node
	if c.typ != Directory && (fromSlash || toSlash) {
		return syscall.ENOTDIR
	}
	for p := to; p != nil && c.typ == Directory; p = p.parent {
		if p == c {
			return syscall.EINVAL
		}
	}
	if old != nil {
		for p := n; p != nil; p = p.parent {
			if p == old.node {
				return syscall.ENOTEMPTY
			}
		}
		if old.node == c {
			return nil
		}
	}
	if err := n.may(mayWrite); err != nil {
		return err
	}
	if err := to.may(mayWrite); err != nil {
		return err
	}
	if old == nil {
		if to.links == 0 { // removed
			return syscall.ENOENT
		}
		// The old name is given back first: a rename in a full file system needs the difference.
		cost := int64(len(toName) - len(from))
		if cost > n.fs.size-n.fs.used {
			return syscall.ENOSPC
		}
		n.erase(e)
		n.fs.used += nameCost + int64(len(toName))
		to.insert(toName, c)
		c.ctim = time.Now().UnixNano()
		return nil
	}
	was := old.node
	switch {
	case c.typ == Directory && was.typ != Directory:
		return syscall.ENOTDIR
	case c.typ != Directory && was.typ == Directory:
		return syscall.EISDIR
	case len(was.names) > 0:
		return syscall.ENOTEMPTY
	}
	n.erase(e)
	to.disown(was)
	old.node = c // who reads the directory meets the name once
	to.adopt(c)
	to.changed()
	was.unnamed()
	c.ctim = time.Now().UnixNano()
	return nil
}

// entries appends to list those that come after the name with serial after, until list is full.
func (n *inode) entries(after uint64, list []Entry) ([]Entry, error) {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	if err := n.may(mayRead); err != nil {
		return nil, err
	}
	n.accessed()
	i, _ := slices.BinarySearchFunc(n.order, after+1, func(e *dirent, serial uint64) int {
		switch {
		case e.serial < serial:
			return -1
		case e.serial > serial:
			return 1
		}
		return 0
	})
	for _, e := range n.order[i:] {
		if len(list) == cap(list) {
			break
		}
		if e.node != nil {
			list = append(list, Entry{Name: e.name, Ino: e.node.ino, Type: e.node.typ, Next: e.serial})
		}
	}
	return list, nil
}

func trimSlash(name string) (string, bool) { return strings.CutSuffix(name, "/") }
