package preview1

import "sync"

// Func is one function as an adapter sees it.
type Func struct {
	Module string // [ModuleName] or [UnstableModuleName]
	Name   string
	// Params has a letter for each parameter: 'i' is an i32, 'I' an i64.
	Params string
	// Result tells whether it returns an errno as an i32, as all but proc_exit do.
	Result bool

	call func(h *Host, m memory, a []uint64) Errno
}

// Table returns the functions of both modules in a fixed order; an index into it is what [Host.Call] takes. It must not be
// modified.
func Table() []Func { return table() }

// MaxParams is the largest number of parameters in [Table].
const MaxParams = 9

// table is made when it is first asked for: not every program that has this package has guests.
var table = sync.OnceValue(func() []Func { return append(of(ModuleName, snapshot1), of(UnstableModuleName, snapshot0())...) })

// function is a Func without its module.
type function struct {
	name, params string
	result       bool
	call         func(h *Host, m memory, a []uint64) Errno
}

func of(module string, functions []function) []Func {
	table := make([]Func, len(functions))
	for i, f := range functions {
		table[i] = Func{module, f.name, f.params, f.result, f.call}
	}
	return table
}

// snapshot1 is the module ModuleName.
var snapshot1 = []function{
	{"args_get", "ii", true, argsGet},
	{"args_sizes_get", "ii", true, argsSizesGet},
	{"environ_get", "ii", true, environGet},
	{"environ_sizes_get", "ii", true, environSizesGet},
	{"clock_res_get", "ii", true, clockResGet},
	{"clock_time_get", "iIi", true, clockTimeGet},
	{"fd_advise", "iIIi", true, fdAdvise},
	{"fd_allocate", "iII", true, fdAllocate},
	{"fd_close", "i", true, fdClose},
	{"fd_datasync", "i", true, fdDatasync},
	{"fd_fdstat_get", "ii", true, fdFdstatGet},
	{"fd_fdstat_set_flags", "ii", true, fdFdstatSetFlags},
	{"fd_fdstat_set_rights", "iII", true, fdFdstatSetRights},
	{"fd_filestat_get", "ii", true, fdFilestatGet},
	{"fd_filestat_set_size", "iI", true, fdFilestatSetSize},
	{"fd_filestat_set_times", "iIIi", true, fdFilestatSetTimes},
	{"fd_pread", "iiiIi", true, fdPread},
	{"fd_prestat_get", "ii", true, fdPrestatGet},
	{"fd_prestat_dir_name", "iii", true, fdPrestatDirName},
	{"fd_pwrite", "iiiIi", true, fdPwrite},
	{"fd_read", "iiii", true, fdRead},
	{"fd_readdir", "iiiIi", true, fdReaddir},
	{"fd_renumber", "ii", true, fdRenumber},
	{"fd_seek", "iIii", true, fdSeek},
	{"fd_sync", "i", true, fdSync},
	{"fd_tell", "ii", true, fdTell},
	{"fd_write", "iiii", true, fdWrite},
	{"path_create_directory", "iii", true, pathCreateDirectory},
	{"path_filestat_get", "iiiii", true, pathFilestatGet},
	{"path_filestat_set_times", "iiiiIIi", true, pathFilestatSetTimes},
	{"path_link", "iiiiiii", true, pathLink},
	{"path_open", "iiiiiIIii", true, pathOpen},
	{"path_readlink", "iiiiii", true, pathReadlink},
	{"path_remove_directory", "iii", true, pathRemoveDirectory},
	{"path_rename", "iiiiii", true, pathRename},
	{"path_symlink", "iiiii", true, pathSymlink},
	{"path_unlink_file", "iii", true, pathUnlinkFile},
	{"poll_oneoff", "iiii", true, pollOneoff},
	{"proc_exit", "i", false, procExit},
	{"proc_raise", "i", true, procRaise},
	{"sched_yield", "", true, schedYield},
	{"random_get", "ii", true, randomGet},
	{"sock_accept", "iii", true, sockAccept},
	{"sock_recv", "iiiiii", true, sockRecv},
	{"sock_send", "iiiii", true, sockSend},
	{"sock_shutdown", "ii", true, sockShutdown},
}
