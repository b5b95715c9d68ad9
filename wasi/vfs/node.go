package vfs

// Node is something open: a [*Dir] or a [*File], and nothing else. One guest thread uses a Node at a time; [FS.Close],
// which closes all of them, may come from any goroutine.
type Node interface {
	Stat() (Stat, error)
	SetTimes(Times) error
	Sync() error
	Close() error
}

// OpenOptions says how [Dir.Open] opens. The zero value opens what is there without following a link at the end of the
// path, for neither reading nor writing.
type OpenOptions struct {
	Follow    bool // follow a symbolic link at the end of the path (links before it are always followed)
	Create    bool // create a regular file where there is nothing, with Perm
	Exclusive bool // with Create: fail with EEXIST where there is anything, a link included
	Truncate  bool // empty a regular file
	Directory bool // fail with ENOTDIR on anything but a directory; not with Create

	Read, Write        bool   // what File.Read and File.Write may do afterwards
	Append             bool   // every Write goes to the end
	Sync, DSync, RSync bool   // as O_SYNC, O_DSYNC and O_RSYNC
	NonBlock           bool   // as O_NONBLOCK; regular files never block
	Stop               *Stop  // ends every wait for the other end of a FIFO; nil: a FIFO is ENOTSUP
	Perm               uint32 // permission bits of a created file, less the process's umask
}
