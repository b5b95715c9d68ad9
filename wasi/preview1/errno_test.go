package preview1

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// specErrnos are the specification's errno in its order, which makes their numbers.
var specErrnos = strings.Fields(`success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg busy
	canceled child connaborted connrefused connreset deadlk destaddrreq dom dquot exist fault fbig hostunreach idrm ilseq
	inprogress intr inval io isconn isdir loop mfile mlink msgsize multihop nametoolong netdown netreset netunreach nfile
	nobufs nodev noent noexec nolck nolink nomem nomsg noprotoopt nospc nosys notconn notdir notempty notrecoverable notsock
	notsup notty nxio overflow ownerdead perm pipe proto protonosupport prototype range rofs spipe srch stale timedout
	txtbsy xdev notcapable`)

func TestErrnoNumbers(t *testing.T) {
	if len(specErrnos) != 77 {
		t.Fatalf("%d names, the specification has 77", len(specErrnos))
	}
	for name, e := range map[string]Errno{
		"success": success, "2big": e2big, "acces": eacces, "again": eagain, "badf": ebadf, "busy": ebusy, "dquot": edquot,
		"exist": eexist, "fault": efault, "fbig": efbig, "ilseq": eilseq, "intr": eintr, "inval": einval, "io": eio,
		"isdir": eisdir, "loop": eloop, "mfile": emfile, "mlink": emlink, "nametoolong": enametoolong, "nfile": enfile,
		"nodev": enodev, "noent": enoent, "nomem": enomem, "nospc": enospc, "nosys": enosys, "notdir": enotdir,
		"notempty": enotempty, "notsock": enotsock, "notsup": enotsup, "notty": enotty, "nxio": enxio,
		"overflow": eoverflow, "perm": eperm, "pipe": epipe, "range": erange, "rofs": erofs, "spipe": espipe,
		"stale": estale, "timedout": etimedout, "txtbsy": etxtbsy, "xdev": exdev, "notcapable": enotcapable,
	} {
		if int(e) >= len(specErrnos) || specErrnos[e] != name {
			t.Errorf("%s has number %d", name, e)
		}
	}
}

func TestErrnoOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Errno
	}{
		{nil, success},
		{io.EOF, success},
		{syscall.ENOENT, enoent},
		{syscall.EXDEV, exdev},
		{syscall.EPIPE, epipe},
		{syscall.ENOTSUP, enotsup},
		{syscall.Errno(100000), eio},
		{errors.New("other"), eio},
	} {
		if got := errnoOf(c.err); got != c.want {
			t.Errorf("errnoOf(%v) is %d, want %d", c.err, got, c.want)
		}
	}
}

// TestTable compares the functions with the specification's: name, parameters, result.
func TestTable(t *testing.T) {
	const spec = `args_get(ii)i args_sizes_get(ii)i environ_get(ii)i environ_sizes_get(ii)i clock_res_get(ii)i
		clock_time_get(iIi)i fd_advise(iIIi)i fd_allocate(iII)i fd_close(i)i fd_datasync(i)i fd_fdstat_get(ii)i
		fd_fdstat_set_flags(ii)i fd_fdstat_set_rights(iII)i fd_filestat_get(ii)i fd_filestat_set_size(iI)i
		fd_filestat_set_times(iIIi)i fd_pread(iiiIi)i fd_prestat_get(ii)i fd_prestat_dir_name(iii)i fd_pwrite(iiiIi)i
		fd_read(iiii)i fd_readdir(iiiIi)i fd_renumber(ii)i fd_seek(iIii)i fd_sync(i)i fd_tell(ii)i fd_write(iiii)i
		path_create_directory(iii)i path_filestat_get(iiiii)i path_filestat_set_times(iiiiIIi)i path_link(iiiiiii)i
		path_open(iiiiiIIii)i path_readlink(iiiiii)i path_remove_directory(iii)i path_rename(iiiiii)i path_symlink(iiiii)i
		path_unlink_file(iii)i poll_oneoff(iiii)i proc_exit(i) proc_raise(i)i sched_yield()i random_get(ii)i
		sock_accept(iii)i sock_recv(iiiiii)i sock_send(iiiii)i sock_shutdown(ii)i`
	want := strings.Fields(spec)
	if len(want) != 46 {
		t.Fatalf("%d functions, the specification has 46", len(want))
	}
	widest := 0
	list := func(module string) (list []string) {
		for _, f := range Table() {
			if f.Module != module {
				continue
			}
			result := ""
			if f.Result {
				result = "i"
			}
			list = append(list, fmt.Sprintf("%s(%s)%s", f.Name, f.Params, result))
			widest = max(widest, len(f.Params))
		}
		return list
	}
	if got := list(ModuleName); !slices.Equal(got, want) {
		t.Errorf("table:\n%v\nspecification:\n%v", got, want)
	}
	older := slices.DeleteFunc(want, func(f string) bool { return strings.HasPrefix(f, "sock_accept(") })
	if got := list(UnstableModuleName); !slices.Equal(got, older) {
		t.Errorf("table of the older snapshot:\n%v\nspecification:\n%v", got, older)
	}
	if widest != MaxParams {
		t.Errorf("the longest list of parameters has %d, MaxParams says %d", widest, MaxParams)
	}
}
