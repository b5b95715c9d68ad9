//go:build wasmer && cgo

package wasmer

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// compiles tells whether a module can be compiled, and calls the given exports. If not, it must be for being invalid. That the process goes on is what is
// tested: libwasmer ends it where it meets what its compiler has not.
func compiles(t testing.TB, eng engine.Engine, module []byte, run ...string) bool {
	t.Helper()
	m, err := eng.Compile(context.WithoutCancel(t.Context()), engine.FromBytes(module))
	var invalid *engine.InvalidModuleError
	var large *engine.TooLargeError
	switch {
	case err == nil:
		for _, name := range run {
			var trap *engine.TrapError
			if err := engine.Run(context.WithoutCancel(t.Context()), m, &wasi.Config{Entrypoint: name}); err != nil && !errors.As(err, &trap) {
				t.Errorf("%x: %v", module, err)
			}
		}
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	case !errors.As(err, &invalid) && !errors.As(err, &large) && !errors.Is(err, errors.ErrUnsupported):
		t.Errorf("%x: %v", module, err)
	}
	return err == nil
}

func openForTest(t testing.TB, opts engine.Options) engine.Engine {
	t.Helper()
	eng, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return eng
}

// vector is a vector of the binary format (core specification, 5.1.3).
func vector(entries ...string) string {
	return string(binary.AppendUvarint(nil, uint64(len(entries)))) + strings.Join(entries, "")
}

func sized(body string) string { return string(binary.AppendUvarint(nil, uint64(len(body)))) + body }

// assemble makes a module of the bodies of its sections.
func assemble(bodies map[byte]string) []byte {
	var s wasm.Sections
	for id, body := range bodies {
		s.Make(id).Body = []byte(body)
	}
	return s.Module()
}

// TestEveryInstruction compiles and runs every opcode, with operands of every kind, from locals and as constants. Which of
// these are valid is for libwasmer to say.
func TestEveryInstruction(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	constant := map[byte]string{
		'\x7f': "\x41\x07", '\x7e': "\x42\x07", '\x7d': "\x43\x00\x00\x80\x3f", '\x7c': "\x44\x00\x00\x00\x00\x00\x00\xf0\x3f",
		'\x7b': "\xfd\x0c0123456789abcdef", '\x70': "\xd0\x70", '\x6f': "\xd0\x6f",
	}
	local := map[byte]string{
		'\x7f': "\x20\x00", '\x7e': "\x20\x01", '\x7d': "\x20\x02", '\x7c': "\x20\x03", '\x7b': "\x20\x04", '\x70': "\x20\x05", '\x6f': "\x20\x06",
	}
	var opcodes []string
	for op := range 0xd3 {
		opcodes = append(opcodes, string([]byte{byte(op)}))
	}
	for op := range 18 {
		opcodes = append(opcodes, "\xfc"+string(binary.AppendUvarint(nil, uint64(op))))
	}
	for op := range 256 {
		opcodes = append(opcodes, "\xfd"+string(binary.AppendUvarint(nil, uint64(op))))
	}
	immediates := []string{"", "\x00", "\x01", "\x00\x00", "\x03\x80\x80\x04", "\x00\x80\x80\x80\x80\x08\x01", "\x00\x05\x01", "\x40\x0b", "0000000000000000", "0123456789abcdef"}
	operands := []string{
		"", "\x7f", "\x7e", "\x7d", "\x7c", "\x7b", "\x70", "\x6f", "\x7f\x7f", "\x7e\x7e", "\x7d\x7d", "\x7c\x7c", "\x7b\x7b", "\x7b\x7f", "\x7b\x7e", "\x7b\x7d",
		"\x7b\x7c", "\x7f\x7e", "\x7f\x7d", "\x7f\x7c", "\x7f\x7b", "\x7f\x70", "\x70\x7f", "\x7b\x7b\x7b", "\x7f\x7f\x7f", "\x7e\x7e\x7f", "\x7d\x7d\x7f", "\x7c\x7c\x7f", "\x7b\x7b\x7f",
	}
	// What becomes of the result: it must be used, or nothing is compiled for it.
	sinks := []string{"", "\x24\x00", "\x24\x01", "\x24\x02", "\x24\x03", "\x24\x04", "\x24\x05", "\x24\x06"}
	valid := make(map[string]bool)
	for _, op := range opcodes {
		for _, immediate := range immediates {
			found := false
			for _, types := range operands {
				push := func(from map[byte]string) (s string) {
					for _, k := range []byte(types) {
						s += from[k]
					}
					return s
				}
				module := func(end string) []byte {
					const locals = "\x07\x01\x7f\x01\x7e\x01\x7d\x01\x7c\x01\x7b\x01\x70\x01\x6f"
					return assemble(map[byte]string{
						1: vector("\x60\x00\x00"),
						3: vector("\x00", "\x00"),
						4: vector("\x70\x00\x05", "\x6f\x00\x05"),
						5: vector("\x00\x01"),
						7: vector("\x01a\x00\x00", "\x01b\x00\x01"),
						6: vector("\x7f\x01\x41\x00\x0b", "\x7e\x01\x42\x00\x0b", "\x7d\x01\x43\x00\x00\x00\x00\x0b", "\x7c\x01\x44\x00\x00\x00\x00\x00\x00\x00\x00\x0b",
							"\x7b\x01\xfd\x0c0123456789abcdef\x0b", "\x70\x01\xd0\x70\x0b", "\x6f\x01\xd0\x6f\x0b"),
						9:  vector("\x01\x00\x01\x00"),
						12: "\x01",
						10: vector(sized(locals+push(local)+op+immediate+end+"\x0b"), sized(locals+push(constant)+op+immediate+end+"\x0b")),
						11: vector("\x01\x01x"),
					})
				}
				if found || !compiles(t, eng, module("\x00")) { // before unreachable any result will do
					continue
				}
				for _, sink := range sinks {
					found = found || compiles(t, eng, module(sink), "a", "b")
				}
				valid[op] = valid[op] || found
			}
		}
	}
	n := 0
	for _, ok := range valid {
		if ok {
			n++
		}
	}
	if n < 400 {
		t.Errorf("only %d opcodes are valid: are the modules right?", n)
	}
}

// FuzzCompile compiles what it makes of the suite's guests. The process must go on.
func FuzzCompile(f *testing.F) {
	names, err := filepath.Glob("../enginetest/testdata/*.wasm")
	if err != nil || len(names) == 0 {
		f.Fatalf("no guests: %v", err)
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		module, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(module)
	}
	eng := openForTest(f, engine.Options{MaxModuleBytes: 1 << 16})
	f.Fuzz(func(t *testing.T, module []byte) { compiles(t, eng, module) })
}
