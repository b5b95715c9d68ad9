package vfs

// FileType is what kind of file a guest's name or descriptor stands for.
type FileType uint8

const (
	Unknown      FileType = iota // the host does not say
	Regular                      // a regular file
	Directory                    // a directory, the synthetic ones among them
	Symlink                      // a symbolic link, always looked at itself
	CharDevice                   // a character device
	BlockDevice                  // a block device; never opened
	Pipe                         // a FIFO
	SocketStream                 // a stream socket; of a socket file no more is known, so it counts as one
	SocketDgram                  // a datagram socket
)

// Stat describes a file. Directories that exist for the sake of mount points only have a Dev of their own, the highest,
// and an Ino that is unique within the FS.
type Stat struct {
	Dev, Ino, Nlink  uint64
	Size             uint64 // bytes
	Type             FileType
	Atim, Mtim, Ctim int64 // nanoseconds since 1970-01-01 UTC
}

// Times says which of a file's times to set. The Now fields win over the Set fields; a time with neither stays.
type Times struct {
	Atim, Mtim       int64 // nanoseconds since 1970-01-01 UTC, used with SetAtim and SetMtim
	SetAtim, SetMtim bool
	AtimNow, MtimNow bool // the host's clock at the time of the call
}

// identity is what makes two names the same file for as long as a descriptor keeps the file from being freed.
type identity struct{ dev, ino uint64 }

func (s Stat) identity() identity { return identity{s.Dev, s.Ino} }

// info is a Stat and what only this package needs to know.
type info struct {
	Stat
	device uint64 // number of the device that a character device stands for
}

// is says whether the two are the same file.
func (in info) is(other info) bool {
	return in.identity() == other.identity() && in.Type == other.Type && in.device == other.device
}
