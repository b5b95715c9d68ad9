package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// oneMount is a writable directory at /m, which is descriptor 3.
var oneMount = wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}}}

func (t *trial) path(name string) string { return filepath.Join(t.dir, filepath.FromSlash(name)) }

// openFile opens a file or directory of the case for reading; it is closed with the case.
func (t *trial) openFile(name string) *os.File {
	t.Helper()
	f, err := os.Open(t.path(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // the case may have closed it
	return f
}

var fileCases = []Case{
	{
		Name:   "File/Read",
		Why:    "a file of a mount is read through its preopen, which has the mount's guest path as its name",
		config: oneMount,
		files:  files{"m/a.txt": "content", "m/empty": "", "m/d/e/f.txt": "deep"},
		script: `
			prestat 3 => "/m"
			filetype 3 => dir
			prestat 4 => EBADF
			cat 3 a.txt => "content"
			cat 3 empty => ""
			cat 3 d/e/f.txt => "deep"
			cat 3 ./d//e/./f.txt => "deep"
			cat 3 d/../a.txt => "content"
			cat 3 missing => ENOENT
			cat 3 a.txt/b => ENOTDIR
			cat 3 "" => ENOENT|EINVAL
			open 3 a.txt/ => ENOTDIR
			open 3 . dir => ok
			open 3 d/ dir => ok`,
	},
	{
		Name:   "File/Write",
		Why:    "a file is created, written, truncated and appended to as open's flags say",
		config: oneMount,
		files:  files{"m/old": "old content"},
		after:  files{"m/new": "hello world", "m/old": "new", "m/log": "one two"},
		script: `
			open 3 new w creat excl => ok
			write $ hello => 5
			write $ " world" => 6
			close $ => ok
			open 3 new w creat excl => EEXIST
			put 3 old new => ok
			open 3 log w creat append => ok
			write $ one => 3
			seek $ 0 set => 0
			write $ " two" => 4
			close $ => ok
			cat 3 log => "one two"
			open 3 missing w => ENOENT
			open 3 missing/file w creat => ENOENT`,
	},
	{
		Name:   "File/Offsets",
		Why:    "seek, tell, pread and pwrite do as in POSIX: positioned calls leave the offset alone, writing beyond the end leaves zeros",
		config: oneMount,
		files:  files{"m/a": "0123456789"},
		after:  files{"m/a": "012X45\x00\x00Y"},
		script: `
			open 3 a rw => ok
			seek $ 4 set => 4
			read $ 2 => "45"
			tell $ => 6
			seek $ -3 cur => 3
			seek $ -1 end => 9
			read $ 10 => "9"
			read $ 10 => ""
			seek $ -1 set => EINVAL
			tell $ => 10
			pread $ 2 3 => "234"
			pread $ 100 3 => ""
			pwrite $ 3 X => 1
			tell $ => 10
			size $ 6 => ok
			fstat $ => file 6
			pwrite $ 8 Y => 1
			fstat $ => file 9
			sync $ => ok
			datasync $ => ok
			close $ => ok
			close $ => EBADF`,
	},
	{
		Name:   "File/Resize",
		Why:    "a file is cut and extended with zeros; allocate never shrinks it",
		config: oneMount,
		files:  files{"m/a": "abc"},
		after:  files{"m/a": "ab\x00\x00"},
		script: `
			open 3 a rw => ok
			size $ 2 => ok
			size $ 4 => ok
			pread $ 0 10 => "ab\x00\x00"
			allocate $ 0 2 => ok|ENOTSUP
			fstat $ => file 4`,
	},
	{
		Name:   "File/Rights",
		Why:    "a descriptor does what it was opened for and no more",
		config: oneMount,
		files:  files{"m/a": "abc"},
		script: `
			open 3 a r => ok
			write $ x => !
			pwrite $ 0 x => !
			size $ 0 => !
			open 3 a w => ok
			read $ 3 => !
			pread $ 0 3 => !
			read 3 3 => !
			write 3 x => !
			open 3 a dir => ENOTDIR
			ls $ => *`,
	},
	{
		Name:   "File/Directories",
		Why:    "directories are made, listed and removed; one that is not empty stays",
		config: oneMount,
		files:  files{"m/full/file": "x", "m/file": "y"},
		after:  files{"m/new/sub/": ""},
		script: `
			mkdir 3 new => ok
			mkdir 3 new => EEXIST
			mkdir 3 new/sub => ok
			mkdir 3 missing/sub => ENOENT
			mkdir 3 file/sub => ENOTDIR
			mkdir 3 gone/ => ok
			stat 3 gone => dir
			rmdir 3 gone => ok
			stat 3 gone => ENOENT
			rmdir 3 full => ENOTEMPTY
			rmdir 3 file => ENOTDIR
			rmdir 3 missing => ENOENT
			unlink 3 full => EISDIR|EPERM
			ls 3 => file,full,new
			open 3 full dir => ok
			ls $ => file`,
	},
	{
		Name:   "File/ManyEntries",
		Why:    "a large directory is listed whole, each entry once, also through a buffer that holds few",
		config: oneMount,
		prepare: func(t *trial) {
			for i := range 500 {
				name := fmt.Sprintf("m/%04d-%s", i, strings.Repeat("x", i%200))
				if err := os.WriteFile(t.path(name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		},
		files: files{"m/sub/": ""},
		script: `
			lscount 3 4096 => 501 501
			lscount 3 300 => 501 501
			lscount 3 65536 => 501 501`,
	},
	{
		Name:   "File/ReaddirTiny",
		Why:    "a buffer that is too small for one entry is filled to the brim with the beginning of it",
		config: oneMount,
		files:  files{"m/a-name-of-some-length": ""},
		script: `
			raw fd_readdir 3 S 10 0 S+100 => ok
			raw fd_readdir 3 S 0 0 S+100 => ok|EINVAL
			raw fd_readdir 3 S 100 0xffffffffffffffff S+100 => ok|EINVAL|ENOENT`,
	},
	{
		Name:   "File/Stat",
		Why:    "stat tells kind and size, follows links only when asked, and gives one identity to one file",
		config: oneMount,
		files:  files{"m/a": "12345", "m/d/": "", "m/link": linkTo + "a", "m/dangling": linkTo + "nowhere"},
		script: `
			stat 3 a => file 5
			stat 3 d => dir
			stat 3 . => dir
			stat 3 link => file 5
			stat 3 link nofollow => link 1
			stat 3 dangling => ENOENT
			stat 3 dangling nofollow => link 7
			stat 3 missing => ENOENT
			stat 3 a/ => ENOTDIR
			fstat 3 => dir
			same 3 a 3 link => true
			same 3 a 3 d => false
			nlink 3 a => 1`,
	},
	{
		Name:   "File/Times",
		Why:    "times are set and read in nanoseconds",
		config: oneMount,
		files:  files{"m/a": "x"},
		script: `
			times 3 a 1000000000000000000 1234567890123000000 => ok
			mtime 3 a => 1234567890123000000
			times 3 missing 1 1 => ENOENT
			raw fd_filestat_set_times 3 0 0 3 => EINVAL`,
		drive: func(t *trial) {
			t.play()
			st, err := os.Stat(t.path("m/a"))
			if err != nil {
				t.Fatal(err)
			}
			if got := st.ModTime().UnixNano(); got != 1234567890123000000 {
				t.Errorf("the host sees the modification time %d", got)
			}
		},
	},
	{
		Name:   "File/Rename",
		Why:    "rename moves within and between directories, replaces a file, and refuses what POSIX refuses",
		config: oneMount,
		files:  files{"m/a": "a", "m/b": "b", "m/d/x": "x", "m/e/": "", "m/link": linkTo + "b"},
		after:  files{"m/a": gone, "m/b": "a", "m/d/x": gone, "m/moved": "x", "m/link": gone, "m/l2": linkTo + "b", "m/d/e/": "", "m/e/": gone},
		script: `
			rename 3 a 3 b => ok
			rename 3 d/x 3 moved => ok
			rename 3 missing 3 y => ENOENT
			rename 3 moved 3 d => EISDIR
			rename 3 d 3 moved => ENOTDIR
			rename 3 e 3 d/e => ok
			rename 3 d 3 d/e/d => EINVAL
			rename 3 link 3 l2 => ok
			readlink 3 l2 => "b"
			cat 3 b => "a"`,
	},
	{
		Name:   "File/Unlink",
		Why:    "unlink removes the name: an open file stays readable, a link goes and not its target",
		config: oneMount,
		files:  files{"m/a": "still here", "m/target": "t", "m/link": linkTo + "target"},
		after:  files{"m/a": gone, "m/link": gone},
		script: `
			open 3 a r => ok
			unlink 3 a => ok
			stat 3 a => ENOENT
			read $ 20 => "still here"
			unlink 3 link => ok
			unlink 3 a => ENOENT
			unlink 3 target/ => ENOTDIR|EINVAL`,
	},
	{
		Name:   "File/Symlinks",
		Why:    "links within the mount are made, read and followed, through directories too",
		config: oneMount,
		files:  files{"m/a": "target", "m/d/up": linkTo + "../a", "m/dl": linkTo + "d", "m/loop": linkTo + "loop2", "m/loop2": linkTo + "loop"},
		after:  files{"m/made": linkTo + "d/../a", "m/broken": linkTo + "nowhere"},
		script: `
			symlink d/../a 3 made => ok
			readlink 3 made => "d/../a"
			cat 3 made => "target"
			cat 3 d/up => "target"
			cat 3 dl/up => "target"
			symlink nowhere 3 broken => ok
			cat 3 broken => ENOENT
			symlink x 3 a => EEXIST
			open 3 made nofollow r => ELOOP
			open 3 dl nofollow dir => ELOOP|ENOTDIR
			open 3 dl/ nofollow dir => ok|ELOOP|ENOTDIR
			readlink 3 a => EINVAL
			readlink 3 missing => ENOENT
			cat 3 loop => ELOOP
			cat 3 loop/x => ELOOP
			stat 3 loop nofollow => link 5`,
	},
	{
		Name:   "File/ReadlinkCut",
		Why:    "a link's target that is longer than the buffer is cut to it",
		config: oneMount,
		files:  files{"m/l": linkTo + "0123456789"},
		script: `
			poke 0 0x6c
			poke 32 0 0
			raw path_readlink 3 S 1 S+32 4 S+64 => ok|ERANGE
			raw path_readlink 3 S 1 S+32 0 S+64 => ok|ERANGE|EINVAL`,
	},
	{
		Name:   "File/HardLinks",
		Why:    "a file that the guest may write can have a second name in the same mount",
		config: oneMount,
		files:  files{"m/a": "one file", "m/d/": ""},
		after:  files{"m/b": "one file"},
		script: `
			link 3 a 3 b => ok
			same 3 a 3 b => true
			nlink 3 a => 2
			link 3 a 3 b => EEXIST
			link 3 missing 3 c => ENOENT
			link 3 d 3 c => EPERM|EISDIR|EACCES`,
	},
	{
		Name:   "File/Renumber",
		Why:    "renumber moves a descriptor onto another open one, or is not supported; it never mixes them up",
		config: oneMount,
		files:  files{"m/a": "aaa", "m/b": "bbb"},
		script: `
			open 3 a r => ok
			set a
			open 3 b r => ok
			set b
			renumber $a $b => ok|ENOTSUP
			pread $b 0 3 => "aaa"|"bbb"
			renumber $b 1000000 => EBADF|ENOTSUP
			renumber 1000000 $b => EBADF
			renumber 3 3 => ok|ENOTSUP|EINVAL
			cat 3 b => "bbb"`,
	},
	{
		Name:   "File/DescriptorReuse",
		Why:    "closed descriptors are free again: opening and closing does not run out",
		config: oneMount,
		files:  files{"m/a": "x"},
		script: `repeat 5000 cat 3 a => "x"`,
	},
	{
		Name:   "File/Library",
		Why:    "a program sees its mounts through its language's library under their absolute paths",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m"}, {Guest: "/other/place", Host: "o"}}},
		files:  files{"m/a": "x", "o/b": "y"},
		after:  files{"m/deep/er/c": "z"},
		script: `
			os.readfile /m/a => "x"
			os.readfile /other/place/b => "y"
			os.mkdirall /m/deep/er => ok
			os.writefile /m/deep/er/c z => ok
			os.readdir /m => a,deep
			os.writefile /other/place/gone 1 => ok
			os.removeall /other/place/gone => ok
			os.readfile /nowhere => error`,
	},
	{
		Name:   "File/Names",
		Why:    "names are bytes: unicode, spaces, long ones, ones that look like options",
		config: oneMount,
		files:  files{"m/": ""},
		after:  files{"m/": gone, "m/ü→😀": "1", "m/ with spaces ": "2", "m/-rf": "3", "m/" + strings.Repeat("n", 255): "4", "m/a\\b": "5"},
		script: script(`
			put 3 "ü→😀" 1 => ok
			put 3 " with spaces " 2 => ok
			put 3 -rf 3 => ok
			put 3 ` + strings.Repeat("n", 255) + ` 4 => ok
			put 3 ` + strings.Repeat("n", 256) + ` 4 => ENAMETOOLONG
			put 3 "a\\b" 5 => ok`),
	},
}

var readOnlyCases = []Case{
	{
		Name:   "ReadOnly/Changes",
		Why:    "every change through a read-only mount fails with EROFS, and nothing changes",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m", ReadOnly: true}}},
		files:  files{"m/a": "content", "m/d/": "", "m/l": linkTo + "a"},
		script: `
			open 3 new w creat => EROFS
			open 3 a w => EROFS
			open 3 a rw => EROFS
			open 3 a r trunc => EROFS
			open 3 a w append => EROFS
			open 3 l w => EROFS
			mkdir 3 new => EROFS
			rmdir 3 d => EROFS
			unlink 3 a => EROFS
			rename 3 a 3 b => EROFS
			link 3 a 3 b => EROFS
			symlink a 3 b => EROFS
			times 3 a 1 1 => EROFS
			raw fd_filestat_set_times 3 0 0 5 => EROFS|EBADF
			cat 3 a => "content"`,
	},
	{
		Name:   "ReadOnly/Reads",
		Why:    "a read-only mount can be read in every way",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m", ReadOnly: true}}},
		files:  files{"m/a": "content", "m/d/x": "y", "m/l": linkTo + "a"},
		script: `
			cat 3 a => "content"
			cat 3 d/x => "y"
			cat 3 l => "content"
			readlink 3 l => "a"
			ls 3 => a,d,l
			stat 3 a => file 7
			open 3 a r creat => ok|EROFS
			open 3 a r creat excl => EEXIST|EROFS
			open 3 a r => ok
			write $ x => !
			size $ 0 => !
			allocate $ 0 100 => !
			raw fd_filestat_set_times $ 0 0 5 => EROFS|EBADF|ENOTCAPABLE
			pread $ 0 3 => "con"`,
	},
	{
		Name:   "ReadOnly/BesideWritable",
		Why:    "read-only is each mount's own: a change across both is refused where the read-only one would change",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/r", Host: "r", ReadOnly: true}, {Guest: "/w", Host: "w"}}},
		files:  files{"r/a": "a", "w/b": "b"},
		after:  files{"w/c": "c"},
		script: `
			rename 3 a 4 a => EROFS|EXDEV
			rename 4 b 3 b => EROFS|EXDEV
			link 3 a 4 a => EROFS|EXDEV
			link 4 b 3 b => EROFS|EXDEV
			put 4 c c => ok
			put 3 c c => EROFS`,
	},
	{
		Name:   "ReadOnly/Root",
		Why:    "a file of a read-only mount stays as it is also through another mount's link to it",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "root"}, {Guest: "/ro", Host: "ro", ReadOnly: true}}},
		files:  files{"root/l": linkTo + "/ro/a", "root/ro/": "", "ro/a": "content"},
		script: `
			cat 3 l => "content"
			open 3 l w trunc => EROFS
			put 3 ro/new x => EROFS
			unlink 3 ro/a => EROFS
			rename 3 ro/a 3 stolen => EXDEV|EROFS
			times 3 l 1 1 => EROFS`,
	},
}
