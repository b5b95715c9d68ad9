//go:build wasmer && cgo

package wasmer

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// leave is how a guest leaves its own code, by instructions that keep the stack of operands. The module has a memory of a page, a
// table of one function, an import of its type, and a passive segment of each kind.
var leave = []struct{ name, code string }{
	{"not at all", ""},
	{"calling its host", "\x41\x01\x41\x00\x41\x00\x41\x20\x10\x00\x1a"},
	{"calling its host through a table", "\x41\x01\x41\x00\x41\x00\x41\x20\x41\x00\x11\x02\x00\x1a"},
	{"growing its memory", "\x41\x00\x40\x00\x1a"},
	{"asking for the size of its memory", "\x3f\x00\x1a"},
	{"copying memory", "\x41\x00\x41\x00\x41\x10\xfc\x0a\x00\x00"},
	{"filling memory", "\x41\x00\x41\x00\x41\x10\xfc\x0b\x00"},
	{"initialising memory", "\x41\x00\x41\x00\x41\x00\xfc\x08\x00\x00"},
	{"dropping data", "\xfc\x09\x00"},
	{"growing its table", "\xd0\x70\x41\x01\xfc\x0f\x00\x1a"},
	{"asking for the size of its table", "\xfc\x10\x00\x1a"},
	{"reading its table", "\x41\x00\x25\x00\x1a"},
	{"writing its table", "\x41\x00\xd0\x70\x26\x00"},
	{"copying its table", "\x41\x00\x41\x00\x41\x01\xfc\x0e\x00\x00"},
	{"filling its table", "\x41\x00\xd0\x70\x41\x00\xfc\x11\x00"},
	{"initialising its table", "\x41\x00\x41\x00\x41\x00\xfc\x0c\x01\x00"},
	{"dropping elements", "\xfc\x0d\x01"},
	{"by a reference", "\xd2\x00\x1a"},
}

// trapping ends a guest that leaves its code by it.
var trapping = []struct{ name, code string }{
	{"copying memory out of bounds", "\x41\x00\x41\x00\x41\x7f\xfc\x0a\x00\x00"},
	{"loading out of bounds", "\x41\x7f\x28\x02\x00\x1a"},
	{"dividing by zero", "\x41\x01\x41\x00\x6d\x1a"},
}

// around is a module of functions of types 0 () -> (), 1 (i64) -> i64, 2 (fd_write's), 3 (i32) -> () and 4 (i32, i32) -> i32,
// of which the first is _start and has the index 2, after two imports. Functions from 3 on are in the table, from 1 on.
func around(types string, bodies ...string) []byte {
	in := []string{"\x00"}
	for i := range len(bodies) - 1 {
		in = append(in, string(rune(3+i)))
	}
	for i := range bodies {
		bodies[i] = sized(bodies[i])
	}
	return assemble(map[byte]string{
		1: vector("\x60\x00\x00", "\x60\x01\x7e\x01\x7e", "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f", "\x60\x01\x7f\x00", "\x60\x02\x7f\x7f\x01\x7f"),
		2: vector("\x16wasi_snapshot_preview1\x08fd_write\x00\x02", "\x16wasi_snapshot_preview1\x0eargs_sizes_get\x00\x04"),
		3: vector(append([]string{"\x00"}, strings.Split(types, "")...)...),
		4: vector("\x70\x00\x08"),
		5: vector("\x00\x01"),
		7: vector("\x06memory\x02\x00", "\x06_start\x00\x02"),
		9: vector("\x00\x41\x00\x0b"+vector(in...), "\x01\x00"+vector("\x00")), // an active segment, and a passive one
		// Code needs the number of passive segments of data beforehand.
		12: "\x01",
		10: vector(bodies...),
		11: vector("\x01\x01x"),
	})
}

// recursive is a guest of two functions that call each other without end, with so many values of 64 bits, or of 128, that are alive
// meanwhile, directly or through its table, and leave its own code in between by the given instructions.
func recursive(live int, vectors, indirect bool, leave string) []byte {
	kind, size := "\x7e", 1
	if vectors {
		kind, size = "\x7b", 2
	}
	index := func(i int) string { return string(binary.AppendUvarint(nil, uint64(i+1))) }
	body := func(other byte) string {
		var body strings.Builder
		locals := live/size + 1
		if live > 4000 {
			locals = 49_999 // with the parameter, as many as there can be
		}
		body.WriteString(vector(string(binary.AppendUvarint(nil, uint64(locals))) + kind))
		for i := range live / size {
			body.WriteString("\x20\x00\x42" + string(wasm.AppendInt(nil, int64(i)*77+3)) + "\x7e") // the parameter by a number
			if vectors {
				body.WriteString("\xfd\x12") // in both lanes
			}
			body.WriteString("\x21" + index(i))
		}
		body.WriteString(leave + "\x20\x00\x42\x01\x7c") // with one more
		if indirect {
			body.WriteString("\x41" + string(other-2) + "\x11\x01\x00")
		} else {
			body.WriteString("\x10" + string(other))
		}
		for i := range live / size {
			body.WriteString("\x20" + index(i))
			if vectors {
				body.WriteString("\xfd\x1d\x01")
			}
			body.WriteString("\x85")
		}
		body.WriteString("\x0b")
		return body.String()
	}
	return around("\x01\x01", "\x00\x42\x01\x10\x03\x1a\x0b", body(4), body(3))
}

// TestStackOverflow: wherever a guest meets the end of its stack, it is a trap, and the process goes on. libwasmer alone ends
// the process for most of these guests.
func TestStackOverflow(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	ctx := context.WithoutCancel(t.Context())
	for i, leave := range leave {
		frames := []int{0, 510}
		if i < 4 {
			frames = []int{0, 40, 120, 240, 480, 510, 700, 1500, 4000}
		}
		for _, vectors := range []bool{false, true} {
			for _, live := range frames {
				indirect := live%80 == 40
				t.Run(fmt.Sprintf("%s, %d values, vectors %t, through a table %t", leave.name, live, vectors, indirect), func(t *testing.T) {
					m := compileForTest(t, eng, recursive(live, vectors, indirect, leave.code))
					defer m.Close()
					if err := engine.Run(ctx, m, &wasi.Config{}); !errors.Is(err, engine.TrapStackOverflow) {
						t.Errorf("ended with %v, want %v", err, engine.TrapStackOverflow)
					}
				})
			}
		}
	}
}

// TestStackEdges: a guest that leaves its own code once, at a depth it is told, does so or is a trap, at every depth near where it
// has enough left for that no more and near where it has nothing left.
func TestStackEdges(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	ctx := context.WithoutCancel(t.Context())
	first, bottom := make([]int, 3), make([]int, 3)
	for i, leave := range slices.Concat(leave, trapping) {
		t.Run(leave.name, func(t *testing.T) {
			m := compileForTest(t, eng, around("\x03\x03",
				"\x00\x41\x00\x41\x04\x10\x01\x1a"+"\x41\x00\x28\x02\x00\x10\x03\x0b", // by the number of arguments,
				"\x01\x01\x7f\x20\x00\x41\xcd\x00\x6c\x21\x01"+ // in frames of another size,
					"\x20\x00\x41\x01\x4a\x04\x40\x20\x00\x41\x01\x6b\x10\x03\x05\x41\x04\x28\x02\x00\x10\x04\x0b\x41\x08\x20\x01\x36\x02\x00\x0b",
				"\x00\x20\x00\x04\x40\x20\x00\x41\x01\x6b\x10\x04\x05"+leave.code+"\x0b\x0b", // and by their size
			))
			defer m.Close()
			own := engine.Run(ctx, m, &wasi.Config{Args: []string{""}}) // what it does with enough
			overflows := func(depth, other int) bool {
				args := append(slices.Repeat([]string{""}, other), strings.Repeat("x", depth-other))
				err := engine.Run(ctx, m, &wasi.Config{Args: args})
				if errors.Is(err, engine.TrapStackOverflow) {
					return true
				}
				if fmt.Sprint(err) != fmt.Sprint(own) {
					t.Fatalf("depth %d and %d: ended with %v, want %v", depth, other, err, own)
				}
				return false
			}
			if own != nil { // libwasmer looks at all of its frames, which takes long
				for _, d := range []int{max(1, bottom[0]-1000), max(1, bottom[0]), bottom[0] + 1} {
					overflows(d, 0)
				}
				return
			}
			deepest := func(other int) int {
				fits, not := 10, 1<<20
				for not-fits > 1 {
					if middle := (fits + not) / 2; overflows(middle, other) {
						not = middle
					} else {
						fits = middle
					}
				}
				return fits
			}
			others, near := 3, 48
			if i >= 4 { // what is like the last one
				others, near = 1, 4
			}
			for other := range others {
				if i < 4 {
					first[other] = deepest(other)
				}
				first := first[other]
				bottom[other] = max(bottom[other], first) // of the guest that does not leave its code
				over := false
				for _, d := range slices.Concat(span(first-4, first+4), span(bottom[other]-near, bottom[other]+4)) {
					is := overflows(d, other)
					if over && !is && d > first {
						t.Errorf("depth %d and %d: it has more room than with less", d, other)
					}
					over = is
				}
				if !over {
					t.Errorf("it has no end at depth %d and %d", bottom[other]+4, other)
				}
			}
		})
	}
}

// TestTrapNames: what a guest calls itself and its functions is not copied for each frame of a stack that traps, or ends the
// guest by a call of its host. Both names together would be 3.6 GB here.
func TestTrapNames(t *testing.T) {
	name := wasm.AppendSized(nil, strings.Repeat("n", 90_000))
	names := "\x00" + string(wasm.AppendSized(nil, "\x04name"+
		"\x00"+string(wasm.AppendSized(nil, string(name)))+ // of the module
		"\x01"+string(wasm.AppendSized(nil, "\x01\x03"+string(name))))) // of the function 3
	module := around("\x03",
		"\x00\x41\xa0\x9c\x01\x10\x03\x0b", // 20,000 calls deep
		"\x00\x20\x00\x04\x40\x20\x00\x41\x01\x6b\x10\x03\x05\x00\x0b\x0b")
	m := compileForTest(t, openForTest(t, engine.Options{}), append(module, names...))
	defer m.Close()
	peak := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return u.Maxrss << 10
	}
	before := peak()
	if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{}); !errors.Is(err, engine.TrapUnreachable) {
		t.Errorf("ended with %v, want %v", err, engine.TrapUnreachable)
	}
	if grown := peak() - before; grown > 512<<20 {
		t.Errorf("its end took %d bytes of memory", grown)
	}
}

func span(from, to int) (all []int) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

// TestLargeFrames: of functions with as many locals as there can be, so many of them in use that a frame is larger than what is kept for
// code that is not the guest's.
func TestLargeFrames(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	for _, leave := range leave[:2] {
		t.Run(leave.name, func(t *testing.T) {
			m := compileForTest(t, eng, recursive(9_000, true, false, leave.code))
			defer m.Close()
			if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{}); !errors.Is(err, engine.TrapStackOverflow) {
				t.Errorf("ended with %v, want %v", err, engine.TrapStackOverflow)
			}
		})
	}
}

// TestLibcalls: all that compiled code may call of libwasmer's comes by what checks the stack.
func TestLibcalls(t *testing.T) {
	exported := func(path string) (names []string) {
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		symbols, err := f.DynamicSymbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range symbols {
			if strings.HasPrefix(s.Name, "wasmer_vm_") && s.Section != elf.SHN_UNDEF && elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Name != "wasmer_vm_raise_trap" {
				names = append(names, s.Name)
			}
		}
		slices.Sort(names)
		return names
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(maps), "/libwasmer.so\n")
	if !ok {
		t.Fatal("libwasmer.so is not mapped")
	}
	library := before[strings.LastIndexByte(before, ' ')+1:] + "/libwasmer.so"
	want, got := exported(library), exported("/proc/self/exe")
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("this program has %q, libwasmer %q", got, want)
	}
}
