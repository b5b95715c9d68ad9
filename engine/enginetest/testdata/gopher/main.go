// Command gopher is a guest that makes the WASI preview 1 calls that its arguments name: each argument is one line of a
// script, and for each it prints one line, the call's result. It calls WASI directly where a libc, or package os, would
// clean a path or hide an error. It is built by the conformance suite with GOOS=wasip1 GOARCH=wasm.
package main

import (
	"encoding/binary"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// transcript is the descriptor that results are printed on.
var transcript uint32 = 1

// fds are the descriptors that the script has named; "$" is the one opened last.
var fds = map[string]uint64{"$": 1<<32 - 1}

func main() {
	for fd := range uint64(3) { // Go's runtime has made them non-blocking
		call("fd_fdstat_set_flags", fd, 0)
	}
	for _, line := range os.Args[1:] {
		words := split(line)
		op, ok := ops[words[0]]
		if !ok {
			fail("unknown op: " + line)
		}
		arena = 0
		if result := op(words[1:]); result != "" {
			put(transcript, result+"\n")
		}
	}
}

// fail ends the guest with a status of its own: the script is wrong, not the engine.
func fail(why string) {
	put(2, "gopher: "+why+"\n")
	os.Exit(99)
}

// ops are the script's words. An op returns the line to print; "" prints nothing.
var ops map[string]func(w []string) string

func init() { // not a literal: ops may refer to each other
	ops = map[string]func(w []string) string{
		// Descriptors.
		"open": func(w []string) string { return errno(open(num(w[0]), w[1], w[2:]...)) },
		"set":  func(w []string) string { fds["$"+w[0]] = fds["$"]; return "" },
		"close": func(w []string) string {
			return errno(call("fd_close", num(w[0])))
		},
		"read": func(w []string) string {
			b, e := read(num(w[0]), num(w[1]))
			return value(strconv.Quote(string(b)), e)
		},
		"pread": func(w []string) string {
			iov, buf, n := iovec(num(w[2])), mem(int(num(w[2]))), mem(4)
			le.PutUint32(at(iov), buf)
			e := call("fd_pread", num(w[0]), uint64(iov), 1, num(w[1]), uint64(n))
			return value(strconv.Quote(string(at(buf)[:le.Uint32(at(n))])), e)
		},
		"write": func(w []string) string {
			n, e := write(num(w[0]), w[1])
			return value(strconv.Itoa(int(n)), e)
		},
		"pwrite": func(w []string) string {
			iov, n := iovec(uint64(len(w[2]))), mem(4)
			le.PutUint32(at(iov), text(w[2]))
			e := call("fd_pwrite", num(w[0]), uint64(iov), 1, num(w[1]), uint64(n))
			return value(strconv.Itoa(int(le.Uint32(at(n)))), e)
		},
		"seek": func(w []string) string {
			whence := map[string]uint64{"set": 0, "cur": 1, "end": 2}[w[2]]
			return number("fd_seek", num(w[0]), num(w[1]), whence)
		},
		"tell":     func(w []string) string { return number("fd_tell", num(w[0])) },
		"sync":     func(w []string) string { return errno(call("fd_sync", num(w[0]))) },
		"datasync": func(w []string) string { return errno(call("fd_datasync", num(w[0]))) },
		"size":     func(w []string) string { return errno(call("fd_filestat_set_size", num(w[0]), num(w[1]))) },
		"allocate": func(w []string) string { return errno(call("fd_allocate", num(w[0]), num(w[1]), num(w[2]))) },
		"renumber": func(w []string) string { return errno(call("fd_renumber", num(w[0]), num(w[1]))) },
		"fstat": func(w []string) string {
			st := mem(64)
			e := call("fd_filestat_get", num(w[0]), uint64(st))
			return value(describe(at(st)), e)
		},
		"filetype": func(w []string) string {
			st := mem(24)
			e := call("fd_fdstat_get", num(w[0]), uint64(st))
			return value(filetype(at(st)[0]), e)
		},
		"prestat": func(w []string) string {
			st := mem(8)
			if e := call("fd_prestat_get", num(w[0]), uint64(st)); e != 0 {
				return errno(e)
			}
			n := le.Uint32(at(st)[4:])
			name := mem(int(n))
			e := call("fd_prestat_dir_name", num(w[0]), uint64(name), uint64(n))
			return value(strconv.Quote(string(at(name)[:n])), e)
		},
		"ls": func(w []string) string {
			size := uint64(4096)
			if len(w) > 1 {
				size = num(w[1])
			}
			names, e := readdir(num(w[0]), size)
			return value(strings.Join(names, ","), e)
		},
		"lscount": func(w []string) string { // every entry exactly once
			names, e := readdir(num(w[0]), num(w[1]))
			once := len(slices.Compact(names))
			return value(strconv.Itoa(len(names))+" "+strconv.Itoa(once), e)
		},

		// Paths.
		"cat": func(w []string) string {
			if e := open(num(w[0]), w[1], "r"); e != 0 {
				return errno(e)
			}
			fd := fds["$"]
			var all []byte
			for {
				arena = 0
				b, e := read(fd, 4096)
				if e != 0 {
					call("fd_close", fd)
					return errno(e)
				}
				if len(b) == 0 {
					break
				}
				all = append(all, b...)
			}
			return value(strconv.Quote(string(all)), call("fd_close", fd))
		},
		"list": func(w []string) string {
			if e := open(num(w[0]), w[1], "dir"); e != 0 {
				return errno(e)
			}
			fd := fds["$"]
			names, e := readdir(fd, 4096)
			return value(strings.Join(names, ","), max(e, call("fd_close", fd)))
		},
		"put": func(w []string) string {
			if e := open(num(w[0]), w[1], "w", "creat", "trunc"); e != 0 {
				return errno(e)
			}
			fd := fds["$"]
			if _, e := write(fd, w[2]); e != 0 {
				return errno(e)
			}
			return errno(call("fd_close", fd))
		},
		"stat": func(w []string) string {
			st, e := stat(w[0], w[1], w[2:])
			return value(describe(st), e)
		},
		"nlink": func(w []string) string {
			st, e := stat(w[0], w[1], nil)
			return value(strconv.Itoa(int(le.Uint64(st[24:]))), e)
		},
		"mtime": func(w []string) string {
			st, e := stat(w[0], w[1], nil)
			return value(strconv.FormatUint(le.Uint64(st[48:]), 10), e)
		},
		"same": func(w []string) string { // one file under two names
			a, e := stat(w[0], w[1], nil)
			b, f := stat(w[2], w[3], nil)
			return value(strconv.FormatBool(string(a[:16]) == string(b[:16])), max(e, f))
		},
		"times": func(w []string) string { // nanoseconds, with the flags ATIM|MTIM
			return errno(path("path_filestat_set_times", num(w[0]), []uint64{1}, w[1], num(w[2]), num(w[3]), 5))
		},
		"mkdir":  func(w []string) string { return errno(path("path_create_directory", num(w[0]), nil, w[1])) },
		"rmdir":  func(w []string) string { return errno(path("path_remove_directory", num(w[0]), nil, w[1])) },
		"unlink": func(w []string) string { return errno(path("path_unlink_file", num(w[0]), nil, w[1])) },
		"rename": func(w []string) string {
			to := text(w[3])
			return errno(path("path_rename", num(w[0]), nil, w[1], num(w[2]), uint64(to), uint64(len(w[3]))))
		},
		"link": func(w []string) string {
			to, follow := text(w[3]), uint64(0)
			if len(w) > 4 && w[4] == "follow" {
				follow = 1
			}
			return errno(path("path_link", num(w[0]), []uint64{follow}, w[1], num(w[2]), uint64(to), uint64(len(w[3]))))
		},
		"symlink": func(w []string) string {
			target, name := text(w[0]), text(w[2])
			return errno(call("path_symlink", uint64(target), uint64(len(w[0])), num(w[1]), uint64(name), uint64(len(w[2]))))
		},
		"readlink": func(w []string) string {
			buf, n := mem(4096), mem(4)
			e := path("path_readlink", num(w[0]), nil, w[1], uint64(buf), 4096, uint64(n))
			return value(strconv.Quote(string(at(buf)[:le.Uint32(at(n))])), e)
		},

		// Anything, with numbers: "raw fd_write 1 S 1 0xfffffff0".
		"raw": func(w []string) string {
			a := make([]uint64, len(w)-1)
			for i := range a {
				a[i] = num(w[i+1])
			}
			return errno(call(w[0], a...))
		},
		"poke": func(w []string) string { // 32-bit words into the scratch memory from an offset on
			for i, word := range w[1:] {
				le.PutUint32(scratch[num(w[0])+uint64(4*i):], uint32(num(word)))
			}
			return ""
		},

		// All results of an op that is repeated, each once: for what goes on at the same time on the host.
		"repeat": func(w []string) string {
			var results []string
			for range num(w[0]) {
				arena = 0
				results = append(results, ops[w[1]](w[2:]))
			}
			slices.Sort(results)
			return strings.Join(slices.Compact(results), ",")
		},

		// Sockets.
		"accept": func(w []string) string {
			fd := mem(4)
			e := call("sock_accept", num(w[0]), 0, uint64(fd))
			fds["$"] = uint64(le.Uint32(at(fd)))
			return errno(e)
		},
		"recv": func(w []string) string {
			iov, buf, n, flags := iovec(num(w[1])), mem(int(num(w[1]))), mem(4), mem(4)
			le.PutUint32(at(iov), buf)
			e := call("sock_recv", num(w[0]), uint64(iov), 1, 0, uint64(n), uint64(flags))
			return value(strconv.Quote(string(at(buf)[:le.Uint32(at(n))])), e)
		},
		"send": func(w []string) string {
			iov, n := iovec(uint64(len(w[1]))), mem(4)
			le.PutUint32(at(iov), text(w[1]))
			e := call("sock_send", num(w[0]), uint64(iov), 1, 0, uint64(n))
			return value(strconv.Itoa(int(le.Uint32(at(n)))), e)
		},

		// Time, chance, the end.
		"poll": poll,
		"monotonic": func([]string) string {
			t := mem(8)
			var last uint64
			for range 1000 {
				if e := call("clock_time_get", 1, 0, uint64(t)); e != 0 {
					return errno(e)
				}
				now := le.Uint64(at(t))
				if now < last {
					return "back"
				}
				last = now
			}
			return "ok"
		},
		"realtime": func([]string) string { return number("clock_time_get", 0, 1) },
		"resolution": func(w []string) string {
			t := mem(8)
			if e := call("clock_res_get", num(w[0]), uint64(t)); e != 0 {
				return errno(e)
			}
			if le.Uint64(at(t)) == 0 {
				return "zero"
			}
			return "ok"
		},
		"random": func([]string) string {
			a, b := mem(32), mem(32)
			if e := max(call("random_get", uint64(a), 32), call("random_get", uint64(b), 32)); e != 0 {
				return errno(e)
			}
			if string(at(a)[:32]) == string(at(b)[:32]) {
				return "same"
			}
			return "differ"
		},
		"exit": func(w []string) string { call("proc_exit", num(w[0])); return "returned" },

		// Streams.
		"transcript": func(w []string) string { transcript = uint32(num(w[0])); return "" },
		"print":      func(w []string) string { put(uint32(num(w[0])), w[1]); return "" },
		"count":      count,
		"fill": func(w []string) string { // so many bytes, or as far as it goes
			for left := num(w[1]); left > 0; left -= 4096 {
				arena = 0
				if _, e := write(num(w[0]), strings.Repeat("x", 4096)); e != 0 {
					return errno(e)
				}
			}
			return "ok"
		},
		"echo": func([]string) string {
			if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
				return err.Error()
			}
			return ""
		},

		// What a program sees through its language's library.
		"os.readfile": func(w []string) string { b, err := os.ReadFile(w[0]); return lib(strconv.Quote(string(b)), err) },
		"os.writefile": func(w []string) string {
			return lib("ok", os.WriteFile(w[0], []byte(w[1]), 0o644))
		},
		"os.readdir": func(w []string) string {
			list, err := os.ReadDir(w[0])
			var names []string
			for _, e := range list {
				names = append(names, e.Name())
			}
			return lib(strings.Join(names, ","), err)
		},
		"os.getwd":  func([]string) string { dir, err := os.Getwd(); return lib(dir, err) },
		"os.getenv": func(w []string) string { return strconv.Quote(os.Getenv(w[0])) },
		"os.mkdirall": func(w []string) string {
			return lib("ok", os.MkdirAll(w[0], 0o755))
		},
		"os.removeall": func(w []string) string { return lib("ok", os.RemoveAll(w[0])) },
		"os.sleep": func(w []string) string {
			want := time.Duration(num(w[0])) * time.Millisecond
			begun := time.Now()
			time.Sleep(want)
			if time.Since(begun) < want {
				return "early"
			}
			return "ok"
		},
	}
}

var le = binary.LittleEndian

// lib is the line for a library call.
func lib(result string, err error) string {
	if err != nil {
		return "error"
	}
	return result
}

// value is the line for a call that yields something: the value, or the error.
func value(v string, e uint32) string {
	if e != 0 {
		return errno(e)
	}
	return v
}

// number makes a call whose last parameter is the address of a 64-bit result.
func number(name string, a ...uint64) string {
	n := mem(8)
	e := call(name, append(a, uint64(n))...)
	return value(strconv.FormatInt(int64(le.Uint64(at(n))), 10), e)
}

// path makes a call of the shape (fd, before…, path, len, after…).
func path(name string, fd uint64, before []uint64, p string, after ...uint64) uint32 {
	a := append([]uint64{fd}, before...)
	a = append(a, uint64(text(p)), uint64(len(p)))
	return call(name, append(a, after...)...)
}

func open(dir uint64, p string, words ...string) uint32 {
	const (
		read  = 1<<1 | 1<<14                  // fd_read, fd_readdir
		write = 1<<0 | 1<<6 | 1<<8 | 1<<22    // fd_datasync, fd_write, fd_allocate, fd_filestat_set_size
		rest  = (1<<30 - 1) &^ (read | write) // what wasi-libc always asks for
	)
	lookup, oflags, rights, fdflags := uint64(1), uint64(0), uint64(0), uint64(0)
	also, inheriting := uint64(rest), uint64(1<<30-1)
	for _, w := range words {
		switch w {
		case "r":
			rights |= read
		case "w":
			rights |= write
		case "rw":
			rights |= read | write
		case "only": // no right but those to read or write, and none for what is opened from it
			also, inheriting = 0, 0
		case "nofollow":
			lookup = 0
		case "creat":
			oflags |= 1
		case "dir":
			oflags |= 2
		case "excl":
			oflags |= 4
		case "trunc":
			oflags |= 8
		case "append":
			fdflags |= 1
		case "nonblock":
			fdflags |= 4
		default:
			fail("unknown flag of open: " + w)
		}
	}
	if rights == 0 {
		rights = read
	}
	fd := mem(4)
	e := path("path_open", dir, []uint64{lookup}, p, oflags, rights|also, inheriting, fdflags, uint64(fd))
	if e == 0 {
		fds["$"] = uint64(le.Uint32(at(fd)))
	}
	return e
}

func read(fd, size uint64) ([]byte, uint32) {
	iov, buf, n := iovec(size), mem(int(size)), mem(4)
	le.PutUint32(at(iov), buf)
	e := call("fd_read", fd, uint64(iov), 1, uint64(n))
	return at(buf)[:le.Uint32(at(n))], e
}

func write(fd uint64, s string) (uint32, uint32) {
	iov, n := iovec(uint64(len(s))), mem(4)
	le.PutUint32(at(iov), text(s))
	e := call("fd_write", fd, uint64(iov), 1, uint64(n))
	return le.Uint32(at(n)), e
}

// put writes all of s.
func put(fd uint32, s string) {
	for s != "" {
		arena = 0
		n, e := write(uint64(fd), s[:min(len(s), 32<<10)])
		if e != 0 {
			os.Exit(98)
		}
		s = s[n:]
	}
}

// count writes lines that count up, of eight bytes each.
func count(w []string) string {
	fd, bytes := uint32(num(w[0])), int(num(w[1]))
	var b strings.Builder
	for i := 0; i < bytes; i += 8 {
		s := strconv.Itoa(i / 8)
		b.WriteString("0000000"[:7-len(s)] + s + "\n")
		if b.Len() >= 24<<10 {
			put(fd, b.String())
			b.Reset()
		}
	}
	put(fd, b.String())
	return ""
}

func stat(fd, p string, words []string) ([]byte, uint32) {
	st, follow := mem(64), uint64(1)
	if len(words) > 0 && words[0] == "nofollow" {
		follow = 0
	}
	e := path("path_filestat_get", num(fd), []uint64{follow}, p, uint64(st))
	return at(st)[:64], e
}

// describe is a filestat as "file 5", or only the kind for what has no size of its own.
func describe(st []byte) string {
	kind := filetype(st[16])
	if kind == "file" || kind == "link" {
		return kind + " " + strconv.FormatUint(le.Uint64(st[32:]), 10)
	}
	return kind
}

func filetype(t byte) string {
	names := []string{"unknown", "block", "chr", "dir", "file", "dgram", "stream", "link"}
	if int(t) < len(names) {
		return names[t]
	}
	return strconv.Itoa(int(t))
}

// readdir reads a whole directory through a buffer of that size and returns the names but "." and "..", sorted.
func readdir(fd, size uint64) ([]string, uint32) {
	var names []string
	cookie := uint64(0)
	for {
		arena = 0
		buf, n := mem(int(size)), mem(4)
		if e := call("fd_readdir", fd, uint64(buf), size, cookie, uint64(n)); e != 0 {
			return nil, e
		}
		used := le.Uint32(at(n))
		b := at(buf)[:used]
		for len(b) >= 24 {
			namelen := int(le.Uint32(b[16:]))
			if len(b) < 24+namelen {
				break
			}
			cookie = le.Uint64(b)
			if name := string(b[24 : 24+namelen]); name != "." && name != ".." {
				names = append(names, name)
			}
			b = b[24+namelen:]
		}
		if uint64(used) < size {
			slices.Sort(names)
			return names, 0
		}
	}
}

// poll waits for a relative monotonic clock of so many milliseconds and, where one is given, for a descriptor to become
// readable, and says which it was.
func poll(w []string) string {
	const sub, event = 48, 32
	in, out, n := mem(2*sub), mem(2*event), mem(4)
	b := at(in)
	clear(b[:2*sub])
	le.PutUint64(b, 1) // userdata
	le.PutUint32(b[16:], 1)
	le.PutUint64(b[24:], num(w[0])*1e6)
	count := uint64(1)
	if len(w) > 1 {
		count = 2
		le.PutUint64(b[sub:], 2)
		b[sub+8] = 1 // fd_read
		le.PutUint32(b[sub+16:], uint32(num(w[1])))
	}
	if e := call("poll_oneoff", uint64(in), uint64(out), count, uint64(n)); e != 0 {
		return errno(e)
	}
	var fired []string
	for i := range le.Uint32(at(n)) {
		ev := at(out)[event*i:]
		what := map[uint64]string{1: "clock", 2: "fd"}[le.Uint64(ev)]
		if e := le.Uint16(ev[8:]); e != 0 {
			what += ":" + errno(uint32(e))
		}
		fired = append(fired, what)
	}
	slices.Sort(fired)
	return strings.Join(fired, ",")
}

// split breaks a line at spaces; a word may be a quoted Go string.
func split(line string) []string {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if q, err := strconv.QuotedPrefix(line); err == nil {
			s, err := strconv.Unquote(q)
			if err != nil {
				fail("bad string: " + q)
			}
			words, line = append(words, s), line[len(q):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	if len(words) == 0 {
		fail("empty line")
	}
	return words
}

// num reads a number, a descriptor "$" or "$name", or an address in the scratch memory "S" or "S+16".
func num(s string) uint64 {
	if fd, ok := fds[s]; ok {
		return fd
	}
	if rest, ok := strings.CutPrefix(s, "S"); ok {
		offset, err := strconv.ParseUint(strings.TrimPrefix(rest, "+"), 0, 32)
		if rest != "" && err != nil {
			fail("bad address: " + s)
		}
		return uint64(address(&scratch[0])) + offset
	}
	if n, err := strconv.ParseUint(s, 0, 64); err == nil {
		return n
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		fail("bad number: " + s)
	}
	return uint64(n)
}
