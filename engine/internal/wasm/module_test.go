package wasm_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// command is (module (func (export "_start") (call $proc_exit (i32.const 42)))) with proc_exit imported, a memory of one page, a
// table of 20,000 elements and a function (i64, f32) -> (f64, v128).
const command = wasm.Header +
	"\x01\x0f\x03\x60\x01\x7f\x00\x60\x00\x00\x60\x02\x7e\x7d\x02\x7c\x7b" +
	"\x02\x24\x01\x16wasi_snapshot_preview1\x09proc_exit\x00\x00" +
	"\x03\x03\x02\x01\x02" +
	"\x04\x06\x01\x70\x00\xa0\x9c\x01" +
	"\x05\x03\x01\x00\x01" +
	"\x07\x19\x03\x06memory\x02\x00\x06_start\x00\x01\x03fun\x00\x02"

func TestRead(t *testing.T) {
	m, err := wasm.Read([]byte(command))
	if err != nil {
		t.Fatal(err)
	}
	if want := []wasm.Extern{{"wasi_snapshot_preview1", "proc_exit", "func", "(i32) -> ()"}}; !slices.Equal(m.Imports, want) {
		t.Errorf("imports %v, want %v", m.Imports, want)
	}
	want := []wasm.Extern{{"", "memory", "memory", ""}, {"", "_start", "func", "() -> ()"}, {"", "fun", "func", "(i64, f32) -> (f64, v128)"}}
	if !slices.Equal(m.Exports, want) {
		t.Errorf("exports %v, want %v", m.Exports, want)
	}
	if m.MemoryPages != 1 || m.Elements != 20000 {
		t.Errorf("starts with %d pages and %d elements", m.MemoryPages, m.Elements)
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct{ name, types, want string }{
		{"references", "\x01\x60\x02\x70\x6f\x00", "(funcref, externref) -> ()"},
		{"a recursive group", "\x01\x4e\x02\x5f\x01\x63\x01\x01\x60\x02\x63\x00\x64\x6e\x00", ""},
		{"a subtype", "\x01\x50\x00\x60\x01\x63\x6f\x00", "((ref null extern)) -> ()"},
		{"an array", "\x01\x5e\x78\x01", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			section := func(id byte, body string) string { return string([]byte{id, byte(len(body))}) + body }
			m, err := wasm.Read([]byte(wasm.Header + section(wasm.SectionType, c.types) + section(wasm.SectionFunction, "\x01\x00") + section(wasm.SectionExport, "\x01\x01f\x00\x00")))
			if err != nil || m.Exports[0].Type != c.want {
				t.Errorf("%q, %v, want %q", m.Exports, err, c.want)
			}
		})
	}
}

// TestReadCutOff: a module that ends too soon is an error, or what there is of it, and never a panic.
func TestReadCutOff(t *testing.T) {
	for n := range len(command) {
		if m, err := wasm.Read([]byte(command[:n])); err == nil && len(m.Exports) != 0 {
			t.Errorf("%d bytes have exports", n)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b := []byte(command)
		for range 3 {
			b[len(wasm.Header)+r.IntN(len(b)-len(wasm.Header))] = byte(r.Uint32())
		}
		_, _ = wasm.Read(b)
	}
}

// TestBounded: a few bytes that ask for gigabytes are refused by their number, in every place where there is a number.
func TestBounded(t *testing.T) {
	const many = "\xf0\xff\xff\xff\x0f"
	section := func(id byte, body string) string {
		return wasm.Header + string(binary.AppendUvarint([]byte{id}, uint64(len(body)))) + body
	}
	for _, c := range []struct{ name, wasm string }{
		{"types", section(wasm.SectionType, many)},
		{"parameters", section(wasm.SectionType, "\x01\x60"+many)},
		{"results", section(wasm.SectionType, "\x01\x60\x00"+many)},
		{"imports", section(wasm.SectionImport, many)},
		{"the name of an import", section(wasm.SectionImport, "\x01"+many)},
		{"functions", section(wasm.SectionFunction, many)},
		{"tables", section(wasm.SectionTable, many)},
		{"memories", section(wasm.SectionMemory, many)},
		{"globals", section(wasm.SectionGlobal, many)},
		{"exports", section(wasm.SectionExport, many)},
		{"the name of an export", section(wasm.SectionExport, "\x01"+many)},
		{"element segments", section(wasm.SectionElement, many)},
		{"elements", section(wasm.SectionElement, "\x01\x00\x41\x00\x0b"+many)},
		{"passive elements", section(wasm.SectionElement, "\x01\x05\x70"+many)},
		{"code", section(wasm.SectionCode, many)},
		{"the code of a function", section(wasm.SectionCode, "\x01"+many)},
		{"groups of locals", section(wasm.SectionCode, "\x01\x06"+many+"\x7f")},
		{"locals", section(wasm.SectionCode, "\x01\x08\x01"+many+"\x7f\x0b")},
		{"data segments", section(wasm.SectionData, many)},
		{"data", section(wasm.SectionData, "\x01\x01"+many)},
		{"tags", section(wasm.SectionTag, many)},
		{"a custom section's name", section(wasm.SectionCustom, many)},
		{"the name section", section(wasm.SectionCustom, "\x04name\x01"+many)},
		{"names of functions", section(wasm.SectionCustom, "\x04name\x01\x05"+many)},
		{"the module's name", section(wasm.SectionCustom, "\x04name\x00\x05"+many)},
		{"functions with names of locals", section(wasm.SectionCustom, "\x04name\x02\x05"+many)},
		{"names of locals", section(wasm.SectionCustom, "\x04name\x02\x07\x01\x00"+many)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := wasm.Bounded([]byte(c.wasm)); err == nil {
				t.Error("accepted")
			}
		})
	}
	function := "\x06\x01\xd0\x86\x03\x7f\x0b" // 50,000 locals
	for n, ok := range map[int]bool{1: true, 20: true, 21: false} {
		if err := wasm.Bounded([]byte(section(wasm.SectionCode, string(rune(n))+strings.Repeat(function, n)))); (err == nil) != ok {
			t.Errorf("%d functions of 50,000 locals: %v", n, err)
		}
	}
	if err := wasm.Bounded([]byte(command)); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(command))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = wasm.Bounded(b)
		_, _ = wasm.Read(b) // must not panic, nor take memory that b has not
	})
}
