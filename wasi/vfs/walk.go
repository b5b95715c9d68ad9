package vfs

import (
	"runtime"
	"strings"
	"syscall"
)

const (
	maxPath  = 4095    // bytes of a path, as PATH_MAX without its NUL
	maxName  = 255     // bytes of a component
	maxLinks = 40      // symbolic links in one walk, as Linux
	maxSteps = 1 << 15 // directories opened in one walk: each ".." opens all above it again
)

// walk is the confined walk of one path. It stands in a directory of the guest's tree, which it holds open by an O_PATH
// descriptor, and takes the path component by component. The kernel is never asked to follow a link nor for "..": links
// are read and put in front of what remains of the path, and to go up is to go down again from above. So whatever others
// rename meanwhile, the walk is at every moment somewhere below a granted directory.
type walk struct {
	fs    *FS
	start *Dir
	left  bool // the walk has gone above start, or to "/", by a link

	dir  hold   // the directory the walk stands in; nothing held where that is synthetic
	path string // its guest path, "" for "/"
	base *place // the nearest place at or above it

	rest   string // of the path, yet to be walked
	linked int    // how many bytes at the head of rest come from links
	slow   bool   // a run in one call did not work; until the next link go by single steps
	links  int
	steps  int

	name  string // the last component, once rest is empty; "." or ".." when dir is what the path names
	slash bool   // it was followed by a slash, so it must be a directory

	leaf  hold   // what look found, where that is not a directory: O_PATH
	grant *mount // mount that leaf belongs to
	info  info   // of leaf
}

// walk begins a walk at d. The caller ends it.
func (d *Dir) walk(path string) (walk, error) {
	switch {
	case path == "":
		return walk{}, syscall.ENOENT
	case len(path) > maxPath:
		return walk{}, syscall.ENAMETOOLONG
	case strings.IndexByte(path, 0) >= 0:
		return walk{}, syscall.EINVAL
	case path[0] == '/':
		return walk{}, syscall.EPERM
	}
	dir, err := d.hold()
	if err != nil {
		return walk{}, err
	}
	return walk{fs: d.fs, start: d, dir: dir, path: d.path, base: d.base, rest: path, leaf: unheld}, nil
}

func (w *walk) end() {
	w.dir.release()
	w.leaf.release()
}

// move takes the walk to the directory dir at path, of which it becomes the holder.
func (w *walk) move(dir hold, path string, base *place) {
	w.dir.release()
	w.dir, w.path, w.base = dir, path, base
}

// parent walks to the directory that has the last component, and sets name and slash.
func (w *walk) parent() error {
	for {
		if err := w.run(); err != nil {
			return err
		}
		name, linked := w.next()
		if err := checkName(runtime.GOOS, name); err != nil {
			return err
		}
		if w.rest != "" && strings.Trim(w.rest, "/") == "" {
			w.slash, w.rest, w.linked = true, "", 0
		}
		if w.rest == "" {
			w.name = name
			if w.dots() {
				return w.step(name, linked)
			}
			return nil
		}
		if err := w.step(name, linked); err != nil {
			return err
		}
	}
}

// node walks to what the path names, following a link at its end if follow or a slash says so. Then the walk stands in
// it, if it is a directory, or else in its parent and has it as leaf. After ENOENT with missing, the walk stands in the
// directory that has no such name.
func (w *walk) node(follow bool) (missing bool, err error) {
	if err := w.parent(); err != nil {
		return false, err
	}
	return w.arrive(follow)
}

// arrive is the rest of node after parent.
func (w *walk) arrive(follow bool) (missing bool, err error) {
	for {
		if w.dots() {
			return false, nil
		}
		if err := w.look(w.name); err != nil {
			return err == syscall.ENOENT, err
		}
		switch {
		case w.leaf.none():
			w.name = "."
			return false, nil
		case w.info.Type != Symlink && w.slash:
			return false, syscall.ENOTDIR
		case w.info.Type != Symlink || !follow && !w.slash:
			return false, nil
		}
		if err := w.expand(); err != nil {
			return false, err
		}
		if err := w.parent(); err != nil {
			return false, err
		}
	}
}

// glance describes what has the last component's name after parent, without opening it. It says no where there is more to
// it than a name on the mount's own file system.
func (w *walk) glance(follow bool) (in info, ok bool, err error) {
	if w.dots() || w.slash || w.dir.none() || w.child(w.name) != nil {
		return in, false, nil
	}
	in, err = w.dir.statName(w.name)
	switch {
	case err == syscall.ENOENT:
		return in, true, err
	case err != nil || in.Dev != w.base.owner.info.Dev || w.alias(in) != nil || follow && in.Type == Symlink:
		return in, false, nil
	}
	return in, true, nil
}

// dots says that the last component is no name in dir but dir itself.
func (w *walk) dots() bool { return w.name == "." || w.name == ".." }

// next takes the next component off rest.
func (w *walk) next() (name string, linked bool) {
	w.consume(len(w.rest) - len(strings.TrimLeft(w.rest, "/")))
	name, _, _ = strings.Cut(w.rest, "/")
	linked = w.linked > 0
	w.consume(len(name))
	if name == "" { // a link to "/"
		name = "."
	}
	return name, linked
}

func (w *walk) consume(n int) {
	w.rest, w.linked = w.rest[n:], max(0, w.linked-n)
}

// step takes the walk into the directory name, through links.
func (w *walk) step(name string, linked bool) error {
	switch name {
	case ".":
		return nil
	case "..":
		return w.up(linked)
	}
	if err := w.look(name); err != nil {
		return err
	}
	switch {
	case w.leaf.none():
		return nil
	case w.info.Type == Symlink:
		return w.expand()
	}
	return syscall.ENOTDIR
}

// look looks at what has that name in dir: into a directory the walk moves, anything else becomes leaf.
func (w *walk) look(name string) error {
	w.leaf.release()
	if w.steps++; w.steps > maxSteps {
		return syscall.ELOOP
	}
	if p := w.child(name); p != nil {
		return w.enter(p)
	}
	if w.dir.none() {
		return syscall.ENOENT
	}
	found, err := w.dir.look(name)
	if err != nil {
		return err
	}
	in, err := w.admit(found)
	if err != nil {
		found.release()
		return err
	}
	if p := w.alias(in); p != nil {
		found.release()
		return w.enter(p)
	}
	if in.Type == Directory {
		w.move(found, w.path+"/"+name, w.base)
		return nil
	}
	w.leaf, w.info, w.grant = found, in, w.base.owner
	return nil
}

// child is the place of that name in dir, if any.
func (w *walk) child(name string) *place {
	if len(w.path) != len(w.base.path) {
		return nil
	}
	return w.base.children[name]
}

// alias is the place in dir that in is another name of, if any.
func (w *walk) alias(in info) *place {
	if len(w.path) != len(w.base.path) {
		return nil
	}
	return w.base.covered[in.identity()]
}

// enter takes the walk from dir to its child p.
func (w *walk) enter(p *place) error {
	m := p.mount
	switch {
	case m.isFile():
		h, err := m.root.hold()
		if err != nil {
			return err
		}
		w.leaf, w.grant = h, m
		w.info, err = h.stat()
		return err
	case m.isDir():
		h, err := m.root.hold()
		if err != nil {
			return err
		}
		w.move(h, p.path, p)
		return nil
	case m == nil && !w.dir.none():
		h, err := w.dir.directory(p.path[strings.LastIndexByte(p.path, '/')+1:])
		if err == nil {
			if _, err = w.admit(h); err == nil {
				w.move(h, p.path, p)
				return nil
			}
			h.release()
		}
		if !isGone(err) {
			return err
		}
	}
	if !p.exists {
		return syscall.ENOENT
	}
	w.move(unheld, p.path, p)
	return nil
}

// admit refuses what is on a procfs, unless the mount itself is: there a name leads to other processes' files and
// memory. The mount's own superblock, and with it its device number, stays while its root is open.
func (w *walk) admit(h hold) (info, error) {
	in, err := h.stat()
	if err != nil {
		return in, err
	}
	if in.Dev != w.base.owner.info.Dev {
		on, err := onProc(h.fd)
		if err != nil {
			return in, err
		}
		if on {
			return in, syscall.EACCES
		}
	}
	return in, nil
}

// expand puts the target of the link that is leaf in front of rest.
func (w *walk) expand() error {
	if w.links++; w.links > maxLinks {
		return syscall.ELOOP
	}
	target, err := w.leaf.readLink()
	w.leaf.release()
	if err != nil {
		return err
	}
	if target == "" {
		return syscall.ENOENT
	}
	if target[0] == '/' {
		if !w.fs.rooted() {
			return syscall.EPERM
		}
		w.left = true
		if err := w.climb("", w.fs.root); err != nil {
			return err
		}
	}
	if w.slash {
		w.rest, w.slash = "/", false
	}
	w.rest = target + w.rest
	w.linked += len(target)
	w.slow = false
	return nil
}

// up takes the walk to the parent in the guest's tree. linked says that ".." comes from a link.
func (w *walk) up(linked bool) error {
	switch {
	case !linked && (w.path == w.start.path || w.path == ""):
		return syscall.EPERM
	case !w.left && w.path == w.start.path:
		if !w.fs.rooted() {
			return syscall.EPERM
		}
		if err := w.leave(); err != nil {
			return err
		}
	}
	if w.path == "" { // as in any root directory
		return nil
	}
	path, base := w.path[:strings.LastIndexByte(w.path, '/')], w.base
	if len(base.path) > len(path) {
		base = base.parent
	}
	return w.climb(path, base)
}

// leave takes the walk from start to where the tree has it now. ENOENT if it is no longer where it was opened: then
// nobody can say what is above it.
func (w *walk) leave() error {
	w.left = true
	before, err := w.stat()
	if err != nil {
		return err
	}
	if err := w.climb(w.path, w.base); err != nil {
		if err == syscall.EINVAL { // the path of a directory too deep to have one
			err = syscall.ENOENT
		}
		return err
	}
	after, err := w.stat()
	if err == nil && before.identity() != after.identity() {
		err = syscall.ENOENT
	}
	return err
}

// climb takes the walk to the directory at path, with base the nearest place at or above that, by going down from start
// or from the root of the mount, through directories only.
func (w *walk) climb(path string, base *place) error {
	m := base.owner
	if m == nil {
		w.move(unheld, path, base)
		return nil
	}
	from, top := m.root, m.at.path
	if s := w.start; !w.left && s.handle != nil && len(s.path) > len(top) {
		from, top = s.handle, s.path
	}
	at, err := from.hold()
	if err != nil {
		return err
	}
	w.base = base
	for name := range names(path[len(top):]) {
		if w.steps++; w.steps > maxSteps {
			at.release()
			return syscall.ELOOP
		}
		next, err := at.directory(name)
		at.release()
		if err == nil {
			at = next
			if _, err = w.admit(at); err != nil {
				at.release()
			}
		}
		switch {
		case err == nil:
		case isGone(err) && path == base.path && base.exists:
			w.move(unheld, path, base)
			return nil
		default:
			return err
		}
	}
	w.move(at, path, base)
	return nil
}

// run takes the walk through as many plain components as it can in one call of the kernel, which stays below dir,
// follows no link and crosses no mount of the host's. Where that does not work, single steps find out why.
func (w *walk) run() error {
	if w.slow || w.dir.fd < 0 || !w.fs.use.openat2 || w.fs.noOpenat2.Load() {
		return nil
	}
	rest := strings.TrimLeft(w.rest, "/")
	n := 0
	for {
		name, more, found := strings.Cut(rest[min(len(rest), n):], "/")
		if !found || name == "" || name == "." || name == ".." || strings.Trim(more, "/") == "" {
			break
		}
		n += len(name) + 1
	}
	if n == 0 {
		return nil
	}
	path := rest[:n-1]
	if w.leadsToPlace(path) {
		return nil
	}
	fd, err := openBeneath(w.dir.fd, path)
	switch err {
	case nil:
		w.steps++
		w.move(hold{fd: fd}, w.path+"/"+path, w.base)
		w.consume(len(w.rest) - len(rest) + n)
	case syscall.ENOENT:
		return err
	case syscall.ENOSYS, syscall.EPERM: // an old kernel, or a seccomp filter
		w.fs.noOpenat2.Store(true)
	default:
		w.slow = true
	}
	return nil
}

// leadsToPlace says whether path may lead from dir to a place. If it does not with its first component, by whatever name,
// it never does.
func (w *walk) leadsToPlace(path string) bool {
	if len(w.path) != len(w.base.path) || len(w.base.children) == 0 {
		return false
	}
	name, _, _ := strings.Cut(path, "/")
	if w.base.children[name] != nil {
		return true
	}
	if len(w.base.covered) == 0 {
		return false
	}
	in, err := w.dir.statName(name)
	return err != nil || w.alias(in) != nil
}

// stat describes the directory that the walk stands in.
func (w *walk) stat() (Stat, error) {
	if w.dir.none() {
		return w.fs.synthetic(w.base), nil
	}
	in, err := w.dir.stat()
	return in.Stat, err
}
