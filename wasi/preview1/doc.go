// Package preview1 is a host for WASI preview 1 (wasi_snapshot_preview1) in Go, the same on every engine.
//
// It knows no engine. An adapter makes a [Host] for each run, offers the functions of [Table] to the guest under
// their modules, and passes each call to [Host.Call] together with the guest's memory as it is at that moment. When
// Call returns [Stop] the adapter ends the guest; why is in [Host.Exited] and [Host.Err], which are to be looked at
// before the engine's own error.
//
// What a guest can reach is what its [wasi.Config] grants and nothing else: package vfs confines paths, this package
// checks every pointer, length, descriptor and right that a guest gives, answers with the specification's errno, and
// never lets a panic out into an engine's frames.
//
// # Descriptors
//
// A guest starts with 0, 1 and 2, its standard streams; then, from 3 on, the sockets of [wasi.Config.Listeners] in their
// order, as systemd numbers them (LISTEN_FDS); then a directory for each directory mount, in the order of
// [wasi.Config.Mounts]. Sockets do not block unless the guest asks for it (fd_fdstat_set_flags): a guest with one
// thread serves many connections by poll_oneoff. fd_prestat_get answers for a socket too, with tag 1, since guests stop
// looking for their directories at the first descriptor that has no answer.
//
// A guest can have 1024 files, directories and connections open beyond those that it starts with, and gets EMFILE then,
// as it does where the process has no descriptor left. For the process (RLIMIT_NOFILE) that is at most two descriptors
// for each of them and for each directory mount, since a directory that a guest lists takes a second one.
package preview1
