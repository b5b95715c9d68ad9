package enginetest

import "github.com/wasmoci/wasmoci/wasi"

// tmpfsCases are attempts to escape from a file system that exists in memory alone.
var tmpfsCases = []Case{
	escape("TmpfsLink", "a link in a file system in memory would be looked up on the host",
		nil, `
		symlink $DIR/outside/secret 3 l => *
		symlink ../outside/secret 3 rel => *
		symlink /proc/self/root 3 proc => *
		symlink .. 3 up => *
		cat 3 l => !
		cat 3 rel => !
		cat 3 up/outside/secret => !
		cat 3 proc$DIR/outside/secret => !
		put 3 l x => !
		open 3 proc dir => !
		open 3 up dir => !`).mounted(wasi.Mount{Guest: "/m", Tmpfs: &wasi.Tmpfs{}}),
	escape("TmpfsDotDot", "'..' in a file system in memory would be a directory of the host",
		nil, `
		mkdir 3 d => ok
		mkdir 3 d/e => ok
		cat 3 ../outside/secret => !
		cat 3 d/../../outside/secret => !
		cat 3 d/e/../../..$DIR/outside/secret => !
		open 3 d/e dir => ok
		rename 3 d/e 3 e => ok
		cat $ ../../outside/secret => !
		rmdir 3 e => ok
		cat $ ../../outside/secret => !
		open $ .. dir => !
		open 3 .. dir => !`).mounted(wasi.Mount{Guest: "/m", Tmpfs: &wasi.Tmpfs{}}),
	escape("TmpfsCovers", "what a file system in memory covers would be read or changed by its names",
		files{"m/d/secret": canary}, `
		cat 3 d/secret => ENOENT
		cat 4 secret => ENOENT
		put 3 d/secret mine => ok
		cat 4 secret => "mine"
		put 4 b mine => ok
		rename 3 d 3 moved => !
		rmdir 3 d => !
		rename 3 a 3 d/a => EXDEV
		link 3 a 3 d/a => EXDEV
		rename 3 d/secret 3 out => EXDEV
		link 3 d/secret 3 out => EXDEV
		ls 4 => b,secret`).mounted(wasi.Mount{Guest: "/", Host: "m"}, wasi.Mount{Guest: "/d", Tmpfs: &wasi.Tmpfs{}}),
}
