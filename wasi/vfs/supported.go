package vfs

import "runtime"

// Supported tells whether [New] can open mounts on this operating system: the walk needs descriptors as Linux has them.
const Supported = runtime.GOOS == "linux"
