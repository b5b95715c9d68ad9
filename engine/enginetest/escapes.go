package enginetest

import (
	"strings"

	"github.com/wasmoci/wasmoci/wasi"
)

// outside are files beside the mount, at m. No escape may read the canary or change anything.
var outside = files{
	"outside/secret": canary, "outside/dir/secret": canary,
	"m/a": "inside", "m/d/b": "inside",
}

// escape is an attempt to leave the mount /m.
func escape(name, reach string, within files, s script) Case {
	return Case{
		Name:   "Escape/" + name,
		Why:    "a guest reaches nothing outside its mounts: " + reach,
		config: oneMount,
		files:  outside.with(within),
		script: s,
	}
}

var escapeCases = []Case{
	escape("AbsoluteLink", "an absolute link of the host would lead to a file beside the mount",
		files{"m/l": linkTo + "$DIR/outside/secret"}, `
			cat 3 l => !
			stat 3 l => !
			open 3 l w => !
			open 3 l w trunc => !`),
	escape("RelativeLink", "a relative link would lead out through '..'",
		files{"m/l": linkTo + "../outside/secret", "m/d/l": linkTo + "../../outside/secret"}, `
			cat 3 l => !
			cat 3 d/l => !
			stat 3 l => !
			open 3 l rw => !`),
	escape("LinkChain", "the third link of a chain would lead out",
		files{"m/l1": linkTo + "l2", "m/l2": linkTo + "d/l3", "m/d/l3": linkTo + "../../outside/secret"}, `
			cat 3 l1 => !
			cat 3 l2 => !
			cat 3 d/l3 => !`),
	escape("LinkedDirectory", "a link to a directory outside, in the middle of a path, would lead out",
		files{"m/l": linkTo + "../outside", "m/abs": linkTo + "$DIR/outside"}, `
			cat 3 l/secret => !
			cat 3 l/dir/secret => !
			cat 3 abs/secret => !
			stat 3 l/secret => !
			open 3 l dir => !
			open 3 l/ dir => !
			open 3 l/. dir => !
			open 3 abs/dir dir => !
			readlink 3 l/x => !`),
	escape("LinkToParent", "a link to the mount's own parent would lead to what is beside the mount",
		files{"m/l": linkTo + "..", "m/abs": linkTo + "$DIR", "m/d/l": linkTo + "../.."}, `
			cat 3 l/outside/secret => !
			cat 3 abs/outside/secret => !
			cat 3 d/l/outside/secret => !`),
	escape("LinkThenDotDot", "'..' behind a link to a directory outside would be that directory's parent",
		files{"m/l": linkTo + "../outside/dir", "m/in": linkTo + "d"}, `
			cat 3 l/../secret => !
			cat 3 l/../../outside/secret => !
			cat 3 in/../../outside/secret => !
			cat 3 in/../a => "inside"`),
	escape("GuestLink", "a link that the guest makes itself would lead out",
		nil, `
			symlink ../outside/secret 3 l => *
			cat 3 l => !
			unlink 3 l => *
			symlink $DIR/outside 3 l => *
			cat 3 l/secret => !
			unlink 3 l => *
			symlink ../../outside/secret 3 d/l => *
			cat 3 d/l => !
			unlink 3 d/l => *`),
	escape("LinkMovedUp", "a link that is harmless where it was made would lead out after a rename",
		nil, `
			mkdir 3 d/e => ok
			symlink ../outside/secret 3 d/e/l => *
			rename 3 d/e/l 3 l => *
			cat 3 l => !
			unlink 3 l => *
			unlink 3 d/e/l => *
			rmdir 3 d/e => ok`),
	escape("DotDot", "'..' at any place of a path would lead to what is beside the mount",
		nil, `
			cat 3 ../outside/secret => !
			cat 3 ./../outside/secret => !
			cat 3 d/../../outside/secret => !
			cat 3 d/.././../outside/secret => !
			cat 3 ../m/../outside/secret => !
			cat 3 d//..//..//outside//secret => !
			cat 3 ../../../../../../../../../../../../../../../../../../..$DIR/outside/secret => !
			stat 3 ../outside => !
			open 3 ../outside dir => !`),
	escape("DotDotDeep", "a thousand '..' would lead to the host's root",
		nil, script(`cat 3 `+strings.Repeat("../", 1000)+`etc/hostname => !
			cat 3 d/`+strings.Repeat("../", 1000)+`$DIR/outside/secret => !`)),
	escape("DotDotFromDirectory", "'..' from a directory opened within the mount would lead out of it",
		nil, `
			open 3 d dir => ok
			cat $ ../../outside/secret => !
			cat $ ../../../outside/secret => !
			open $ ../.. dir => *
			cat $ outside/secret => !
			cat $ ../outside/secret => !`),
	escape("AbsolutePath", "an absolute path would be the host's",
		nil, `
			cat 3 $DIR/outside/secret => !
			cat 3 //$DIR/outside/secret => !
			cat 3 /../$DIR/outside/secret => !
			open 3 / dir => !
			stat 3 $DIR/outside => !
			mkdir 3 $DIR/outside/new => !
			put 3 $DIR/outside/new x => !
			rename 3 a 3 $DIR/outside/stolen => !
			unlink 3 $DIR/outside/secret => !`),
	escape("NUL", "what follows a NUL byte would be checked, and what precedes it opened",
		files{"m/l": linkTo + "../outside/secret"}, `
			cat 3 "l\x00/../a" => !
			cat 3 "../outside/secret\x00a" => !
			cat 3 "a\x00" => EINVAL|EILSEQ|ENOENT
			put 3 "new\x00" x => !
			mkdir 3 "new\x00dir" => !
			symlink "a\x00b" 3 l2 => !
			symlink a 3 "l2\x00" => !
			rename 3 a 3 "b\x00" => !
			unlink 3 "a\x00" => !`),
	escape("Encoding", "other spellings of '..' and '/' would be taken for them",
		nil, `
			cat 3 "..\\outside\\secret" => !
			cat 3 %2e%2e/outside/secret => !
			cat 3 "\xc0\xae\xc0\xae/outside/secret" => !
			cat 3 "．．/outside/secret" => !
			cat 3 "..;/outside/secret" => !`),
	escape("HardLink", "a hard link would give a file outside a name inside",
		files{"m/l": linkTo + "../outside/secret"}, `
			link 3 ../outside/secret 3 h => !
			link 3 l 3 h follow => !
			link 3 l 3 h => *
			cat 3 h => !
			unlink 3 h => *
			link 3 $DIR/outside/secret 3 h => !`),
	escape("HardLinkOut", "a hard link would carry a file of the mount out of it",
		files{"m/l": linkTo + "../outside"}, `
			link 3 a 3 ../outside/stolen => !
			link 3 a 3 l/stolen => !`),
	escape("RenameOut", "a rename would carry a file out",
		files{"m/l": linkTo + "../outside"}, `
			rename 3 a 3 ../outside/stolen => !
			rename 3 a 3 l/stolen => !
			rename 3 d 3 ../stolen => !
			rename 3 . 3 ../moved => !
			rename 3 a 3 .. => !`),
	escape("RenameIn", "a rename would carry a file in",
		files{"m/l": linkTo + "../outside"}, `
			rename 3 ../outside/secret 3 s => !
			rename 3 l/secret 3 s => !
			rename 3 ../outside 3 o => !`),
	escape("ChangeThroughLink", "what changes a directory would change one outside, through a link to it",
		files{"m/l": linkTo + "../outside"}, `
			mkdir 3 l/new => !
			put 3 l/new x => !
			symlink x 3 l/new => !
			unlink 3 l/secret => !
			rmdir 3 l/dir => !
			rename 3 l/secret 3 l/other => !
			times 3 l/secret 1 1 => !
			open 3 l/secret w trunc => !`),
	escape("CreateThroughDanglingLink", "creating a file would follow a link to a name outside that does not exist yet",
		files{"m/l": linkTo + "../outside/new", "m/abs": linkTo + "$DIR/outside/new"}, `
			put 3 l x => !
			open 3 l w creat => !
			open 3 l w creat excl => !
			open 3 l w creat trunc nofollow => !
			put 3 abs x => !
			mkdir 3 l => !`),
	escape("TimesThroughLink", "setting times would follow a link to a file outside",
		files{"m/l": linkTo + "../outside/secret"}, `
			times 3 l 1 1 => !`),
	escape("ListThroughLink", "listing would follow a link to a directory outside",
		files{"m/l": linkTo + "../outside"}, `
			open 3 l dir nofollow => !
			open 3 l r nofollow => !
			open 3 l dir => !
			open 3 d/../../outside dir => !
			ls 3 => a,d,l`),
	escape("Preopen", "the mount's own descriptor would be replaced by a wider one",
		nil, `
			open 3 .. dir => *
			cat $ outside/secret => !
			renumber 0 3 => *
			cat 3 ../outside/secret => !`),
	escape("LinkLoop", "a loop of links would never end",
		files{"m/l1": linkTo + "l2/x", "m/l2": linkTo + "l1/y", "m/self": linkTo + "self"}, `
			cat 3 l1 => ELOOP
			cat 3 self => ELOOP
			cat 3 self/../a => ELOOP`),
	{
		Name:   "Escape/ReadOnlyLink",
		Why:    "a guest reaches nothing outside its mounts: a link in a read-only mount would lead out",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: "m", ReadOnly: true}}},
		files: outside.with(files{
			"m/l": linkTo + "../outside/secret", "m/ld": linkTo + "../outside", "m/new": linkTo + "../outside/new",
		}),
		script: `
				cat 3 l => !
				cat 3 ld/secret => !
				cat 3 ld/dir/secret => !
				put 3 new x => !
				unlink 3 ld/secret => !
				cat 3 ../outside/secret => !`,
	},
	{
		Name: "Escape/NestedMount",
		Why:  "a guest reaches nothing outside its mounts: '..' and links in a nested mount would lead to its host's parent",
		config: wasi.Config{Mounts: []wasi.Mount{
			{Guest: "/m", Host: "m"}, {Guest: "/m/n", Host: "outside/dir"}, {Guest: "/m/e", Host: "outside/empty"},
		}},
		files: files{
			"outside/secret": canary, "outside/dir/ok": "ok", "outside/empty/": "", "m/a": "inside",
			"outside/dir/l": linkTo + "../secret", "outside/dir/abs": linkTo + "$DIR/outside/secret",
			"m/l": linkTo + "n/../../outside/secret", "m/l2": linkTo + "n/l",
		},
		script: `
				cat 3 n/ok => "ok"
				cat 3 n/../secret => !
				cat 3 n/l => !
				cat 3 n/abs => !
				cat 4 l => !
				cat 4 ../secret => !
				cat 4 ../../outside/secret => !
				cat 3 l => !
				cat 3 l2 => !
				rename 4 ok 3 ../stolen => !
				cat 3 e/../../outside/secret => !`,
	},
	{
		Name: "Escape/RootMount",
		Why: "a guest reaches nothing outside its mounts: with a mount at / the names of the host's root would be taken for the " +
			"guest's",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "m"}}},
		files: outside.with(files{
			"m/l": linkTo + "../outside/secret", "m/abs": linkTo + "$DIR/outside/secret", "m/up": linkTo + "/..",
			"m/p": linkTo + "/proc/self/root$DIR/outside/secret",
		}),
		script: `
				cat 3 l => ENOENT
				cat 3 abs => ENOENT
				cat 3 up/outside/secret => ENOENT
				cat 3 p => ENOENT
				cat 3 $DIR/outside/secret => !
				cat 3 ../../../$DIR/outside/secret => !
				os.readfile $DIR/outside/secret => error
				os.readfile /../../outside/secret => error`,
	},
}
