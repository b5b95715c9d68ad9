// Package vfs is a guest's world of files and streams without an ABI: it knows no guest memory and no WASI errno.
//
// An [FS] is one tree of mounts, opened once. Paths are walked by this package, component by component on open
// descriptors: the guest reaches what was granted and nothing else, whatever links it finds or makes and whatever anybody
// renames meanwhile. openat2 and /proc make that faster where they are there; neither is needed.
//
// # The tree
//
// A mount is where its guest path says, and covers what the mount above it has there. Directories that lead to a mount
// point exist: they are the host's where the mount above has a directory of that name, and otherwise synthetic,
// read-only and empty but for mount points. Links of the host's never move a mount point: where the mount above has a
// link, or a file, on the way to a mount point, the guest finds a synthetic directory instead. Give mounts by paths
// without links.
//
// A hidden mount hides what the mount above has there. It and everything below it do not exist, and cannot be created
// (EROFS); mounts of their own beneath it are granted all the same, and then it is a synthetic directory that leads to
// them.
//
// A mount point, and any directory above one, cannot be removed or renamed by the guest (EBUSY). A name that the host's
// file system takes for a mount point's, because it folds case for example, is that mount point.
//
// A tmpfs is a mount as any other, in the memory of this process. Each 4096 bytes of a file where something was written
// or allocated count, each file, directory or symbolic link counts 512 bytes, and each name 256 and its length; beyond the
// mount's size all that takes more is ENOSPC. What has no name and is not open counts no more.
//
// # Waiting
//
// What waits, for a stream, a FIFO, a socket or a time, is released at once when its [Stop] ends. On Linux it parks a
// goroutine and holds no thread for longer than half a millisecond, with two exceptions: a Reader or a Writer that is no
// file may hold one in its own Read or Write, and so does a terminal that takes no more output.
//
// # What is reached
//
// Mounts of the host's own beneath a granted directory are visible, as they are to the host, except that nothing on a
// procfs is (EACCES), however it is reached, unless the mount itself names something on that procfs. Existing hard
// links are ordinary files. Devices other than the harmless memory devices, and sockets, can be looked at and not be
// opened.
//
// Linux has all this. On other operating systems an FS has no mounts.
package vfs
