package enginetest

import "github.com/wasmoci/wasmoci/wasi"

// In these scripts S is valid memory, and the addresses from 0xffff0000 on are beyond what the guest has.
var faultCases = []Case{
	{
		Name:  "Fault/Edge",
		Why:   "the last byte of memory may be used and the one behind it not: EFAULT, exactly there",
		guest: "memory_edge",
	},
	{
		Name:   "Fault/Addresses",
		Why:    "an address out of memory, in any parameter of any call, is EFAULT to the guest and nothing to the host",
		files:  files{"m/a.txt": "a", "m/link": linkTo + "a.txt"},
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		stdin:  "input",
		script: `
			raw args_get 0xfffffff0 S => EFAULT
			raw args_get S 0xfffffff0 => EFAULT
			raw args_sizes_get 0xfffffffd S => EFAULT
			raw args_sizes_get S 0xffffffff => EFAULT
			raw environ_sizes_get 0xfffffffd S => EFAULT
			raw environ_sizes_get S 0xffffffff => EFAULT
			raw clock_res_get 0 0xfffffff9 => EFAULT
			raw clock_time_get 0 0 0xffffffff => EFAULT
			raw random_get 0xfffffff0 64 => EFAULT
			raw fd_fdstat_get 1 0xffffffe9 => EFAULT
			raw fd_filestat_get 3 0xffffffc1 => EFAULT
			raw fd_prestat_get 3 0xfffffff9 => EFAULT
			raw fd_prestat_dir_name 3 0xffffffff 2 => EFAULT
			raw fd_readdir 3 0xfffffff0 4096 0 S => EFAULT
			raw fd_readdir 3 S 4096 0 0xfffffffd => EFAULT
			raw fd_write 1 0xfffffff9 1 S => EFAULT
			raw fd_read 0 0xfffffff9 1 S => EFAULT
			raw fd_seek 3 0 0 0xffffffff => EFAULT|EBADF|EISDIR|ESPIPE|EINVAL
			raw path_open 3 0 0xfffffff0 64 0 2 0 0 S => EFAULT
			raw path_filestat_get 3 0 0xfffffff0 64 S => EFAULT
			raw path_create_directory 3 0xfffffff0 64 => EFAULT
			raw path_remove_directory 3 0xfffffff0 64 => EFAULT
			raw path_unlink_file 3 0xfffffff0 64 => EFAULT
			raw path_rename 3 0xfffffff0 64 3 S 1 => EFAULT
			raw path_link 3 0 0xfffffff0 64 3 S 1 => EFAULT
			raw path_symlink 0xfffffff0 64 3 S 1 => EFAULT
			raw path_symlink S 1 3 0xfffffff0 64 => EFAULT
			raw path_readlink 3 0xfffffff0 64 S 64 S+100 => EFAULT
			raw path_filestat_set_times 3 0 0xfffffff0 64 0 0 0 => EFAULT
			raw poll_oneoff 0xfffffff0 S 1 S+64 => EFAULT
			stat 3 a.txt => file 1`,
	},
	{
		Name:   "Fault/ResultAddresses",
		Why:    "a result that has nowhere to go is EFAULT, and what the call was to do has not been half done",
		files:  files{"m/a.txt": "a", "m/link": linkTo + "a.txt"},
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		script: `
			poke 0 0x78656e
			raw path_open 3 0 S 3 1 0x40 0 0 0xfffffffd => EFAULT
			poke 0 0x6b6e696c
			raw path_readlink 3 S 4 0xfffffff0 64 S+100 => EFAULT
			raw path_readlink 3 S 4 S+100 64 0xfffffffd => EFAULT
			raw path_filestat_get 3 0 S 4 0xffffffc1 => EFAULT
			poke 64 S+128 4
			raw fd_write 2 S+64 1 0xfffffffd => EFAULT`,
	},
	{
		Name:   "Fault/Buffers",
		Why:    "an iovec that reaches out of memory is EFAULT, however its length wraps around",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		files:  files{"m/a.txt": "0123456789"},
		stdin:  "input",
		script: `
			poke 0 0xfffffff0 16
			raw fd_write 2 S 1 S+512 => EFAULT
			raw fd_read 0 S 1 S+512 => EFAULT
			poke 0 0xfffffff0 0xffffffff
			raw fd_write 2 S 1 S+512 => EFAULT
			raw fd_read 0 S 1 S+512 => EFAULT
			poke 0 S+600 0xffffffff
			raw fd_write 2 S 1 S+512 => EFAULT
			raw fd_read 0 S 1 S+512 => EFAULT
			open 3 a.txt rw => ok
			raw fd_pread $ S 1 0 S+512 => EFAULT
			raw fd_pwrite $ S 1 0 S+512 => EFAULT
			raw fd_read $ S 1 S+512 => EFAULT
			raw fd_write $ S 1 S+512 => EFAULT
			tell $ => 0
			read $ 20 => "0123456789"`,
	},
	{
		Name:   "Fault/Huge",
		Why:    "a length or a count beyond memory is refused before anything of that size is made",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		files:  files{"m/a.txt": "a"},
		stdin:  "input",
		script: `
			raw fd_write 2 S 0xffffffff S+512 => EFAULT|EINVAL
			raw fd_write 2 S 0x20000001 S+512 => EFAULT|EINVAL
			raw fd_read 0 S 0xffffffff S+512 => EFAULT|EINVAL
			raw fd_read 0 S 0x20000001 S+512 => EFAULT|EINVAL
			raw poll_oneoff S S 0xffffffff S+512 => EFAULT|EINVAL
			raw poll_oneoff S S 0x05555556 S+512 => EFAULT|EINVAL
			raw poll_oneoff S S 0 S+512 => EINVAL
			raw random_get S 0xffffffff => EFAULT
			raw path_open 3 0 S 0xffffffff 0 2 0 0 S+512 => EFAULT|ENAMETOOLONG
			raw path_symlink S 0xffffffff 3 S 1 => EFAULT|ENAMETOOLONG
			raw path_rename 3 S 1 3 S 0xffffffff => EFAULT|ENAMETOOLONG
			raw fd_readdir 3 S 0xffffffff 0 S+512 => EFAULT
			raw fd_prestat_dir_name 3 S 0xffffffff => EFAULT|ENAMETOOLONG|ok
			open 3 a.txt r => ok
			raw fd_read $ S 0xffffffff S+512 => EFAULT|EINVAL`,
	},
	{
		Name:   "Fault/Values",
		Why:    "a value that the specification does not have is an error, not the nearest thing",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		files:  files{"m/a.txt": "0123456789"},
		script: `
			raw clock_time_get 99 0 S => EINVAL|ENOTSUP
			raw clock_res_get 0xffffffff S => EINVAL|ENOTSUP
			open 3 a.txt rw => ok
			raw fd_seek $ 0 9 S => EINVAL
			raw fd_seek $ -1 0 S => EINVAL
			raw fd_advise $ 0 1 77 => EINVAL
			pread $ -1 4 => !
			pwrite $ 0x7fffffffffffffff x => !
			size $ -1 => !
			tell $ => 0`,
	},
	{
		Name:   "Fault/Overlap",
		Why:    "buffers that overlap their own iovec and results harm nobody but the guest",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}},
		files:  files{"m/a.txt": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
		script: `
			open 3 a.txt r => ok
			poke 0 S 16 S 16
			raw fd_read $ S 2 S => *
			poke 0 S 16 S 16
			raw fd_pread $ S 2 0 S+4 => *
			raw args_sizes_get S S => ok
			raw args_get S+1000 S+1000 => *
			raw fd_prestat_get 3 S => ok
			raw poll_oneoff S S 1 S => *
			stat 3 a.txt => file 16`,
	},
	{
		Name: "Fault/Descriptors",
		Why:  "a descriptor that was not granted is EBADF, whatever its number and the call",
		script: `
			raw fd_write 3 S 0 S => EBADF
			raw fd_read 3 S 0 S => EBADF
			raw fd_write 0x7fffffff S 0 S => EBADF
			raw fd_read 0xffffffff S 0 S => EBADF
			raw fd_read 0x80000000 S 0 S => EBADF
			close -1 => EBADF
			close 1000000 => EBADF
			tell 4 => EBADF
			seek 5 0 set => EBADF
			sync 6 => EBADF
			datasync 6 => EBADF
			size 7 0 => EBADF
			allocate 8 0 1 => EBADF
			fstat 9 => EBADF
			ls 10 => EBADF
			cat 11 a => EBADF
			stat 12 a => EBADF
			mkdir 13 a => EBADF
			symlink a 14 b => EBADF
			rename 15 a 16 b => EBADF
			link 17 a 18 b => EBADF
			readlink 19 a => EBADF
			raw sock_shutdown 20 3 => EBADF
			accept 21 => EBADF
			raw fd_fdstat_set_flags 22 0 => EBADF
			raw fd_filestat_set_times 23 0 0 0 => EBADF
			renumber 24 25 => EBADF
			renumber 1 0x7fffffff => EBADF|ENOTSUP|EMFILE|ENFILE`,
	},
}
