//go:build wasmedge && cgo && linux

package wasmedge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// memories are guests that grow a memory, by the section that declares it. What they grow begins where a program lies that is linked
// to a fixed address.
var memories = map[string]struct{ declared, data string }{
	"of no page": {"\x01\x00\x00", ""},
	"of a page":  {"\x01\x00\x01", ""},
	"with data":  {"\x01\x00\x01", "\x01\x00\x41\x00\x0b\x01x"},
}

// TestNoRoom: where there is no address space for a guest's memory the run fails before the guest does anything. The engine alone
// would let it grow its memory from address 0 on, over what the process has there.
func TestNoRoom(t *testing.T) {
	const name = "WASMOCI_TEST_NO_ROOM"
	if memory := os.Getenv(name); memory != "" {
		inLittleRoom(t, memory)
		return
	}
	for memory := range memories {
		t.Run(memory, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			child := exec.CommandContext(t.Context(), self, "-test.run", "^TestNoRoom$")
			child.Env = append(os.Environ(), name+"="+memory)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v:\n%.2000s", err, out)
			}
		})
	}
}

// inLittleRoom runs a guest in a process that has some address space left, but not what a memory takes.
func inLittleRoom(t *testing.T, memory string) {
	e := opened(t, engine.Options{})
	m, err := e.Compile(t.Context(), engine.FromBytes(growing(memories[memory].declared, memories[memory].data)))
	if err != nil {
		t.Fatal(err)
	}
	var pages uint64
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		t.Fatal(err)
	}
	all := pages*uint64(os.Getpagesize()) + 6<<30
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: all, Max: all}); err != nil {
		t.Fatal(err)
	}
	if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{}); !errors.Is(err, errNoRoom) {
		t.Errorf("ended with %v, want %v", err, errNoRoom)
	}
}

// TestRoom: with address space enough the same guests have their memory.
func TestRoom(t *testing.T) {
	e := opened(t, engine.Options{})
	for name, memory := range memories {
		t.Run(name, func(t *testing.T) {
			if err := runOn(t, e, growing(memory.declared, memory.data), &wasi.Config{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// growing is a guest that grows its memory by 2000 pages, and is at fault where it gets none.
func growing(memory, data string) []byte {
	code := "\x00\x41\xd0\x0f\x40\x00\x41\x00\x48\x04\x40\x00\x0b\x0b" // if (i32.lt_s (memory.grow 2000) 0) unreachable
	out := []byte(wasm.Header)
	for _, s := range []struct {
		id   byte
		body string
	}{
		{wasm.SectionType, "\x01\x60\x00\x00"},
		{wasm.SectionFunction, "\x01\x00"},
		{wasm.SectionMemory, memory},
		{wasm.SectionExport, "\x01\x06_start\x00\x00"},
		{wasm.SectionCode, "\x01" + string(rune(len(code))) + code},
		{wasm.SectionData, data},
	} {
		if s.body != "" {
			out = wasm.AppendSized(append(out, s.id), s.body)
		}
	}
	return out
}
