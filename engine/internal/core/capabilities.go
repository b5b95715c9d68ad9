package core

import (
	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// HostCapabilities are those of core modules that come with the host of preview 1, whatever runs them: all systems have the same but
// for mounts, which need package wasi/vfs. An adapter adds what its runtime can do.
func HostCapabilities() engine.Capabilities {
	caps := engine.NewCapabilities(engine.Entrypoint, engine.WorkDir, engine.Streams)
	if vfs.Supported {
		caps = caps.With(engine.Mounts, engine.MountReadOnly, engine.MountOpen, engine.MountFile, engine.MountNested, engine.MountHidden, engine.MountTmpfs, engine.Listeners)
	}
	return caps
}
