package enginetest

// pointerCases are attempts to escape by addresses, to where the host has memory of its own behind, or before, the guest's.
// In these scripts S is valid memory, and the addresses from 0xffff0000 on are beyond what the guest has.
var pointerCases = []Case{
	escape("ReadBeyondMemory", "what is read from a file would be written to the host's memory behind the guest's",
		nil, `
		open 3 a r => ok
		poke 0 0xffffff00 6
		raw fd_read $ S 1 S+512 => EFAULT
		raw fd_pread $ S 1 0 S+512 => EFAULT
		poke 0 S+100 1 0xfffffffe 6
		raw fd_read $ S 2 S+512 => EFAULT
		raw fd_readdir 3 0xffffff00 255 0 S => EFAULT
		raw random_get 0xffffff00 255 => EFAULT
		tell $ => 0`),
	escape("WriteBeyondMemory", "the host's memory behind the guest's would be written to a file, for the guest to read",
		nil, `
		open 3 new rw creat => ok
		poke 0 0xffff0000 4096
		raw fd_write $ S 1 S+512 => EFAULT
		raw fd_pwrite $ S 1 0 S+512 => EFAULT
		raw fd_write 1 S 1 S+512 => EFAULT
		poke 0 S+100 1 0xffff0000 4096
		raw fd_write $ S 2 S+512 => EFAULT
		fstat $ => file 0
		unlink 3 new => ok`),
	escape("WrappedAddress", "an address and a length that together wrap around would reach from behind the guest's memory to before it",
		nil, `
		open 3 a rw => ok
		poke 0 0xffffffff 2
		raw fd_read $ S 1 S+512 => EFAULT
		raw fd_write $ S 1 S+512 => EFAULT
		poke 0 S 0xffffffff
		raw fd_read $ S 1 S+512 => EFAULT
		raw fd_write $ S 1 S+512 => EFAULT
		raw fd_read $ 0xfffffffc 1 S+512 => EFAULT
		raw fd_write $ 0xfffffff8 2 S+512 => EFAULT
		raw random_get 0xffffffff 0xffffffff => EFAULT
		raw path_open 3 0 0xffffffff 0xffffffff 0 2 0 0 S => EFAULT|ENAMETOOLONG
		raw fd_readdir 3 0xffffffff 0xffffffff 0 S => EFAULT
		read $ 20 => "inside"`),
	escape("WrappedCount", "a count of buffers whose size wraps around would have the rest of them read from the host's memory",
		nil, `
		open 3 a r => ok
		raw fd_read $ S 0x20000000 S+512 => EFAULT|EINVAL
		raw fd_read $ S 0x80000001 S+512 => EFAULT|EINVAL
		raw fd_write 1 S 0x20000000 S+512 => EFAULT|EINVAL
		raw poll_oneoff S S 0x10000001 S+512 => EFAULT|EINVAL
		raw poll_oneoff S S 0x08000000 S+512 => EFAULT|EINVAL
		tell $ => 0`),
	escape("ResultBeyondMemory", "a result would be written to the host's memory",
		nil, `
		raw args_sizes_get 0xffffff00 0xffffff04 => EFAULT
		raw clock_time_get 0 0 0xffffff00 => EFAULT
		raw fd_filestat_get 3 0xffffff00 => EFAULT
		raw fd_prestat_get 3 0xffffff00 => EFAULT
		raw fd_fdstat_get 3 0xffffff00 => EFAULT
		poke 0 0x61
		raw path_filestat_get 3 0 S 1 0xffffff00 => EFAULT
		raw path_open 3 0 S 1 0 2 0 0 0xffffff00 => EFAULT
		raw fd_prestat_dir_name 3 0xffffff00 2 => EFAULT
		fstat 4 => EBADF`),
	escape("PathBeyondMemory", "a path would be read from the host's memory",
		nil, `
		raw path_open 3 0 0xffffff00 8 0 2 0 0 S => EFAULT
		raw path_filestat_get 3 0 0xffffff00 8 S => EFAULT
		raw path_create_directory 3 0xffffff00 8 => EFAULT
		raw path_symlink 0xffffff00 8 3 S 1 => EFAULT
		raw path_rename 3 0xffffff00 8 3 S 1 => EFAULT
		raw path_readlink 3 0xffffff00 8 S 8 S+64 => EFAULT
		ls 3 => a,d`),
}
