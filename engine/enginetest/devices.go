package enginetest

import "github.com/wasmoci/wasmoci/wasi"

// deviceCases are attempts to escape through the devices of the host. Where it has none they find nothing.
var deviceCases = []Case{
	{
		Name:   "Escape/Devices",
		Why:    "a guest reaches nothing outside its mounts: devices of the host would give it the host's memory, disks and terminals",
		config: wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "/", ReadOnly: true}}},
		script: `
				cat 3 dev/mem => !
				cat 3 dev/kmsg => !
				cat 3 dev/tty => !
				cat 3 dev/ptmx => !
				cat 3 dev/vda => !
				cat 3 dev/sda => !
				cat 3 dev/loop-control => !`,
	},
	escape("DevicesGranted", "the directory of the host's devices would give what acts, and not only what is harmless",
		nil, `
		cat 3 mem => !
		cat 3 port => !
		cat 3 kmsg => !
		cat 3 tty => !
		cat 3 tty0 => !
		cat 3 console => !
		cat 3 ptmx => !
		cat 3 pts/ptmx => !
		cat 3 fuse => !
		cat 3 net/tun => !
		cat 3 fd/0 => !
		cat 3 stdin => !`).placed("/dev", true),
	escape("DevicesWritten", "the devices of the host would be written, made or removed where the grant of them is writable",
		nil, `
		open 3 mem rw => !
		open 3 kmsg w => !
		open 3 tty w => !
		open 3 console w => !
		open 3 ptmx rw => !
		open 3 fuse rw => !
		open 3 stdout w => !
		open 3 stderr w => !`).placed("/dev", false),
	escape("DevicesLinked", "links of an image to the host's devices would be devices",
		files{"m/tty": linkTo + "/dev/tty", "m/mem": linkTo + "/dev/mem", "m/null": linkTo + "../../../../../../../../dev/null"}, `
		cat 3 tty => !
		cat 3 mem => !
		cat 3 null => !
		open 3 tty w => !
		put 3 mem x => !
		stat 3 null => !`),
}
