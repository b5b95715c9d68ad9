package enginetest

import (
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// pathCases are attempts to escape by the text of a path alone.
var pathCases = []Case{
	escape("DotDotAtEnd", "'..' at the end of a path, where no name follows, would be the mount's own parent",
		nil, `
		open 3 .. dir => !
		open 3 ../ dir => !
		open 3 ../. dir => !
		open 3 d/../.. dir => !
		open 3 d/../../ dir => !
		open 3 d/./../.. dir nofollow => !
		stat 3 .. => !
		stat 3 d/../.. nofollow => !
		times 3 .. 1 1 => !
		readlink 3 .. => !
		mkdir 3 .. => !
		rmdir 3 .. => !
		unlink 3 .. => !
		rename 3 .. 3 stolen => !
		rename 3 d 3 .. => !
		link 3 .. 3 h => !
		symlink x 3 .. => !`),
	escape("DotDotForEveryCall", "a call of its own would be less careful about '..' than open is",
		nil, `
		mkdir 3 ../outside/new => !
		rmdir 3 ../outside/dir => !
		unlink 3 ../outside/secret => !
		symlink x 3 ../outside/new => !
		readlink 3 ../outside/secret => !
		stat 3 d/../../outside/secret => !
		times 3 d/../../outside/secret 1 1 => !
		link 3 a 3 d/../../outside/new => !
		link 3 d/../../outside/secret 3 h => !
		rename 3 d/../../outside/secret 3 s => !
		rename 3 a 3 d/../../outside/new => !
		open 3 ../outside/secret w trunc => !
		open 3 ../outside/new w creat excl => !`),
	escape("DotDotThroughNothing", "'..' behind a name that is missing, or no directory, would be taken away in the text",
		nil, `
		cat 3 none/../a => ENOENT
		cat 3 none/../../outside/secret => ENOENT
		cat 3 a/../a => ENOTDIR
		cat 3 a/../../outside/secret => ENOTDIR
		mkdir 3 none/../../outside/new => !
		put 3 a/../new x => !`),
	escape("DotDotFromRoot", "with a mount at /, '..' from it would be the parent of the mounted directory",
		nil, `
		cat 3 ../outside/secret => !
		cat 3 d/../../outside/secret => !
		cat 3 ../../../../..$DIR/outside/secret => !
		open 3 .. dir => *
		cat $ outside/secret => !
		os.readfile /../outside/secret => error
		os.readfile /d/../../outside/secret => error
		os.readdir /.. => a,d ; component: error`).mounted(wasi.Mount{Guest: "/", Host: "m"}),
	escape("DotDotBetweenMounts", "'..' from one mount would lead to what is beside it on the host, not in the guest's tree",
		nil, `
		cat 3 x/../secret => ENOENT
		cat 3 x/y/../../secret => ENOENT
		cat 4 ../secret => !
		cat 4 y/../../secret => !
		open 3 x dir => ok
		cat $ ../secret => !
		cat 3 x/../a => "inside"`).mounted(wasi.Mount{Guest: "/", Host: "m"}, wasi.Mount{Guest: "/x", Host: "outside/dir"}).
		having(files{"outside/dir/y/ok": "ok"}),
	escape("Lookalikes", "a name that looks like '..' would be taken for it",
		nil, `
		cat 3 .../outside/secret => ENOENT
		cat 3 "../ outside/secret" => !
		cat 3 ".. /outside/secret" => ENOENT
		cat 3 " ../outside/secret" => ENOENT
		cat 3 "..\t/outside/secret" => ENOENT
		cat 3 "..\n/outside/secret" => ENOENT
		cat 3 "..\u200b/outside/secret" => ENOENT
		cat 3 "\u2024\u2024/outside/secret" => ENOENT
		cat 3 "..\u2215outside\u2215secret" => ENOENT
		cat 3 C:/outside/secret => ENOENT
		cat 3 "\\\\?\\C:\\outside\\secret" => ENOENT
		cat 3 a::$DATA => ENOENT
		cat 3 ~/outside/secret => ENOENT`),
	escape("LongPath", "what lies beyond the longest path would not be looked at",
		nil, script(`cat 3 `+strings.Repeat("d/../", 2000)+`../outside/secret => !
			cat 3 `+strings.Repeat("./", 4000)+`../outside/secret => !
			cat 3 `+strings.Repeat("/", 5000)+`$DIR/outside/secret => !
			cat 3 `+strings.Repeat("x", 256)+`/../../outside/secret => !
			cat 3 d/`+strings.Repeat("x", 5000)+` => ENAMETOOLONG
			put 3 `+strings.Repeat("x", 300)+` x => ENAMETOOLONG
			cat 3 `+strings.Repeat("d/../", 300)+`a => "inside"`)),
	escape("OverMount", "the mount itself would be replaced, removed or carried away, and what is around it with it",
		nil, `
		rename 3 . 3 d/x => !
		rename 3 . 3 ../carried => !
		rename 3 d 3 . => !
		rmdir 3 . => !
		unlink 3 . => !
		rmdir 3 d/.. => !
		rename 3 d/.. 3 x => !
		rename 3 d 3 d/.. => !
		rename 3 d 3 d/x => !
		link 3 . 3 x => !
		symlink ../outside 3 . => !
		ls 3 => a,d`),
}

// having is the case with more files.
func (c Case) having(more files) Case {
	c.files = c.files.with(more)
	return c
}
