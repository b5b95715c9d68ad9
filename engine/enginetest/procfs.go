package enginetest

import (
	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// procCases are attempts to escape through a procfs, which holds ways to the files and the memory of every process. Where
// the host has none they find nothing.
var procCases = []Case{
	{
		Name: "Escape/Proc",
		Why: "a guest reaches nothing outside its mounts: with the host's own / mounted, read-only, the files of /proc would show " +
			"the host's environment and lead through its descriptors past every hidden path",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "/", ReadOnly: true}}},
		script: `
				cat 3 proc/self/environ => !
				cat 3 proc/self/status => !
				cat 3 proc/self/root/etc/hostname => !
				cat 3 proc/1/environ => !
				cat 3 proc/self/fd/0 => !
				cat 3 proc/thread-self/environ => !
				cat 3 proc/sys/kernel/hostname => !
				cat 3 proc/../proc/self/environ => !
				open 3 proc/self/fd/3 dir => !
				open 3 proc/self/cwd dir => !
				open 3 proc/self/task dir => !
				cat 3 dev/fd/0 => !
				cat 3 dev/stdin => !`,
	},
	{
		Name: "Escape/ProcHidden",
		Why: "a guest reaches nothing outside its mounts: what is hidden would be reached through the root of a process, or through a " +
			"link from another mount",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "/", ReadOnly: true}, {Guest: "/m", Host: "m"}}},
		files:  outside.with(files{"m/l": linkTo + "/proc/self/root$DIR/outside/secret", "m/e": linkTo + "/proc/self/environ"}),
		prepare: func(t *trial) {
			t.cfg.Mounts = append(t.cfg.Mounts, wasi.Mount{Guest: t.path("outside"), Hidden: true})
		},
		also: []engine.Capability{engine.MountHidden, engine.MountNested},
		script: `
				cat 3 $DIR/outside/secret => !
				os.readfile $DIR/outside/secret => error
				cat 3 proc/self/root$DIR/outside/secret => !
				cat 4 l => !
				cat 4 e => !`,
	},
	escape("ProcBelow", "the host's / mounted in a place of its own would lead through /proc back to the host's names",
		nil, `
		cat 3 proc/self/environ => !
		cat 3 proc/self/root/etc/passwd => !
		cat 3 proc/self/cwd/case.go => !
		cat 3 proc/1/root/etc/passwd => !
		cat 3 tmp/../proc/self/environ => !
		open 3 proc/self dir => !
		open 3 proc dir => !
		os.readfile /host/proc/self/environ => error`).mounted(wasi.Mount{Guest: "/host", Host: "/"}),
	escape("ProcDescribed", "what cannot be opened on a procfs would be described, listed, read as a link or given another name",
		nil, `
		stat 3 proc/self/environ => !
		stat 3 proc/self/root nofollow => !
		stat 3 proc/1/cwd => !
		readlink 3 proc/self/exe => !
		readlink 3 proc/self/root => !
		readlink 3 proc/self/fd/0 => !
		open 3 proc/self/fd dir => !
		open 3 proc/self/map_files dir => !
		open 3 proc/self/ns/mnt => !
		link 3 proc/self/environ 4 e => !
		link 3 proc/self/root 4 r => !
		link 3 proc/self/exe 4 r follow => !
		rename 3 proc/self/environ 4 e => !
		ls 4 => a,d`).mounted(wasi.Mount{Guest: "/", Host: "/", ReadOnly: true}, wasi.Mount{Guest: "/m", Host: "m"}),
	escape("ProcWritten", "the host's settings would be written where the grant of / is writable",
		nil, `
		open 3 proc/self/comm w => !
		open 3 proc/thread-self/comm w => !
		open 3 proc/self/oom_score_adj rw => !
		open 3 proc/self/mem rw => !
		open 3 proc/self/coredump_filter w => !
		open 3 proc/self/attr/current w => !
		open 3 proc/sys/kernel/hostname w => !
		times 3 proc/self/comm 1 1 => !`).mounted(wasi.Mount{Guest: "/host", Host: "/"}),
	escape("ProcLinkOfGuest", "a link that the guest makes would go round the refusal of /proc",
		nil, `
		symlink /proc/self/environ 4 e => *
		symlink ../proc/self/root 4 r => *
		symlink /proc/self/fd 4 f => *
		symlink /dev/fd/0 4 s => *
		cat 4 e => !
		cat 3 m/e => !
		cat 4 r/etc/passwd => !
		cat 3 m/r/etc/passwd => !
		cat 4 f/0 => !
		open 3 m/f dir => !
		cat 3 m/s => !
		readlink 3 m/f/0 => !
		unlink 4 e => *
		unlink 4 r => *
		unlink 4 f => *
		unlink 4 s => *`).mounted(wasi.Mount{Guest: "/", Host: "/", ReadOnly: true}, wasi.Mount{Guest: "/m", Host: "m"}),
	escape("ProcLinkInImage", "links of an image to a process's root, directory and descriptors would be the host's own",
		procLinks, procLinksFail),
	escape("ProcLinkInRoot", "links of a root file system to a process's root, directory and descriptors would be the host's own",
		procLinks, procLinksFail).mounted(wasi.Mount{Guest: "/", Host: "m"}),
	escape("ProcGranted", "a directory of a procfs, granted by name, would hand over by its links what those lead to",
		nil, `
		cat 3 root/etc/passwd => !
		cat 3 cwd/case.go => !
		open 3 root dir => !
		open 3 cwd dir => !
		open 3 root/ dir => !
		open 3 cwd/. dir => !
		open 3 exe => !
		cat 3 fd/0 => !
		cat 3 task/../root/etc/passwd => !
		cat 3 ../1/environ => !
		cat 3 ../../etc/passwd => !`).placed("/proc/self", true),
	escape("ProcOfAll", "the whole procfs, granted by name, would lead to the trees of all processes",
		nil, `
		cat 3 self/root/etc/passwd => !
		open 3 self/root dir => !
		open 3 self/cwd dir => !
		open 3 1/root dir => !
		open 3 1/cwd dir => !
		open 3 thread-self/root dir => !
		cat 3 self/fd/0 => !
		cat 3 ../etc/passwd => !`).placed("/proc", true),
	escape("ProcCovered", "a mount in a place on the host's procfs would open a way to what is beside it",
		nil, `
		cat 3 proc/self/m/a => "inside"
		cat 3 proc/self/environ => !
		cat 3 proc/self/m/../environ => !
		cat 3 proc/self/m/../root/etc/passwd => !
		cat 4 ../environ => !
		open 3 proc/1/root dir => !
		cat 3 proc/self/fd/0 => !`).mounted(wasi.Mount{Guest: "/", Host: "/", ReadOnly: true}, wasi.Mount{Guest: "/proc/self/m", Host: "m"}),
}

var procLinks = files{
	"m/root": linkTo + "/proc/self/root", "m/one": linkTo + "/proc/1/root", "m/cwd": linkTo + "/proc/self/cwd",
	"m/thread": linkTo + "/proc/thread-self/root", "m/fd": linkTo + "/proc/self/fd", "m/devfd": linkTo + "/dev/fd",
	"m/stdin": linkTo + "/dev/stdin", "m/zero": linkTo + "/proc/self/fd/0", "m/environ": linkTo + "/proc/self/environ",
	"m/rel": linkTo + "../../../../../../../../../../../../proc/self/root", "m/exe": linkTo + "/proc/self/exe",
}

const procLinksFail = `
	cat 3 root$DIR/outside/secret => !
	cat 3 one$DIR/outside/secret => !
	cat 3 thread$DIR/outside/secret => !
	cat 3 rel$DIR/outside/secret => !
	open 3 root dir => !
	open 3 one/ dir => !
	open 3 cwd dir => !
	open 3 fd dir => !
	open 3 devfd dir => !
	cat 3 fd/0 => !
	cat 3 devfd/0 => !
	cat 3 stdin => !
	cat 3 zero => !
	cat 3 environ => !
	open 3 exe => !
	open 3 zero w => !
	put 3 environ x => !`

// placed is the case with one mount at /m, of a place of the host's own.
func (c Case) placed(host string, readOnly bool) Case {
	c.config.Mounts = []wasi.Mount{{Guest: "/m", Host: "m", ReadOnly: readOnly}}
	c.prepare = func(t *trial) { t.cfg.Mounts[0].Host = host }
	return c
}
