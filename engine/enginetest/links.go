package enginetest

import (
	"fmt"
	"os"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// linkCases are attempts to escape by links, and by what the guest or the host makes of names meanwhile.
var linkCases = []Case{
	escape("LinkCounted", "'..' counted in the text of a path, not in the tree, would be one too few behind a link that goes up",
		files{"m/d/e/top": linkTo + "../..", "m/x": linkTo + "d/e", "m/l": linkTo + "x/../../../outside/secret"}, `
		cat 3 d/e/top/../outside/secret => !
		cat 3 d/e/top/a => "inside"
		cat 3 l => !
		cat 3 x/../../../outside/secret => !`),
	escape("LinkToItself", "a link to '.' would make a path look deeper than it is",
		files{"m/l": linkTo + "."}, `
		cat 3 l/l/l/a => "inside"
		cat 3 l/l/l/../outside/secret => !
		cat 3 l/l/../../outside/secret => !
		open 3 l/.. dir => !`),
	escape("LinkBeforeSlash", "a slash or a dot behind a link would make a call follow it that does not",
		files{"m/l": linkTo + "../outside", "m/f": linkTo + "../outside/dir"}, `
		stat 3 l/ nofollow => !
		stat 3 l/. nofollow => !
		open 3 l/ dir nofollow => !
		open 3 l// dir nofollow => !
		readlink 3 l/ => !
		mkdir 3 l/ => !
		rmdir 3 f/ => !
		rmdir 3 f/. => !
		unlink 3 l/secret/ => !
		times 3 l/ 1 1 => !
		rename 3 f/ 3 stolen => !
		rename 3 d 3 l/ => !
		link 3 a 3 l/ => !`),
	escape("LinkChainTooLong", "a chain longer than is followed would be taken up again where it was left",
		chain(60), `
		cat 3 l0 => ELOOP
		open 3 l0 w trunc => ELOOP
		cat 3 l30 => !
		cat 3 l59 => !`),
	escape("LinkDoubling", "a link that names itself many times would keep the host busy without end",
		files{"m/l": linkTo + strings.Repeat("l/", 8) + "l", "m/up": linkTo + strings.Repeat("up/../", 40) + "outside/secret"}, `
		cat 3 l => ELOOP
		cat 3 up => ELOOP`),
	escape("LinkUnderTwoNames", "a hard link to a link would lead out where the link itself does not",
		files{"m/d/e/l": linkTo + "../../outside/secret"}, `
		link 3 d/e/l 3 h => *
		link 3 d/e/l 3 d/h => *
		cat 3 h => !
		cat 3 d/h => !
		unlink 3 h => *
		unlink 3 d/h => *`),
	escape("LinkMovedWithItsDirectory", "a link that is harmless where it stands would lead out once its directory is higher up",
		files{"m/d/e/f/l": linkTo + "../../../outside/secret"}, `
		rename 3 d/e/f 3 f => ok
		cat 3 f/l => !
		open 3 f dir => ok
		cat $ l => !
		rename 3 f 3 d/e/f => ok`),
	escape("DirectoryReplacedByLink", "a name that was a directory would be taken for one still, when the guest has made a link of it",
		nil, `
		open 3 d dir => ok
		set d
		rename 3 d 3 kept => ok
		symlink ../outside 3 d => ok
		cat 3 d/secret => !
		cat 3 d/dir/secret => !
		put 3 d/new x => !
		cat $d b => "inside"
		cat $d ../outside/secret => !
		unlink 3 d => ok
		rename 3 kept 3 d => ok`),
	escape("OpenDirectoryMovedUp", "an open directory would count its '..' from where it was opened, not from where it is",
		files{"m/d/e/f/x": "x"}, `
		open 3 d/e dir => ok
		rename 3 d/e 3 e => ok
		cat $ f/x => "x"
		cat $ ../../outside/secret => !
		cat $ ../outside/secret => !
		cat $ f/../../../outside/secret => !
		rename 3 e 3 d/e => ok`),
	escape("OpenDirectoryRemoved", "an open directory that is gone would have the host's root for a parent",
		nil, `
		mkdir 3 d/e => ok
		open 3 d/e dir => ok
		rmdir 3 d/e => ok
		cat $ ../a => !
		cat $ ../../../outside/secret => !
		open $ .. dir => !
		put $ new x => !
		mkdir $ new => !
		symlink x $ new => !`),
	escape("RootLinkAbove", "with a mount at /, a link with more '..' than there are parents would go on above it",
		files{"m/d/l": linkTo + strings.Repeat("../", 60) + "$DIR/outside/secret", "m/ok": linkTo + strings.Repeat("../", 60) + "a"}, `
		cat 3 ok => "inside"
		cat 3 d/l => !
		put 3 d/l x => !
		os.readfile /d/l => error`).mounted(wasi.Mount{Guest: "/", Host: "m"}),
	escape("LinkIntoReadOnly", "a link in a writable mount would lead into a read-only one, to be written by the first one's leave",
		nil, `
		symlink /ro/secret 3 l => ok
		symlink ro 3 ld => ok
		open 3 l w => EROFS
		open 3 l w trunc => EROFS
		put 3 ld/new x => EROFS
		unlink 3 ld/secret => EROFS
		rename 3 ld/secret 3 stolen => !
		times 3 l 1 1 => EROFS
		unlink 3 l => ok
		unlink 3 ld => ok`).mounted(wasi.Mount{Guest: "/", Host: "m"}, wasi.Mount{Guest: "/ro", Host: "outside/dir", ReadOnly: true}),
	escape("HardLinkFromReadOnly", "a hard link would give what may only be read a name that may be written",
		nil, `
		link 4 secret 3 h => EXDEV|EROFS
		link 4 dir/secret 3 h => EXDEV|EROFS
		rename 4 secret 3 h => EXDEV|EROFS
		rename 3 a 4 a => EXDEV|EROFS
		link 3 a 4 a => EXDEV|EROFS
		stat 3 h => ENOENT`).mounted(wasi.Mount{Guest: "/m", Host: "m"}, wasi.Mount{Guest: "/r", Host: "outside", ReadOnly: true}),
	escape("ReadOnlyTwin", "one directory mounted twice would be written through the read-only name by way of the other",
		nil, `
		symlink ../r/a 3 l => *
		open 3 l w => !
		unlink 3 l => *
		open 4 a w => EROFS
		link 4 a 3 h => EXDEV|EROFS
		open 4 d dir => ok
		set d
		put $d b x => EROFS
		put $d ../a x => !
		rename $d b 3 b => EXDEV|EROFS`).mounted(wasi.Mount{Guest: "/m", Host: "m"}, wasi.Mount{Guest: "/r", Host: "m", ReadOnly: true}),
	escape("MountBeneathLink", "a mount beneath a name that is a link in the image would make the link a way out",
		files{"m/data": linkTo + "../outside", "in/x": "x"}, `
		cat 3 data/x/x => "x"
		cat 3 data/secret => ENOENT
		cat 3 data/dir/secret => ENOENT
		cat 3 data/x/../secret => ENOENT
		put 3 data/new x => !
		cat 4 ../secret => !`).mounted(wasi.Mount{Guest: "/", Host: "m"}, wasi.Mount{Guest: "/data/x", Host: "in"}),
	escape("MountPointMoved", "what a mount covers would be laid open by a rename of the place that it covers, or of one above it",
		files{"m/up/point/secret": canary, "in/x": "x"}, `
		cat 3 up/point/x => "x"
		cat 3 up/point/secret => ENOENT
		rename 3 up/point 3 moved => !
		rename 3 up 3 moved => !
		rmdir 3 up/point => !
		rename 3 d 3 up/point => !
		cat 3 moved/secret => ENOENT
		cat 3 moved/point/secret => ENOENT`).mounted(wasi.Mount{Guest: "/", Host: "m"}, wasi.Mount{Guest: "/up/point", Host: "in"}),
	escape("HiddenMoved", "what is hidden would be laid open by a rename, by a link or from a directory above it",
		files{"m/up/hidden/secret": canary}, `
		rename 3 up 3 moved => !
		rename 3 up/hidden 3 moved => !
		symlink up/hidden 3 l => ok
		cat 3 l/secret => ENOENT
		open 3 up dir => ok
		cat $ hidden/secret => ENOENT
		cat $ ../up/hidden/secret => !
		ls $
		link $ hidden/secret 3 h => !
		unlink 3 l => ok`).mounted(wasi.Mount{Guest: "/m", Host: "m"}, wasi.Mount{Guest: "/m/up/hidden", Hidden: true}),
	{
		Name:   "Escape/HostMovesOpenDirectory",
		Why:    "a guest reaches nothing outside its mounts: a directory that the host moves out while it is open would have a new parent",
		config: oneMount,
		files:  outside.with(files{"m/d/e/f/x": "x"}),
		after:  files{"m/d/e/f/x": gone, "outside/e/f/x": "x"},
		script: `
			open 3 d/e dir => ok
			set e
			open 3 d/e/f dir => ok
			set f
			print 2 ready
			read 0 1 => "x"
			cat $e f/x => "x"
			cat $e ../secret => !
			cat $e f/../../secret => !
			cat $f ../../secret => !
			cat $f ../../dir/secret => !
			put $f ../../new x => !
			cat 3 d/e/f/x => ENOENT`,
		drive: meanwhile(func(t *trial) error { return os.Rename(t.path("m/d/e"), t.path("outside/e")) }),
	},
	{
		Name:   "Escape/HostReplacesDirectory",
		Why:    "a guest reaches nothing outside its mounts: a link that the host puts where a directory was open would be followed",
		config: oneMount,
		files:  outside,
		after:  files{"m/d/b": gone, "m/kept/b": "inside", "m/d": linkTo + "../outside"},
		script: `
			open 3 d dir => ok
			print 2 ready
			read 0 1 => "x"
			cat $ b => "inside"
			cat $ ../d/secret => !
			cat 3 d/secret => !
			put 3 d/new x => !
			open 3 d dir => !`,
		drive: meanwhile(func(t *trial) error {
			if err := os.Rename(t.path("m/d"), t.path("m/kept")); err != nil {
				return err
			}
			return os.Symlink("../outside", t.path("m/d"))
		}),
	},
	{
		Name: "Escape/HostMovesMountPoint",
		Why: "a guest reaches nothing outside its mounts: what a mount covers would be laid open when the host gives the covered place " +
			"another name",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "m"}, {Guest: "/point", Host: "in"}}},
		files:  outside.with(files{"m/point/secret": canary, "in/x": "x"}),
		after:  files{"m/point/secret": gone, "m/moved/secret": canary},
		script: `
			cat 3 point/x => "x"
			print 2 ready
			read 0 1 => "x"
			cat 3 moved/secret => ENOENT
			cat 3 point/secret => ENOENT
			cat 3 d/../moved/secret => ENOENT`,
		drive: meanwhile(func(t *trial) error { return os.Rename(t.path("m/point"), t.path("m/moved")) }),
	},
}

// mounted is the case with other mounts.
func (c Case) mounted(mounts ...wasi.Mount) Case {
	c.config.Mounts = mounts
	for _, m := range mounts {
		if m.Hidden {
			c.also = append(c.also, engine.MountHidden)
		}
	}
	return c
}

// chain is so many links in a row, the last of which leads out.
func chain(links int) files {
	f := files{}
	for i := range links {
		f[fmt.Sprintf("m/l%d", i)] = fmt.Sprint(linkTo, "l", i+1)
	}
	f[fmt.Sprint("m/l", links)] = linkTo + "../outside/secret"
	return f
}
