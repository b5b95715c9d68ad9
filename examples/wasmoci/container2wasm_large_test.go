//go:build root && linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

// TestRootLarge takes a module of the size of a converted image, most of it the memory of a machine that has booted and eight megabytes of
// code, through compiling, the cache, the start and the accounting of memory. It prints what each takes.
func TestRootLarge(t *testing.T) {
	if !isolated(t) {
		return
	}
	dir := t.TempDir()
	if err := opened(dir); err != nil {
		t.Fatal(err)
	}
	makeRunner(t, dir)
	crun, err := exec.LookPath("crun")
	if err != nil {
		t.Fatalf("%v: make deps installs it", err)
	}
	t.Cleanup(func() { removeCgroups(t) })
	l := &large{dir: dir, cgroup: cgroups + "/large"}
	settings := fmt.Sprintf("delegate = %q\nrunners = %q\nengine = %q\nstate = %q\ncache = %q\n", crun, dir, engineFor, l.path("state"), l.path("cache"))
	module := largeModule(8000, 1<<10, 4, 64<<10, ramBytes)
	if len(module) < 120_000_000 {
		t.Fatalf("the module has %d bytes", len(module))
	}
	rootfs := l.path("bundle", "rootfs")
	err = errors.Join(os.MkdirAll(filepath.Join(rootfs, "proc"), 0o755), os.Mkdir(filepath.Join(rootfs, "dev"), 0o755),
		os.WriteFile(filepath.Join(rootfs, "image.wasm"), module, 0o644), os.WriteFile(l.path("operator.toml"), []byte(settings), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	size := len(module)
	module = nil

	l.limit(t, 0)
	first := l.create(t)
	took, hidden := l.start(t)
	t.Logf("%d MB on %s: compiled and created in %v, started in %v, in use %d MiB", size/1_000_000, engineFor, first, took, hidden>>20)
	l.remove(t)
	if !strings.Contains(readString(l.path("log")), "compiling") && first > 2*time.Second {
		t.Error("creating took seconds, and no progress was told of")
	}

	if err := os.Remove(l.path("log")); err != nil {
		t.Fatal(err)
	}
	second := l.create(t)
	took, _ = l.start(t)
	t.Logf("from the cache: created in %v, started in %v", second, took)
	l.remove(t)
	if strings.Contains(readString(l.path("log")), "compiling") {
		t.Error("it was compiled twice")
	}

	// With what the error asks for, and the machine's memory, it runs.
	l.limit(t, 1<<20)
	said := l.refused(t)
	found := regexp.MustCompile(`linux\.resources\.memory\.limit.*: set ([0-9]+) or more`).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("%q names no minimum", said)
	}
	least, _ := strconv.ParseInt(found[1], 10, 64)
	l.limit(t, least+(guestPages(ramBytes)<<16))
	l.create(t)
	_, used := l.start(t)
	t.Logf("create asks for %d MiB beside the machine's %d; with that it uses %d MiB", least>>20, guestPages(ramBytes)>>4, used>>20)
	l.remove(t)
	if out := readString(l.path("out")); strings.Count(out, "booted\n") != 3 {
		t.Errorf("the guests said %q", out)
	}
}

// BenchmarkFunctionSize compiles the same amount of code on wazero, in ever larger functions: for each MiB it takes longer, most of all where
// a function is one switch. Emulators have a few such functions, of some ten KiB, and thousands of about one KiB.
func BenchmarkFunctionSize(b *testing.B) {
	const total = 1 << 20
	for _, size := range []int{1 << 10, 16 << 10, 128 << 10} {
		for shape, module := range map[string][]byte{
			"computing":    largeModule(total/size, size, 0, 0, 0),
			"interpreting": largeModule(0, 0, total/size, size, 0),
		} {
			b.Run(fmt.Sprintf("%s/%dKiB", shape, size>>10), func(b *testing.B) {
				e, err := engine.Open(b.Context(), "wazero", engine.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				for range b.N {
					m, err := e.Compile(b.Context(), engine.FromBytes(module))
					if err != nil {
						b.Fatal(err)
					}
					if err := m.Close(); err != nil {
						b.Error(err)
					}
				}
			})
		}
	}
}

// large is a container of the module.
type large struct{ dir, cgroup string }

func (l *large) path(elements ...string) string {
	return filepath.Join(append([]string{l.dir}, elements...)...)
}

// limit writes config.json, with a limit of memory in bytes if it is not 0.
func (l *large) limit(t *testing.T, bytes int64) {
	t.Helper()
	linux := map[string]any{"cgroupsPath": l.cgroup, "namespaces": []map[string]string{{"type": "pid"}, {"type": "mount"}}}
	if bytes != 0 {
		linux["resources"] = map[string]any{"memory": map[string]any{"limit": bytes}}
	}
	text, err := json.Marshal(map[string]any{
		"ociVersion": "1.0.2",
		"process":    map[string]any{"args": []string{"/image.wasm"}, "cwd": "/", "user": map[string]any{"uid": 0, "gid": 0}},
		"root":       map[string]any{"path": "rootfs"},
		"mounts": []any{
			map[string]any{"destination": "/proc", "type": "proc", "source": "proc"},
			map[string]any{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
		},
		"linux": linux,
	})
	if err == nil {
		err = os.WriteFile(l.path("bundle", "config.json"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wasmoci runs a command, whose output a container may hold open, and returns how it ended.
func (l *large) wasmoci(t *testing.T, args ...string) error {
	t.Helper()
	out, err := os.OpenFile(l.path("out"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	global := []string{"--config=" + l.path("operator.toml"), "--root=" + l.path("root"), "--log=" + l.path("log")}
	cmd := exec.CommandContext(t.Context(), "wasmoci", append(global, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd.Run()
}

func (l *large) create(t *testing.T) time.Duration {
	t.Helper()
	begun := time.Now()
	if err := l.wasmoci(t, "create", "--bundle", l.path("bundle"), "--pid-file", l.path("pid"), "large"); err != nil {
		t.Fatalf("%v\n%s", err, readString(l.path("log")))
	}
	return time.Since(begun)
}

// start starts the container, and returns how long that took and what its cgroup uses when the guest has looked at its memory.
func (l *large) start(t *testing.T) (time.Duration, int64) {
	t.Helper()
	before, begun := strings.Count(readString(l.path("out")), "booted\n"), time.Now()
	if err := l.wasmoci(t, "start", "large"); err != nil {
		t.Fatalf("%v\n%s", err, readString(l.path("log")))
	}
	for ; strings.Count(readString(l.path("out")), "booted\n") == before; time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			_ = l.wasmoci(t, "state", "large")
			t.Fatalf("the guest does not come up\n%s\n%s", readString(l.path("out")), readString(l.path("log")))
		}
	}
	took := time.Since(begun)
	return took, memoryUsed(l.cgroup)
}

func (l *large) refused(t *testing.T) string {
	t.Helper()
	if err := l.wasmoci(t, "create", "--bundle", l.path("bundle"), "large"); err == nil {
		t.Fatal("a container with too little memory was made")
	}
	return readString(l.path("log"))
}

func (l *large) remove(t *testing.T) {
	t.Helper()
	if err := l.wasmoci(t, "delete", "--force", "large"); err != nil {
		t.Fatalf("%v\n%s", err, readString(l.path("log")))
	}
}

// ramBytes is the memory of the machine in the module.
const ramBytes = 116 << 20

// ramAt is where it begins.
const ramAt = 1 << 16

func guestPages(ram int) int64 { return int64(ram+2*ramAt) >> 16 }

// largeModule returns a command with so many functions of about so many bytes, and so many that are one switch in a loop, as interpreters of
// instructions are, and with so much data. It looks at the data's end, calls some functions, says "booted", and sleeps.
func largeModule(functions, size, switches, switchSize, ram int) []byte {
	var m wasmWriter
	m.WriteString("\x00asm\x01\x00\x00\x00")
	const first = 2 // imports
	n := functions + switches
	m.section(1, func(s *wasmWriter) {
		s.WriteString("\x03\x60\x04\x7f\x7f\x7f\x7f\x01\x7f\x60\x02\x7f\x7f\x01\x7f\x60\x00\x00") // of imports, of functions, of _start
	})
	m.section(2, func(s *wasmWriter) {
		s.number(first)
		for _, name := range []string{"fd_write", "poll_oneoff"} {
			s.text("wasi_snapshot_preview1")
			s.text(name)
			s.WriteString("\x00\x00")
		}
	})
	m.section(3, func(s *wasmWriter) {
		s.number(n + 1)
		s.Write(bytes.Repeat([]byte{1}, n))
		s.WriteByte(2)
	})
	m.section(5, func(s *wasmWriter) {
		s.WriteString("\x01\x00")
		s.number(int(guestPages(ram)))
	})
	m.section(7, func(s *wasmWriter) {
		s.number(2)
		s.text("memory")
		s.WriteString("\x02\x00")
		s.text("_start")
		s.WriteByte(0)
		s.number(first + n)
	})
	end := ramAt + ram
	m.section(10, func(s *wasmWriter) {
		s.number(n + 1)
		for i := range functions {
			s.body(computing(i, size, first, n))
		}
		for i := range switches {
			s.body(interpreting(i, switchSize))
		}
		var f wasmWriter
		f.WriteByte(0)
		if ram > 0 {
			f.constant(end - 8)
			f.WriteString("\x29\x03\x00\x50\x04\x40\x00\x0b") // i64.load; i64.eqz; if; unreachable; end
		}
		for i := range min(n, 64) {
			f.constant(i)
			f.constant(1)
			f.WriteByte(0x10)
			f.number(first + i*n/64)
			f.WriteByte(0x1a) // drop
		}
		for _, v := range []int{1, 1024, 1, 1040} {
			f.constant(v)
		}
		f.WriteString("\x10\x00\x1a\x03\x40") // fd_write; drop; loop
		for _, v := range []int{1088, 1152, 1, 1044} {
			f.constant(v)
		}
		f.WriteString("\x10\x01\x1a\x0c\x00\x0b") // poll_oneoff; drop; br; end
		f.WriteByte(0x0b)
		s.body(f.Bytes())
	})
	m.section(11, func(s *wasmWriter) {
		const piece = 1 << 20
		s.number(2 + (ram+piece-1)/piece)
		hello := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 1032), 7)
		s.data(1024, append(hello, "booted\n"...))
		clock := make([]byte, 48)
		clock[16] = 1                                    // the monotonic one
		binary.LittleEndian.PutUint64(clock[24:], 1<<40) // for a quarter of an hour
		s.data(1088, clock)
		x := uint64(88172645463325252)
		for at := 0; at < ram; at += piece {
			b := make([]byte, min(piece, ram-at))
			for i := 0; i+8 <= len(b); i += 8 {
				x ^= x << 13
				x ^= x >> 7
				x ^= x << 17
				binary.LittleEndian.PutUint64(b[i:], x)
			}
			s.data(ramAt+at, b)
		}
	})
	return m.Bytes()
}

// computing is the body of a function that computes, reads and writes memory, and calls others, at times.
func computing(seed, size, first, n int) []byte {
	var f wasmWriter
	f.WriteString("\x01\x04\x7f") // four more variables
	for k := 0; f.Len() < size-16; k++ {
		v := func(i int) byte { return byte((seed + k + i) % 6) }
		f.Write([]byte{0x20, v(0), 0x20, v(1), 0x6a}) // add
		f.constant(seed*31 + k)
		f.Write([]byte{0x73, 0x22, v(2)}) // xor; tee
		f.constant(0xfff0)
		f.Write([]byte{0x71, 0x28, 2, 0, 0x20, v(3), 0x77, 0x21, v(4)}) // and; load; rotl; set
		if k%8 == 7 {
			f.Write([]byte{0x20, v(2)})
			f.constant(1 << 30)
			f.Write([]byte{0x46, 0x04, 0x40, 0x20, v(0), 0x20, v(1), 0x10}) // eq; if; call
			f.number(first + (seed*7+k)%n)
			f.Write([]byte{0x21, v(5), 0x0b})
		}
	}
	f.Write([]byte{0x20, 4, 0x0b})
	return f.Bytes()
}

// interpreting is the body of a function that interprets: a loop, and in it a jump to one of many pieces of code. It ends by its first argument.
func interpreting(seed, size int) []byte {
	const caseSize = 48
	cases := max(1, size/caseSize)
	var f wasmWriter
	f.WriteString("\x01\x04\x7f\x03\x40") // four more variables; loop
	f.Write([]byte{0x20, 0, 0x45, 0x04, 0x40, 0x20, 2, 0x0f, 0x0b, 0x20, 0})
	f.constant(1)
	f.Write([]byte{0x6b, 0x21, 0}) // counts down
	for range cases + 1 {
		f.WriteString("\x02\x40")
	}
	f.Write([]byte{0x20, 1})
	f.constant(0xfff0)
	f.Write([]byte{0x71, 0x28, 2, 0, 0x22, 1, 0x0e}) // load of what is next; br_table
	f.number(cases)
	for i := range cases + 1 {
		f.number(i)
	}
	f.WriteByte(0x0b)
	for i := range cases {
		v := func(k int) byte { return byte(2 + (seed+i+k)%4) }
		f.Write([]byte{0x20, v(0), 0x20, v(1), 0x6a})
		f.constant(seed + i)
		f.Write([]byte{0x73, 0x22, v(2)})
		f.constant(0xfff0)
		f.Write([]byte{0x71, 0x20, v(3), 0x36, 2, 0, 0x20, v(1), 0x20, v(2), 0x77, 0x21, v(0), 0x0c}) // store; rotl; set; br to the loop
		f.number(cases - i)
		f.WriteByte(0x0b)
	}
	f.Write([]byte{0x0b, 0x20, 2, 0x0b})
	return f.Bytes()
}

// wasmWriter writes the binary format.
type wasmWriter struct{ bytes.Buffer }

func (w *wasmWriter) number(n int) { w.Write(binary.AppendUvarint(nil, uint64(n))) }

func (w *wasmWriter) text(s string) {
	w.number(len(s))
	w.WriteString(s)
}

// constant writes i32.const.
func (w *wasmWriter) constant(n int) {
	w.WriteByte(0x41)
	v := int64(int32(n))
	for {
		b := byte(v & 0x7f)
		if v >>= 7; v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			w.WriteByte(b)
			return
		}
		w.WriteByte(b | 0x80)
	}
}

func (w *wasmWriter) section(id byte, fill func(*wasmWriter)) {
	var s wasmWriter
	fill(&s)
	w.WriteByte(id)
	w.body(s.Bytes())
}

// body writes bytes with their number in front.
func (w *wasmWriter) body(b []byte) {
	w.number(len(b))
	w.Write(b)
}

func (w *wasmWriter) data(at int, b []byte) {
	w.WriteByte(0)
	w.constant(at)
	w.WriteByte(0x0b)
	w.body(b)
}
