package preview2

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

const (
	filesystem = "wasi:filesystem/types"
	self       = "(borrow<descriptor>"
	nothing    = " -> result<_, $error-code>"
)

// filesystemTable is wasi:filesystem.
var filesystemTable = []Func{
	{"wasi:filesystem/preopens", "get-directories", "() -> list<tuple<own<descriptor>, string>>", directories},
	{filesystem, "filesystem-error-code", "(borrow<error>) -> option<$error-code>", errorCode},

	{filesystem, "[method]descriptor.read-via-stream", self + ", u64) -> result<own<input-stream>, $error-code>", inFile(readStream)},
	{filesystem, "[method]descriptor.write-via-stream", self + ", u64) -> result<own<output-stream>, $error-code>", inFile(writeStream)},
	{filesystem, "[method]descriptor.append-via-stream", self + ") -> result<own<output-stream>, $error-code>", inFile(appendStream)},
	{filesystem, "[method]descriptor.advise", self + ", u64, u64, $advice)" + nothing, inFile(advise)},
	{filesystem, "[method]descriptor.sync-data", self + ")" + nothing, inNode(syncData)},
	{filesystem, "[method]descriptor.sync", self + ")" + nothing, inNode(func(_ *Host, d *descriptor, _ []Value) (Value, error) { return nil, d.node().Sync() })},
	{filesystem, "[method]descriptor.get-flags", self + ") -> result<$descriptor-flags, $error-code>", inNode(getFlags)},
	{filesystem, "[method]descriptor.get-type", self + ") -> result<$type, $error-code>", inNode(getType)},
	{filesystem, "[method]descriptor.set-size", self + ", u64)" + nothing, inFile(setSize)},
	{filesystem, "[method]descriptor.set-times", self + ", $time, $time)" + nothing, inNode(setTimes)},
	{filesystem, "[method]descriptor.read", self + ", u64, u64) -> result<tuple<list<u8>, bool>, $error-code>", inFile(read)},
	{filesystem, "[method]descriptor.write", self + ", list<u8>, u64) -> result<u64, $error-code>", inFile(write)},
	{filesystem, "[method]descriptor.stat", self + ") -> result<$stat, $error-code>", inNode(stat)},
	{filesystem, "[method]descriptor.metadata-hash", self + ") -> result<$hash, $error-code>", inNode(metadataHash)},
	{filesystem, "[method]descriptor.is-same-object", self + ", borrow<descriptor>) -> bool", isSameObject},

	{filesystem, "[method]descriptor.read-directory", self + ") -> result<own<directory-entry-stream>, $error-code>", inDir(readDirectory)},
	{filesystem, "[method]descriptor.create-directory-at", self + ", string)" + nothing, inDir(createDirectoryAt)},
	{filesystem, "[method]descriptor.stat-at", self + ", $path-flags, string) -> result<$stat, $error-code>", inDir(statAt)},
	{filesystem, "[method]descriptor.set-times-at", self + ", $path-flags, string, $time, $time)" + nothing, inDir(setTimesAt)},
	{filesystem, "[method]descriptor.link-at", self + ", $path-flags, string, borrow<descriptor>, string)" + nothing, inDir(linkAt)},
	{filesystem, "[method]descriptor.open-at", self + ", $path-flags, string, $open-flags, $descriptor-flags) -> result<own<descriptor>, $error-code>", inDir(openAt)},
	{filesystem, "[method]descriptor.readlink-at", self + ", string) -> result<string, $error-code>", inDir(readlinkAt)},
	{filesystem, "[method]descriptor.remove-directory-at", self + ", string)" + nothing, inDir(removeDirectoryAt)},
	{filesystem, "[method]descriptor.rename-at", self + ", string, borrow<descriptor>, string)" + nothing, inDir(renameAt)},
	{filesystem, "[method]descriptor.symlink-at", self + ", string, string)" + nothing, inDir(symlinkAt)},
	{filesystem, "[method]descriptor.unlink-file-at", self + ", string)" + nothing, inDir(unlinkFileAt)},
	{filesystem, "[method]descriptor.metadata-hash-at", self + ", $path-flags, string) -> result<$hash, $error-code>", inDir(metadataHashAt)},
	{filesystem, "[method]directory-entry-stream.read-directory-entry", "(borrow<directory-entry-stream>) -> result<option<record{type: $type, name: string}>, $error-code>", readDirectoryEntry},
}

// An operation of a descriptor: a Value for ok, or an error that [filed] translates.
type operation func(h *Host, d *descriptor, a []Value) (Value, error)

// inNode is an operation of any descriptor.
func inNode(op operation) func(*Host, []Value) (Value, error) {
	return func(h *Host, a []Value) (Value, error) { return filed(op(h, of[*descriptor](h, a[0]), a)) }
}

// inFile is an operation of what is no directory.
func inFile(op operation) func(*Host, []Value) (Value, error) {
	return inNode(func(h *Host, d *descriptor, a []Value) (Value, error) {
		if d.file == nil {
			return nil, syscall.EISDIR
		}
		return op(h, d, a)
	})
}

// inDir is an operation of a directory.
func inDir(op operation) func(*Host, []Value) (Value, error) {
	return inNode(func(h *Host, d *descriptor, a []Value) (Value, error) {
		if d.dir == nil {
			return nil, syscall.ENOTDIR
		}
		return op(h, d, a)
	})
}

func directories(h *Host, _ []Value) (Value, error) {
	list := List{}
	for _, p := range h.preopens {
		d := &descriptor{dir: p.Dir, preopen: true, users: 1}
		list = append(list, Tuple{h.resources.add(typeDescriptor, d), p.Guest})
	}
	return list, nil
}

func errorCode(h *Host, a []Value) (Value, error) {
	err := of[*failure](h, a[0]).err
	if _, ok := err.(syscall.Errno); !ok {
		return Option{}, nil
	}
	return Option{codeOf(err)}, nil
}

func readStream(h *Host, d *descriptor, a []Value) (Value, error) {
	if !d.read {
		return nil, syscall.EBADF
	}
	if _, err := offset(a[1].(uint64)); err != nil {
		return nil, err
	}
	d.users++
	return h.resources.add(typeInput, &input{d: d, at: a[1].(uint64)}), nil
}

func writeStream(h *Host, d *descriptor, a []Value) (Value, error) {
	if !d.write {
		return nil, syscall.EBADF
	}
	if _, err := offset(a[1].(uint64)); err != nil {
		return nil, err
	}
	d.users++
	return h.resources.add(typeOutput, &output{d: d, at: a[1].(uint64)}), nil
}

func appendStream(h *Host, d *descriptor, _ []Value) (Value, error) {
	if !d.write {
		return nil, syscall.EBADF
	}
	d.users++
	return h.resources.add(typeOutput, &output{d: d, append: true}), nil
}

// advices is the enum advice, in the order of [vfs.Advice].
var advices = []string{"normal", "sequential", "random", "will-need", "dont-need", "no-reuse"}

func advise(_ *Host, d *descriptor, a []Value) (Value, error) {
	off, err := offset(a[1].(uint64))
	if err != nil {
		return nil, err
	}
	n, err := offset(a[2].(uint64))
	if err != nil {
		return nil, err
	}
	return nil, d.file.Advise(off, n, vfs.Advice(slices.Index(advices, string(a[3].(Enum)))))
}

func syncData(_ *Host, d *descriptor, _ []Value) (Value, error) {
	if d.file != nil {
		return nil, d.file.DataSync()
	}
	return nil, d.dir.Sync()
}

func getFlags(_ *Host, d *descriptor, _ []Value) (Value, error) {
	if d.dir != nil {
		if d.dir.ReadOnly() {
			return Flags{"read"}, nil
		}
		return Flags{"read", "mutate-directory"}, nil
	}
	flags := Flags{}
	add := func(name string, is bool) {
		if is {
			flags = append(flags, name)
		}
	}
	set := d.file.Flags()
	add("read", d.read)
	add("write", d.write)
	add("file-integrity-sync", set.Sync)
	add("data-integrity-sync", set.DSync)
	add("requested-write-sync", set.RSync)
	return flags, nil
}

// fileTypes is the enum descriptor-type.
var fileTypes = []string{
	"unknown", "block-device", "character-device", "directory", "fifo", "symbolic-link", "regular-file", "socket",
}

// typeNames are the cases for types. A socket's name is unknown: the adapter that lifts programs of preview 1, which has two types of
// socket, ends the program at the case socket, even if it only lists a directory.
var typeNames = map[vfs.FileType]Enum{
	vfs.Unknown: "unknown", vfs.Regular: "regular-file", vfs.Directory: "directory", vfs.Symlink: "symbolic-link",
	vfs.CharDevice: "character-device", vfs.BlockDevice: "block-device", vfs.Pipe: "fifo", vfs.SocketStream: "unknown",
	vfs.SocketDgram: "unknown",
}

func getType(_ *Host, d *descriptor, _ []Value) (Value, error) {
	if d.dir != nil {
		return typeNames[vfs.Directory], nil
	}
	return typeNames[d.file.Type()], nil
}

func setSize(_ *Host, d *descriptor, a []Value) (Value, error) {
	n, err := offset(a[1].(uint64))
	if err != nil {
		return nil, err
	}
	return nil, d.file.SetSize(n)
}

func setTimes(_ *Host, d *descriptor, a []Value) (Value, error) {
	t, err := timesOf(a[1], a[2])
	if err != nil {
		return nil, err
	}
	return nil, d.node().SetTimes(t)
}

func timesOf(access, modification Value) (t vfs.Times, err error) {
	if t.Atim, t.SetAtim, t.AtimNow, err = timeOf(access.(Variant)); err == nil {
		t.Mtim, t.SetMtim, t.MtimNow, err = timeOf(modification.(Variant))
	}
	return t, err
}

// timeOf reads a new-timestamp.
func timeOf(v Variant) (nanoseconds int64, set, now bool, err error) {
	switch v.Case {
	case "now":
		return 0, false, true, nil
	case "timestamp":
		r := v.Value.(Record)
		seconds, rest := r[0].Value.(uint64), r[1].Value.(uint32)
		if rest >= 1e9 {
			return 0, false, false, syscall.EINVAL
		}
		if seconds >= math.MaxInt64/1_000_000_000 {
			return 0, false, false, syscall.EOVERFLOW
		}
		return int64(seconds)*1e9 + int64(rest), true, false, nil
	}
	return 0, false, false, nil
}

func read(_ *Host, d *descriptor, a []Value) (Value, error) {
	if !d.read {
		return nil, syscall.EBADF
	}
	b := make([]byte, min(a[1].(uint64), chunk))
	n, err := d.readAt(b, a[2].(uint64))
	if err != nil {
		return nil, err
	}
	return Tuple{b[:n], n == 0 && len(b) > 0}, nil
}

func write(_ *Host, d *descriptor, a []Value) (Value, error) {
	if !d.write {
		return nil, syscall.EBADF
	}
	n, err := d.writeAt(bytesOf(a[1]), a[2].(uint64))
	return uint64(n), err
}

func stat(_ *Host, d *descriptor, _ []Value) (Value, error) {
	st, err := d.node().Stat()
	return statRecord(st), err
}

func statRecord(st vfs.Stat) Record {
	at := func(ns int64) Option {
		if ns < 0 { // before 1970, which a datetime is not
			return Option{}
		}
		return Option{datetime(ns)}
	}
	return Record{
		{"type", typeNames[st.Type]},
		{"link-count", st.Nlink},
		{"size", st.Size},
		{"data-access-timestamp", at(st.Atim)},
		{"data-modification-timestamp", at(st.Mtim)},
		{"status-change-timestamp", at(st.Ctim)},
	}
}

func metadataHash(_ *Host, d *descriptor, _ []Value) (Value, error) {
	st, err := d.node().Stat()
	return hashRecord(st), err
}

// hashRecord is the same for all names of a file, and nothing else.
func hashRecord(st vfs.Stat) Record {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[0:], st.Dev)
	binary.LittleEndian.PutUint64(id[8:], st.Ino)
	sum := sha256.Sum256(id[:])
	return Record{{"lower", binary.LittleEndian.Uint64(sum[0:])}, {"upper", binary.LittleEndian.Uint64(sum[8:])}}
}

func isSameObject(h *Host, a []Value) (Value, error) {
	one, err := of[*descriptor](h, a[0]).node().Stat()
	other, err2 := of[*descriptor](h, a[1]).node().Stat()
	return err == nil && err2 == nil && one.Dev == other.Dev && one.Ino == other.Ino, nil
}

// follows reads path-flags.
func follows(v Value) bool { return len(v.(Flags)) > 0 }

func createDirectoryAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	return nil, d.dir.Mkdir(a[1].(string), 0o777)
}

func statAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	st, err := d.dir.Lookup(a[2].(string), follows(a[1]))
	return statRecord(st), err
}

func setTimesAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	t, err := timesOf(a[3], a[4])
	if err != nil {
		return nil, err
	}
	return nil, d.dir.SetTimesAt(a[2].(string), follows(a[1]), t)
}

func linkAt(h *Host, d *descriptor, a []Value) (Value, error) {
	to := of[*descriptor](h, a[3])
	switch {
	case to.dir == nil:
		return nil, syscall.ENOTDIR
	case follows(a[1]): // as preview 1 has it
		return nil, syscall.EINVAL
	}
	return nil, d.dir.Link(a[2].(string), false, to.dir, a[4].(string))
}

// maxOpened is what one guest can have open, so that it leaves descriptors of the process to the other guests.
const maxOpened = 1 << 10

func openAt(h *Host, d *descriptor, a []Value) (Value, error) {
	open, flags := a[3].(Flags), a[4].(Flags)
	if h.opened >= maxOpened {
		return nil, syscall.EMFILE
	}
	o := vfs.OpenOptions{
		Follow:    follows(a[1]),
		Create:    slices.Contains(open, "create"),
		Directory: slices.Contains(open, "directory"),
		Exclusive: slices.Contains(open, "exclusive"),
		Truncate:  slices.Contains(open, "truncate"),
		Read:      slices.Contains(flags, "read"),
		Write:     slices.Contains(flags, "write"),
		Sync:      slices.Contains(flags, "file-integrity-sync"),
		DSync:     slices.Contains(flags, "data-integrity-sync"),
		RSync:     slices.Contains(flags, "requested-write-sync"),
		Perm:      0o666,
		Stop:      h.stop,
	}
	if slices.Contains(flags, "mutate-directory") && d.dir.ReadOnly() {
		return nil, syscall.EROFS
	}
	if o.Directory { // never open for writing: what may be changed in it is its mount's
		o.Write = false
	}
	o.Read = o.Read || !o.Write
	node, err := d.dir.Open(a[2].(string), o)
	if err != nil {
		return nil, err
	}
	h.opened++
	opened := &descriptor{users: 1, read: slices.Contains(flags, "read"), write: o.Write}
	switch n := node.(type) {
	case *vfs.Dir:
		opened.dir = n
	case *vfs.File:
		opened.file = n
	}
	return h.resources.add(typeDescriptor, opened), nil
}

func readlinkAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	target, err := d.dir.Readlink(a[1].(string))
	if err == nil && !utf8.ValidString(target) {
		err = syscall.EILSEQ
	}
	return target, err
}

func removeDirectoryAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	return nil, d.dir.Rmdir(a[1].(string))
}

func renameAt(h *Host, d *descriptor, a []Value) (Value, error) {
	to := of[*descriptor](h, a[2])
	if to.dir == nil {
		return nil, syscall.ENOTDIR
	}
	return nil, d.dir.Rename(a[1].(string), to.dir, a[3].(string))
}

func symlinkAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	return nil, d.dir.Symlink(a[1].(string), a[2].(string))
}

func unlinkFileAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	return nil, d.dir.Unlink(a[1].(string))
}

func metadataHashAt(_ *Host, d *descriptor, a []Value) (Value, error) {
	st, err := d.dir.Lookup(a[2].(string), follows(a[1]))
	return hashRecord(st), err
}

// entries is a directory being listed.
type entries struct {
	d      *descriptor
	cookie uint64
	some   []vfs.Entry // not delivered yet
	ended  bool
}

// entriesAtOnce is how many entries are read ahead.
const entriesAtOnce = 128

func readDirectory(h *Host, d *descriptor, _ []Value) (Value, error) {
	s := &entries{d: d}
	if err := s.fill(); err != nil {
		return nil, err
	}
	d.users++
	return h.resources.add(typeEntries, s), nil
}

func (s *entries) fill() error {
	s.some = s.some[:0]
	s.ended = true
	return s.d.dir.ReadDir(s.cookie, func(e vfs.Entry) bool {
		if len(s.some) == entriesAtOnce {
			s.ended = false
			return false
		}
		s.cookie = e.Next
		if e.Name != "." && e.Name != ".." {
			s.some = append(s.some, e)
		}
		return true
	})
}

func readDirectoryEntry(h *Host, a []Value) (Value, error) {
	s := of[*entries](h, a[0])
	for len(s.some) == 0 && !s.ended {
		if err := s.fill(); err != nil {
			s.ended = true
			return filed(nil, err)
		}
	}
	if len(s.some) == 0 {
		return filed(Option{}, nil)
	}
	e := s.some[0]
	s.some = s.some[1:]
	if !utf8.ValidString(e.Name) {
		return filed(nil, syscall.EILSEQ)
	}
	return filed(Option{Record{{"type", typeNames[e.Type]}, {"name", e.Name}}}, nil)
}
