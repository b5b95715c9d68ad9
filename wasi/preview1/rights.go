package preview1

import "github.com/wasmoci/wasmoci/wasi/vfs"

// rights is the specification's type of that name: what may be done with a descriptor. They only ever shrink.
type rights uint64

const (
	rightDatasync rights = 1 << iota
	rightRead
	rightSeek
	rightSetFlags
	rightSync
	rightTell
	rightWrite
	rightAdvise
	rightAllocate
	rightPathCreateDirectory
	rightPathCreateFile
	rightPathLinkSource
	rightPathLinkTarget
	rightPathOpen
	rightReaddir
	rightPathReadlink
	rightPathRenameSource
	rightPathRenameTarget
	rightPathFilestatGet
	rightPathFilestatSetSize
	rightPathFilestatSetTimes
	rightFilestatGet
	rightFilestatSetSize
	rightFilestatSetTimes
	rightPathSymlink
	rightPathRemoveDirectory
	rightPathUnlinkFile
	rightPollReadwrite
	rightSockShutdown
	rightSockAccept
)

const (
	fileRights = rightDatasync | rightRead | rightSeek | rightSetFlags | rightSync | rightTell | rightWrite | rightAdvise |
		rightAllocate | rightFilestatGet | rightFilestatSetSize | rightFilestatSetTimes | rightPollReadwrite
	dirRights = rightDatasync | rightSetFlags | rightSync | rightAdvise | rightPathCreateDirectory | rightPathCreateFile |
		rightPathLinkSource | rightPathLinkTarget | rightPathOpen | rightReaddir | rightPathReadlink |
		rightPathRenameSource | rightPathRenameTarget | rightPathFilestatGet | rightPathFilestatSetSize |
		rightPathFilestatSetTimes | rightFilestatGet | rightFilestatSetTimes | rightPathSymlink |
		rightPathRemoveDirectory | rightPathUnlinkFile | rightPollReadwrite
	inputRights  = rightRead | rightSetFlags | rightFilestatGet | rightPollReadwrite
	outputRights = rightWrite | rightSetFlags | rightFilestatGet | rightPollReadwrite
	connRights   = rightRead | rightWrite | rightSetFlags | rightFilestatGet | rightPollReadwrite | rightSockShutdown
	// A listener can be polled for reading, which is accepting.
	listenRights = rightRead | rightSetFlags | rightFilestatGet | rightPollReadwrite | rightSockAccept
)

// The specification's filetype, by vfs.FileType.
var filetypes = [...]uint8{
	vfs.Unknown:      0,
	vfs.BlockDevice:  1,
	vfs.CharDevice:   2,
	vfs.Directory:    3,
	vfs.Regular:      4,
	vfs.SocketDgram:  5,
	vfs.SocketStream: 6,
	vfs.Symlink:      7,
	vfs.Pipe:         0,
}

// fdflags.
const (
	flagAppend   = 1 << 0
	flagDsync    = 1 << 1
	flagNonblock = 1 << 2
	flagRsync    = 1 << 3
	flagSync     = 1 << 4
	allFlags     = 1<<5 - 1
)
