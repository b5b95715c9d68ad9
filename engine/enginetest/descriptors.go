package enginetest

import "github.com/wasmoci/wasmoci/wasi"

// descriptorCases are attempts to escape by numbers of descriptors, and by the rights that they have.
var descriptorCases = []Case{
	escape("RenumberKeepsReadOnly", "a read-only mount would become writable under the number of a writable one",
		nil, `
		renumber 4 3 => ok
		cat 3 secret => EACCES|ENOENT|"shared"
		put 3 new x => EROFS
		open 3 a w => EROFS
		cat 4 a => EBADF`).mounted(wasi.Mount{Guest: "/m", Host: "m"}, wasi.Mount{Guest: "/r", Host: "m", ReadOnly: true}),
	escape("RenumberDirectoryOverPreopen", "a directory put in the place of the mount would have the mount's parent for its own",
		nil, `
		open 3 d dir => ok
		renumber $ 3 => ok
		cat 3 b => "inside"
		cat 3 ../../outside/secret => !
		cat 3 ../../../outside/secret => !
		cat 3 $DIR/outside/secret => !
		open 3 ../.. dir => !`),
	escape("RenumberPreopenOverStdin", "the mount under the number of a stream would be looked up as the host's own descriptor of that number",
		nil, `
		renumber 3 0 => ok
		cat 0 a => "inside"
		cat 0 ../outside/secret => !
		cat 0 $DIR/outside/secret => !
		cat 3 a => EBADF
		open 0 d dir => ok
		cat $ ../../outside/secret => !`),
	escape("RenumberFromNowhere", "a number that was not given out would be taken for the host's own descriptor of that number",
		nil, `
		renumber 4 3 => EBADF
		renumber 5 0 => EBADF
		renumber 100 3 => EBADF
		renumber 3 100 => EBADF
		renumber -1 3 => EBADF
		renumber 3 -1 => EBADF
		cat 3 a => "inside"`),
	escape("ClosedMount", "the number of a closed mount would be what the host has opened since",
		nil, `
		close 3 => ok
		cat 3 a => EBADF
		cat 3 ../outside/secret => EBADF
		prestat 3 => EBADF
		open 3 . dir => EBADF
		fstat 3 => EBADF
		renumber 3 4 => EBADF`),
	escape("HostDescriptors", "the host's own open files would be had by their numbers",
		nil, `
		fstat 4 => EBADF
		fstat 5 => EBADF
		fstat 6 => EBADF
		fstat 7 => EBADF
		fstat 8 => EBADF
		fstat 9 => EBADF
		fstat 10 => EBADF
		read 4 20 => EBADF
		read 5 20 => EBADF
		read 6 20 => EBADF
		read 7 20 => EBADF
		cat 4 secret => EBADF
		cat 5 secret => EBADF
		cat 6 secret => EBADF
		cat -100 $DIR/outside/secret => EBADF
		open -100 $DIR/outside dir => EBADF
		filetype -100 => EBADF`).withOpen("outside/secret", "outside"),
	escape("RightsRegained", "a descriptor that was opened for less would be made to do more",
		nil, `
		open 3 d dir only => ok
		set d
		cat $d b => ENOTCAPABLE
		raw fd_fdstat_set_rights $d 0x1fffffff 0x1fffffff => ENOTCAPABLE
		cat $d b => ENOTCAPABLE
		mkdir $d new => ENOTCAPABLE
		put $d new x => ENOTCAPABLE
		open 3 a r only => ok
		raw fd_fdstat_set_rights $ 0x1fffffff 0 => ENOTCAPABLE
		write $ x => ENOTCAPABLE|EBADF
		size $ 0 => ENOTCAPABLE|EBADF|EINVAL
		raw fd_fdstat_set_rights 3 0 0 => ok
		raw fd_fdstat_set_rights 3 0x1fffffff 0x1fffffff => ENOTCAPABLE
		cat 3 a => ENOTCAPABLE`),
	escape("RightsInherited", "what is opened from a directory would be allowed more than the directory may pass on",
		nil, `
		raw fd_fdstat_set_rights 3 0xc6000 0x4002 => ok
		open 3 a rw => ok|ENOTCAPABLE
		write $ x => ENOTCAPABLE|EBADF
		size $ 0 => ENOTCAPABLE|EBADF
		open 3 d dir => ok|ENOTCAPABLE
		cat $ b => ENOTCAPABLE|EBADF
		mkdir $ new => ENOTCAPABLE|EBADF
		open 3 new w creat => ENOTCAPABLE
		unlink 3 a => ENOTCAPABLE
		ls 3 => a,d`),
	escape("StreamsAsDirectories", "a stream would be taken for a directory of the host",
		nil, `
		cat 0 secret => !
		cat 1 ../outside/secret => !
		cat 2 $DIR/outside/secret => !
		open 0 . dir => !
		ls 0 => !
		mkdir 1 new => !
		prestat 0 => EBADF
		rename 0 a 1 b => !
		link 3 a 0 h => !`),
	escape("FilesAsDirectories", "an open file would be taken for the directory that it is in",
		nil, `
		open 3 a rw => ok
		cat $ ../outside/secret => !
		cat $ ../a => !
		cat $ . => !
		open $ .. dir => !
		ls $ => !
		mkdir $ new => !
		rename $ . 3 b => !`),
}

// withOpen is the case while the caller has files of its own open.
func (c Case) withOpen(names ...string) Case {
	c.prepare = func(t *trial) {
		for _, name := range names {
			t.openFile(name)
		}
	}
	return c
}
