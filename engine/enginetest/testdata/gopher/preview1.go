package main

import (
	"strconv"
	"strings"
	"unsafe"
)

// The functions of wasi_snapshot_preview1, with addresses as numbers so that a script can give wrong ones.

//go:wasmimport wasi_snapshot_preview1 args_get
func argsGet(argv, buf uint32) uint32

//go:wasmimport wasi_snapshot_preview1 args_sizes_get
func argsSizesGet(argc, size uint32) uint32

//go:wasmimport wasi_snapshot_preview1 environ_get
func environGet(env, buf uint32) uint32

//go:wasmimport wasi_snapshot_preview1 environ_sizes_get
func environSizesGet(count, size uint32) uint32

//go:wasmimport wasi_snapshot_preview1 clock_res_get
func clockResGet(id, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 clock_time_get
func clockTimeGet(id uint32, precision uint64, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_advise
func fdAdvise(fd uint32, offset, length uint64, advice uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_allocate
func fdAllocate(fd uint32, offset, length uint64) uint32

//go:wasmimport wasi_snapshot_preview1 fd_close
func fdClose(fd uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_datasync
func fdDatasync(fd uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_get
func fdFdstatGet(fd, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_set_flags
func fdFdstatSetFlags(fd, flags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_set_rights
func fdFdstatSetRights(fd uint32, base, inheriting uint64) uint32

//go:wasmimport wasi_snapshot_preview1 fd_filestat_get
func fdFilestatGet(fd, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_filestat_set_size
func fdFilestatSetSize(fd uint32, size uint64) uint32

//go:wasmimport wasi_snapshot_preview1 fd_filestat_set_times
func fdFilestatSetTimes(fd uint32, atim, mtim uint64, flags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_pread
func fdPread(fd, iovs, count uint32, offset uint64, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_prestat_dir_name
func fdPrestatDirName(fd, path, length uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_prestat_get
func fdPrestatGet(fd, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_pwrite
func fdPwrite(fd, iovs, count uint32, offset uint64, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_read
func fdRead(fd, iovs, count, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_readdir
func fdReaddir(fd, buf, length uint32, cookie uint64, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_renumber
func fdRenumber(fd, to uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_seek
func fdSeek(fd uint32, offset uint64, whence, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_sync
func fdSync(fd uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_tell
func fdTell(fd, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_write
func fdWrite(fd, iovs, count, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_create_directory
func pathCreateDirectory(fd, path, length uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_filestat_get
func pathFilestatGet(fd, lookup, path, length, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_filestat_set_times
func pathFilestatSetTimes(fd, lookup, path, length uint32, atim, mtim uint64, flags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_link
func pathLink(fd, lookup, path, length, to, toPath, toLength uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_open
func pathOpen(fd, lookup, path, length, oflags uint32, rights, inheriting uint64, fdflags, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_readlink
func pathReadlink(fd, path, length, buf, bufLength, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_remove_directory
func pathRemoveDirectory(fd, path, length uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_rename
func pathRename(fd, path, length, to, toPath, toLength uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_symlink
func pathSymlink(target, targetLength, fd, path, length uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_unlink_file
func pathUnlinkFile(fd, path, length uint32) uint32

//go:wasmimport wasi_snapshot_preview1 poll_oneoff
func pollOneoff(in, out, count, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 proc_exit
func procExit(code uint32)

//go:wasmimport wasi_snapshot_preview1 random_get
func randomGet(buf, length uint32) uint32

//go:wasmimport wasi_snapshot_preview1 sched_yield
func schedYield() uint32

//go:wasmimport wasi_snapshot_preview1 sock_accept
func sockAccept(fd, flags, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 sock_recv
func sockRecv(fd, iovs, count, flags, result, resultFlags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 sock_send
func sockSend(fd, iovs, count, flags, result uint32) uint32

//go:wasmimport wasi_snapshot_preview1 sock_shutdown
func sockShutdown(fd, how uint32) uint32

// call makes the WASI call of that name. Arguments that are 32 bits wide in it are cut to that.
func call(name string, a ...uint64) uint32 {
	i := func(n int) uint32 { return uint32(a[n]) }
	switch name {
	case "args_get":
		return argsGet(i(0), i(1))
	case "args_sizes_get":
		return argsSizesGet(i(0), i(1))
	case "environ_get":
		return environGet(i(0), i(1))
	case "environ_sizes_get":
		return environSizesGet(i(0), i(1))
	case "clock_res_get":
		return clockResGet(i(0), i(1))
	case "clock_time_get":
		return clockTimeGet(i(0), a[1], i(2))
	case "fd_advise":
		return fdAdvise(i(0), a[1], a[2], i(3))
	case "fd_allocate":
		return fdAllocate(i(0), a[1], a[2])
	case "fd_close":
		return fdClose(i(0))
	case "fd_datasync":
		return fdDatasync(i(0))
	case "fd_fdstat_get":
		return fdFdstatGet(i(0), i(1))
	case "fd_fdstat_set_flags":
		return fdFdstatSetFlags(i(0), i(1))
	case "fd_fdstat_set_rights":
		return fdFdstatSetRights(i(0), a[1], a[2])
	case "fd_filestat_get":
		return fdFilestatGet(i(0), i(1))
	case "fd_filestat_set_size":
		return fdFilestatSetSize(i(0), a[1])
	case "fd_filestat_set_times":
		return fdFilestatSetTimes(i(0), a[1], a[2], i(3))
	case "fd_pread":
		return fdPread(i(0), i(1), i(2), a[3], i(4))
	case "fd_prestat_dir_name":
		return fdPrestatDirName(i(0), i(1), i(2))
	case "fd_prestat_get":
		return fdPrestatGet(i(0), i(1))
	case "fd_pwrite":
		return fdPwrite(i(0), i(1), i(2), a[3], i(4))
	case "fd_read":
		return fdRead(i(0), i(1), i(2), i(3))
	case "fd_readdir":
		return fdReaddir(i(0), i(1), i(2), a[3], i(4))
	case "fd_renumber":
		return fdRenumber(i(0), i(1))
	case "fd_seek":
		return fdSeek(i(0), a[1], i(2), i(3))
	case "fd_sync":
		return fdSync(i(0))
	case "fd_tell":
		return fdTell(i(0), i(1))
	case "fd_write":
		return fdWrite(i(0), i(1), i(2), i(3))
	case "path_create_directory":
		return pathCreateDirectory(i(0), i(1), i(2))
	case "path_filestat_get":
		return pathFilestatGet(i(0), i(1), i(2), i(3), i(4))
	case "path_filestat_set_times":
		return pathFilestatSetTimes(i(0), i(1), i(2), i(3), a[4], a[5], i(6))
	case "path_link":
		return pathLink(i(0), i(1), i(2), i(3), i(4), i(5), i(6))
	case "path_open":
		return pathOpen(i(0), i(1), i(2), i(3), i(4), a[5], a[6], i(7), i(8))
	case "path_readlink":
		return pathReadlink(i(0), i(1), i(2), i(3), i(4), i(5))
	case "path_remove_directory":
		return pathRemoveDirectory(i(0), i(1), i(2))
	case "path_rename":
		return pathRename(i(0), i(1), i(2), i(3), i(4), i(5))
	case "path_symlink":
		return pathSymlink(i(0), i(1), i(2), i(3), i(4))
	case "path_unlink_file":
		return pathUnlinkFile(i(0), i(1), i(2))
	case "poll_oneoff":
		return pollOneoff(i(0), i(1), i(2), i(3))
	case "proc_exit":
		procExit(i(0))
		return 0
	case "random_get":
		return randomGet(i(0), i(1))
	case "sched_yield":
		return schedYield()
	case "sock_accept":
		return sockAccept(i(0), i(1), i(2))
	case "sock_recv":
		return sockRecv(i(0), i(1), i(2), i(3), i(4), i(5))
	case "sock_send":
		return sockSend(i(0), i(1), i(2), i(3), i(4))
	case "sock_shutdown":
		return sockShutdown(i(0), i(1))
	}
	fail("unknown call: " + name)
	return 0
}

const errnos = `success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg busy canceled child
	connaborted connrefused connreset deadlk destaddrreq dom dquot exist fault fbig hostunreach idrm ilseq inprogress intr
	inval io isconn isdir loop mfile mlink msgsize multihop nametoolong netdown netreset netunreach nfile nobufs nodev
	noent noexec nolck nolink nomem nomsg noprotoopt nospc nosys notconn notdir notempty notrecoverable notsock notsup
	notty nxio overflow ownerdead perm pipe proto protonosupport prototype range rofs spipe srch stale timedout txtbsy
	xdev notcapable`

// errno is "ok", or an error's name as C has it.
func errno(e uint32) string {
	if e == 0 {
		return "ok"
	}
	if names := strings.Fields(errnos); int(e) < len(names) {
		return "E" + strings.ToUpper(names[e])
	}
	return "errno " + strconv.Itoa(int(e))
}

// The memory that calls refer to is static: a stack would move. memory is handed out from arena on, for one line of the
// script; scratch belongs to the script itself.
var (
	memory  [512 << 10]byte
	arena   uint32
	scratch [64 << 10]byte
)

func address(p *byte) uint32 { return uint32(uintptr(unsafe.Pointer(p))) }

// mem returns the address of n zeroed bytes, aligned to 8.
func mem(n int) uint32 {
	arena = (arena + 7) &^ 7
	if int(arena)+n > len(memory) {
		fail("script needs more memory")
	}
	a := arena
	arena += uint32(n)
	clear(memory[a:arena])
	return address(&memory[0]) + a
}

// at returns what an address of mem refers to, and all behind it.
func at(p uint32) []byte { return memory[p-address(&memory[0]):] }

// text puts s into memory.
func text(s string) uint32 {
	p := mem(len(s) + 1)
	copy(at(p), s)
	return p
}

// iovec makes an iovec of that length; its address is for the caller to fill in.
func iovec(length uint64) uint32 {
	p := mem(8)
	le.PutUint32(at(p)[4:], uint32(length))
	return p
}
