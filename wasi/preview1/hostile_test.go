//go:build linux

package preview1

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// honest are arguments with which each function that takes a pointer reads or writes memory, and what they are: p is a
// pointer, n the length or count that belongs to the pointer before it, . anything else.
func honest(g *guest) map[string]struct {
	kinds string
	args  []uint64
} {
	name, nameLen := g.put("file")
	other, otherLen := g.put("other")
	link, linkLen := g.put("link")
	buf, result := g.room(64), g.room(64)
	vectors, _ := g.iovecs(buf, 8, buf+8, 8)
	subs := g.lay(after(0), readable(stdin))
	events := g.room(64)
	file := g.open("file", opening{base: fileRights})
	return map[string]struct {
		kinds string
		args  []uint64
	}{
		"args_get":                {"pp", []uint64{buf, result}},
		"args_sizes_get":          {"pp", []uint64{buf, result}},
		"environ_get":             {"pp", []uint64{buf, result}},
		"environ_sizes_get":       {"pp", []uint64{buf, result}},
		"clock_res_get":           {".p", []uint64{0, result}},
		"clock_time_get":          {"..p", []uint64{0, 0, result}},
		"fd_fdstat_get":           {".p", []uint64{file, result}},
		"fd_filestat_get":         {".p", []uint64{file, result}},
		"fd_pread":                {".pn.p", []uint64{file, vectors, 2, 0, result}},
		"fd_prestat_get":          {".p", []uint64{root, result}},
		"fd_prestat_dir_name":     {".p.", []uint64{locked, buf, 64}},
		"fd_pwrite":               {".pn.p", []uint64{file, vectors, 2, 0, result}},
		"fd_read":                 {".pnp", []uint64{file, vectors, 2, result}},
		"fd_readdir":              {".pn.p", []uint64{root, buf, 64, 0, result}},
		"fd_seek":                 {"...p", []uint64{file, 0, 0, result}},
		"fd_tell":                 {".p", []uint64{file, result}},
		"fd_write":                {".pnp", []uint64{file, vectors, 2, result}},
		"path_create_directory":   {".pn", []uint64{root, other, otherLen}},
		"path_filestat_get":       {"..pnp", []uint64{root, 0, name, nameLen, result}},
		"path_filestat_set_times": {"..pn...", []uint64{root, 0, name, nameLen, 0, 0, 0}},
		"path_link":               {"..pn.pn", []uint64{root, 0, name, nameLen, root, other, otherLen}},
		"path_open":               {"..pn....p", []uint64{root, 0, name, nameLen, openTruncate, uint64(fileRights), 0, 0, result}},
		"path_readlink":           {".pnpnp", []uint64{root, link, linkLen, buf, 64, result}},
		"path_remove_directory":   {".pn", []uint64{root, name, nameLen}},
		"path_rename":             {".pn.pn", []uint64{root, name, nameLen, root, other, otherLen}},
		"path_symlink":            {"pn.pn", []uint64{name, nameLen, root, other, otherLen}},
		"path_unlink_file":        {".pn", []uint64{root, name, nameLen}},
		"poll_oneoff":             {"ppnp", []uint64{subs, events, 2, result}},
		"random_get":              {"pn", []uint64{buf, 64}},
	}
}

// withArguments is world with something to ask for in every call.
func withArguments(t testing.TB) (g *guest, host string) {
	t.Helper()
	g, host = world(t)
	g.h.args, g.h.env = pack([]string{"prog", "arg"}), pack([]string{"KEY=value"})
	return g, host
}

// TestPointers gives each pointer and length of each function a value that leads out of memory: EFAULT, and nothing done.
func TestPointers(t *testing.T) {
	g, host := withArguments(t)
	functions := honest(g)
	for _, f := range current {
		known, ok := functions[f.Name]
		if !ok {
			continue // TestPointersAreKnown
		}
		t.Run(f.Name, func(t *testing.T) {
			memory, before, open := bytes.Clone(g.mem), tree(t, host), len(g.h.fds.list)
			size := uint64(len(g.mem))
			for i, kind := range known.kinds {
				var values []uint64
				switch kind {
				case 'p':
					values = []uint64{bad, size, size - 1, 1 << 31, bad - 3, bad - 63}
				case 'n':
					values = []uint64{bad, size + 1, 1 << 31, 1 << 29, 1 << 28}
				}
				for _, v := range values {
					args := append([]uint64(nil), known.args...)
					args[i] = v
					e := g.call(f.Name, args...)
					tooMany := kind == 'n' && e == einval && (strings.HasSuffix(f.Name, "read") || strings.HasSuffix(f.Name, "write") || f.Name == "poll_oneoff")
					if e != efault && !tooMany {
						t.Errorf("argument %d = %#x: errno %d, want %d", i, v, e, efault)
					}
				}
			}
			for _, mem := range [][]byte{nil, {}} {
				if e := g.h.Call(indexes[f.Name], mem, known.args); e != efault {
					t.Errorf("without memory: errno %d", e)
				}
			}
			if after := tree(t, host); after != before {
				t.Errorf("files changed from\n%s\nto\n%s", before, after)
			}
			if len(g.h.fds.list) != open {
				t.Errorf("%d descriptors, %d before", len(g.h.fds.list), open)
			}
			copy(g.mem, memory)
		})
	}
}

// TestHonestCalls: the arguments that TestPointers spoils are good, so that it is the spoiled one that fails.
func TestHonestCalls(t *testing.T) {
	for _, f := range current {
		t.Run(f.Name, func(t *testing.T) {
			g, _ := withArguments(t)
			if known, ok := honest(g)[f.Name]; ok {
				want := success
				if f.Name == "path_remove_directory" {
					want = enotdir
				}
				g.want(want, f.Name, known.args...)
			}
		})
	}
}

// TestPointersAreKnown: the functions that TestPointers leaves out take no pointer.
func TestPointersAreKnown(t *testing.T) {
	g, _ := world(t)
	functions := honest(g)
	without := strings.Fields(`fd_advise fd_allocate fd_close fd_datasync fd_fdstat_set_flags fd_fdstat_set_rights
		fd_filestat_set_size fd_filestat_set_times fd_renumber fd_sync proc_exit proc_raise sched_yield sock_accept sock_recv
		sock_send sock_shutdown`)
	if len(functions)+len(without) != len(current) {
		t.Errorf("%d functions with and %d without pointers, %d in all", len(functions), len(without), len(current))
	}
	for _, name := range without {
		if _, ok := functions[name]; ok {
			t.Errorf("%s is in both", name)
		}
	}
}

// TestAnyArgument gives every argument of every function values from a list, all others zero or honest: always an errno.
func TestAnyArgument(t *testing.T) {
	values := []uint64{0, 1, 2, 3, 4, 5, 8, 24, 0xffff, 0x10000, 1 << 31, bad - 8, bad - 1, bad}
	wide := append([]uint64{math.MaxInt64, 1 << 63, math.MaxUint64}, values...)
	for _, f := range current {
		if f.Name == "proc_exit" {
			continue // Stop by design
		}
		t.Run(f.Name, func(t *testing.T) {
			g, _ := withArguments(t)
			bases := [][]uint64{make([]uint64, len(f.Params))}
			if known, ok := honest(g)[f.Name]; ok {
				bases = append(bases, known.args)
			}
			for _, base := range bases {
				for i, kind := range f.Params {
					list := values
					if kind == 'I' {
						list = wide
					}
					for _, v := range list {
						if f.Name == "fd_allocate" && i == 2 && v > 1<<20 && v <= bad {
							continue // a request that the host's disk may well grant
						}
						args := append([]uint64(nil), base...)
						args[i] = v
						if e := g.call(f.Name, args...); uint64(e) >= uint64(len(specErrnos)) {
							t.Errorf("%x: %d is no errno", args, e)
						}
					}
				}
			}
		})
	}
}

func TestVectors(t *testing.T) {
	g, host := world(t)
	fd, result, buf := g.open("file", opening{base: fileRights}), g.room(4), g.room(16)
	size := uint64(len(g.mem))
	array := func(v ...uint64) [2]uint64 {
		p, n := g.iovecs(v...)
		return [2]uint64{p, n}
	}
	repeated := func(n int, v ...uint64) (all []uint64) {
		for range n {
			all = append(all, v...)
		}
		return all
	}
	for _, c := range []struct {
		name  string
		array [2]uint64
		want  Errno
		n     uint32 // of a read
	}{
		{"none", array(), success, 0},
		{"none beyond memory", [2]uint64{size, 0}, success, 0},
		{"array beyond memory", [2]uint64{size - 8, 2}, efault, 0},
		{"as many as can be", [2]uint64{array(repeated(maxVectors, buf, 0)...)[0], maxVectors}, success, 0},
		{"one too many", [2]uint64{0, maxVectors + 1}, einval, 0},
		{"2^29, 0 in 32 bits of bytes", [2]uint64{0, 1 << 29}, einval, 0},
		{"2^32-1", [2]uint64{0, bad}, einval, 0},
		{"empty buffers", array(buf, 0, buf, 0), success, 0},
		{"empty buffer at the end of memory", array(size, 0), success, 0},
		{"empty buffer beyond memory", array(size+1, 0), efault, 0},
		{"buffer that ends at the end", array(size-4, 4), success, 4},
		{"buffer that ends beyond", array(size-4, 5), efault, 0},
		{"length that overflows", array(buf, bad), efault, 0},
		{"pointer that overflows", array(bad, bad), efault, 0},
		{"good, then bad", array(buf, 4, bad, 1), efault, 0},
		{"bad behind the end of the file", array(buf, 16, bad, 1), efault, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.want(success, "fd_seek", fd, 0, 0, g.room(8))
			copy(g.bytes(result, 4), "\xaa\xaa\xaa\xaa")
			g.want(c.want, "fd_read", fd, c.array[0], c.array[1], result)
			if c.want == success && g.u32(result) != c.n {
				t.Errorf("%d bytes, want %d", g.u32(result), c.n)
			}
			if c.want != success && (g.u32(result) != 0xaaaaaaaa || g.tell(fd) != 0) {
				t.Errorf("something was read: %d bytes, offset %d", g.u32(result), g.tell(fd))
			}
			if c.want != success {
				g.want(c.want, "fd_write", fd, c.array[0], c.array[1], result)
				g.want(c.want, "fd_write", stdout, c.array[0], c.array[1], result)
				if got := content(t, host, "file"); got != "content" {
					t.Errorf("written: %q", got)
				}
			}
		})
	}
}

// TestLongVectors: buffers of more than 4 GiB together, all in memory, are more than the result could say.
func TestLongVectors(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	g.mem = make([]byte, 8<<20)
	array := 0
	for i := range 1024 {
		binary.LittleEndian.PutUint32(g.mem[array+8*i:], 1<<16)
		binary.LittleEndian.PutUint32(g.mem[array+8*i+4:], 1<<22)
	}
	g.want(einval, "fd_write", stdout, uint64(array), 1024, 1<<15)
	g.want(success, "fd_write", stdout, uint64(array), 1023, 1<<15)
	if n := g.u32(1 << 15); n != 1023<<22 {
		t.Errorf("%d bytes", n)
	}
}

// TestPathStrings: what is no path is refused by every function that takes one, in each of its places.
func TestPathStrings(t *testing.T) {
	for _, c := range []struct {
		name, path string
		want       Errno
	}{
		{"not UTF-8", "a\xffb", eilseq},
		{"half a character", "ab\xc3", eilseq},
		{"NUL", "a\x00b", einval},
		{"only NUL", "\x00", einval},
		{"empty", "", enoent},
		{"long name", strings.Repeat("n", 256), enametoolong},
		{"long path", strings.Repeat("dir/../", 1000), enametoolong},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, host := world(t)
			before := tree(t, host)
			p, n := g.put(c.path)
			file, m := g.put("file")
			fresh, k := g.put("fresh")
			room := g.room(64)
			for _, call := range []struct {
				name string
				args []uint64
			}{
				{"path_create_directory", []uint64{root, p, n}},
				{"path_filestat_get", []uint64{root, 0, p, n, room}},
				{"path_filestat_set_times", []uint64{root, 0, p, n, 0, 0, 0}},
				{"path_link", []uint64{root, 0, p, n, root, fresh, k}},
				{"path_link", []uint64{root, 0, file, m, root, p, n}},
				{"path_open", []uint64{root, 0, p, n, openCreate, uint64(fileRights), 0, 0, room}},
				{"path_readlink", []uint64{root, p, n, room, 64, room}},
				{"path_remove_directory", []uint64{root, p, n}},
				{"path_rename", []uint64{root, p, n, root, fresh, k}},
				{"path_rename", []uint64{root, file, m, root, p, n}},
				{"path_symlink", []uint64{file, m, root, p, n}},
				{"path_unlink_file", []uint64{root, p, n}},
			} {
				g.want(c.want, call.name, call.args...)
			}
			if after := tree(t, host); after != before {
				t.Errorf("files changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// TestOutside: a path argument of any function reaches nothing above its directory.
func TestOutside(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "canary"), []byte("canary"), 0o644); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: inside}}})
	before := tree(t, dir)
	for _, path := range []string{"../canary", "/canary", "./../canary", "x/../../canary", "..", "../inside/../canary", filepath.Join(dir, "canary")} {
		p, n := g.put(path)
		room := g.room(64)
		for _, call := range []struct {
			name string
			args []uint64
		}{
			{"path_create_directory", []uint64{root, p, n}},
			{"path_filestat_get", []uint64{root, 0, p, n, room}},
			{"path_filestat_set_times", []uint64{root, 0, p, n, 0, 0, setAtimNow}},
			{"path_open", []uint64{root, 1, p, n, openTruncate, uint64(fileRights), 0, 0, room}},
			{"path_readlink", []uint64{root, p, n, room, 64, room}},
			{"path_remove_directory", []uint64{root, p, n}},
			{"path_rename", []uint64{root, p, n, root, p, n}},
			{"path_unlink_file", []uint64{root, p, n}},
		} {
			if e := g.call(call.name, call.args...); e != eperm && e != enoent {
				t.Errorf("%s %q: errno %d", call.name, path, e)
			}
		}
	}
	if after := tree(t, dir); after != before {
		t.Errorf("files changed from\n%s\nto\n%s", before, after)
	}
}

// FuzzCalls is a guest that calls anything with anything. A program is a list of calls of 1+3n bytes: the function, then for
// each parameter what kind of value it is and two bytes of it.
func FuzzCalls(f *testing.F) {
	f.Add([]byte("\x1f\x00\x03\x00\x01\x00\x00\x03\x00\x00"))
	for i, fn := range current {
		var program []byte
		for kind := range byte(fuzzKinds) {
			program = append(program, byte(i))
			for k := range fn.Params {
				program = append(program, kind, byte(k), kind)
			}
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 1<<12 {
			return
		}
		dir := t.TempDir()
		for _, d := range []string{"root/dir", "root/ro", "locked/dir"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range map[string]string{"canary": "canary", "root/file": "content", "locked/file": "locked"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for name, target := range map[string]string{
			"root/link": "file", "root/out": "../canary", "root/abs": filepath.Join(dir, "canary"), "root/to": "ro/file",
		} {
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		lockedBefore := tree(t, filepath.Join(dir, "locked"))
		var out bytes.Buffer
		g := newGuest(t, &wasi.Config{
			Args: []string{"prog"}, Env: []string{"K=V"}, Stdin: strings.NewReader("input"), Stdout: &out,
			Mounts: []wasi.Mount{
				{Guest: "/", Host: filepath.Join(dir, "root")},
				{Guest: "/ro", Host: filepath.Join(dir, "locked"), ReadOnly: true},
			},
		})
		fuzzMemory(g)
		runProgram(t, g, program)
		if got := content(t, dir, "canary"); got != "canary" {
			t.Errorf("the canary says %q", got)
		}
		if after := tree(t, filepath.Join(dir, "locked")); after != lockedBefore {
			t.Errorf("the read-only mount changed from\n%s\nto\n%s", lockedBefore, after)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 3 {
			t.Errorf("beside the mounts: %v, %v", entries, err)
		}
	})
}

// fuzzPaths lie in memory, one every 64 bytes, for guests that try.
var fuzzPaths = []string{
	"file", "dir", "link", "out", "abs", "to", "ro/file", "ro/dir", "..", "../canary", "new", "dir/new", "dir/../..", "/", ".", "ro/..", "ro",
	"dir/", "new/x", "ro/new", "\xff", "x\x00y", "",
}

const (
	fuzzVectors = 0x1000 // arrays of iovecs
	fuzzSubs    = 0x2000 // subscriptions, of clocks that are over and of descriptors
	fuzzKinds   = 8
)

func fuzzMemory(g *guest) {
	le := binary.LittleEndian
	for i, p := range fuzzPaths {
		copy(g.mem[64*i:], p)
	}
	for i := range uint32(32) {
		le.PutUint32(g.mem[fuzzVectors+8*i:], 0x8000+i*i*i)
		le.PutUint32(g.mem[fuzzVectors+8*i+4:], i*17)
	}
	for i := range 32 {
		s := g.mem[fuzzSubs+subscriptionSize*i:]
		s[8] = byte(i % 3)
		s[16] = byte(i % 7)
	}
}

func runProgram(t *testing.T, g *guest, program []byte) {
	for len(program) > 0 && len(g.h.fds.list) < 64 {
		i := int(program[0]) % len(current)
		program = program[1:]
		fn := Table()[i]
		args := make([]uint64, len(fn.Params))
		for k := range args {
			var b [3]byte
			n := copy(b[:], program)
			program = program[n:]
			args[k] = fuzzValue(fn.Params[k], b)
		}
		switch fn.Name {
		case "fd_allocate": // the host's disk is not what is tested
			args[1], args[2] = args[1]%(1<<20)|args[1]&(1<<63), args[2]%(1<<20)
		case "fd_write", "fd_pwrite", "fd_filestat_set_size":
		case "poll_oneoff": // nor is patience
			for s := range uint64(32) {
				clear(g.bytes(fuzzSubs+subscriptionSize*s+24, 8))
			}
			if args[0] < fuzzSubs || args[0] > fuzzSubs+subscriptionSize*8 || (args[0]-fuzzSubs)%subscriptionSize != 0 {
				args[2] = 0
			}
			args[2] %= 16
		}
		e := g.h.Call(i, g.mem, args)
		if err := g.h.Err(); err != nil {
			t.Fatalf("%s(%x): %v", fn.Name, args, err)
		}
		if e == Stop {
			if fn.Name != "proc_exit" {
				t.Fatalf("%s(%x): stopped", fn.Name, args)
			}
			return
		}
		if int(e) >= len(specErrnos) {
			t.Fatalf("%s(%x): %d is no errno", fn.Name, args, e)
		}
	}
}

// fuzzValue makes an argument of three bytes: mostly one that means something.
func fuzzValue(param byte, b [3]byte) uint64 {
	v := uint64(binary.LittleEndian.Uint16(b[1:]))
	switch b[0] % fuzzKinds {
	case 0: // a descriptor, a flag, a small length
		return v % 8
	case 1:
		return v
	case 2: // a path
		return 64 * (v % uint64(len(fuzzPaths)))
	case 3:
		return fuzzVectors + 8*(v%24)
	case 4:
		return fuzzSubs + subscriptionSize*(v%8)
	case 5: // about the end of memory
		return 4<<16 - 32 + v%64
	case 6:
		if param == 'I' {
			return ^uint64(0) << (v % 64)
		}
		return 1 << (v % 32)
	default:
		if param == 'I' {
			return ^v
		}
		return uint64(^uint32(v))
	}
}

// TestFuzzMemory: what fuzzing starts from is what it says.
func TestFuzzMemory(t *testing.T) {
	g, _ := world(t)
	fuzzMemory(g)
	g.want(success, "path_create_directory", root, 64*10, 3)
	g.want(success, "fd_write", stdout, fuzzVectors, 8, 0x9000)
	if got := fmt.Sprint(g.u32(0x9000)); got != "476" { // 17*(0+1+…+7)
		t.Errorf("%s bytes", got)
	}
	g.want(success, "poll_oneoff", fuzzSubs, 0x9000, 4, 0xa000)
}
