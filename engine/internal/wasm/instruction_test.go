package wasm_test

import (
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

func instruction(code string) (in wasm.Instruction, rest int, err error) {
	defer wasm.Recover(&err)
	r := wasm.Reader(code)
	in = r.Instruction()
	return in, len(r), nil
}

// TestInstruction: what is read of an instruction, and that it ends where it ends.
func TestInstruction(t *testing.T) {
	const long = "\x80\x80\x80\x80\x00" // 0, in as many bytes as there may be
	for _, c := range []struct {
		name, code string
		want       wasm.Instruction // but for Bytes
	}{
		{"nop", "\x01", wasm.Instruction{Op: 0x01}},
		{"an empty block", "\x02\x40", wasm.Instruction{Op: wasm.OpBlock}},
		{"a loop with a result", "\x03\x7b", wasm.Instruction{Op: wasm.OpLoop, Value: true}},
		{"a block with a reference", "\x02\x6f", wasm.Instruction{Op: wasm.OpBlock, Value: true}},
		{"an if with a type", "\x04\x85\x01", wasm.Instruction{Op: wasm.OpIf, Index: 0x85, Typed: true}},
		{"a block of a type in five bytes", "\x02\x80\x80\x80\x80\x00", wasm.Instruction{Op: wasm.OpBlock, Typed: true}},
		{"br_if", "\x0d\x03", wasm.Instruction{Op: wasm.OpBrIf, Index: 3, Delta: -1}},
		{"br_table", "\x0e\x02\x01\x07\x02", wasm.Instruction{Op: wasm.OpBrTable, Index: 7}},
		{"call", "\x10\x80\x01", wasm.Instruction{Op: wasm.OpCall, Index: 0x80}},
		{"call in five bytes", "\x10" + long, wasm.Instruction{Op: wasm.OpCall}},
		{"call_indirect", "\x11\x05\x01", wasm.Instruction{Op: wasm.OpCallIndirect, Index: 5, Delta: -1}},
		{"return_call", "\x12\x05", wasm.Instruction{Op: wasm.OpReturnCall, Index: 5}},
		{"return_call_indirect", "\x13\x05\x00", wasm.Instruction{Op: wasm.OpReturnCallIndirect, Index: 5, Delta: -1}},
		{"select", "\x1b", wasm.Instruction{Op: 0x1b, Delta: -2}},
		{"select of a type", "\x1c\x01\x70", wasm.Instruction{Op: 0x1c, Delta: -2}},
		{"global.set", "\x24\x03", wasm.Instruction{Op: wasm.OpGlobalSet, Index: 3, Delta: -1}},
		{"i32.load", "\x28\x02\xff\xff\xff\xff\x0f", wasm.Instruction{Op: 0x28}},
		{"i64.store", "\x37\x03\x00", wasm.Instruction{Op: 0x37, Delta: -2}},
		{"memory.size", "\x3f\x00", wasm.Instruction{Op: 0x3f, Delta: 1}},
		{"i32.const", "\x41\xff\xff\xff\xff\x07", wasm.Instruction{Op: wasm.OpI32Const, Delta: 1}},
		{"i64.const", "\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", wasm.Instruction{Op: wasm.OpI64Const, Delta: 1}},
		{"f32.const", "\x43\x0b\x0b\x0b\x0b", wasm.Instruction{Op: wasm.OpF32Const, Delta: 1}},
		{"f64.const", "\x44\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", wasm.Instruction{Op: wasm.OpF64Const, Delta: 1}},
		{"i32.eqz", "\x45", wasm.Instruction{Op: 0x45}},
		{"i32.add", "\x6a", wasm.Instruction{Op: wasm.OpI32Add, Delta: -1}},
		{"i64.extend32_s", "\xc4", wasm.Instruction{Op: 0xc4}},
		{"ref.null", "\xd0\x70", wasm.Instruction{Op: wasm.OpRefNull, Delta: 1}},
		{"ref.func", "\xd2\x09", wasm.Instruction{Op: wasm.OpRefFunc, Index: 9, Delta: 1}},
		{"i64.trunc_sat_f64_u", "\xfc\x07", wasm.Instruction{Op: 0xfc07}},
		{"memory.init", "\xfc\x08\x03\x00", wasm.Instruction{Op: wasm.OpMemoryInit, Index: 3, Delta: -3}},
		{"memory.copy", "\xfc\x0a\x00\x00", wasm.Instruction{Op: wasm.OpMemoryCopy, Delta: -3}},
		{"memory.copy, its number in two bytes", "\xfc\x8a\x00\x00\x00", wasm.Instruction{Op: wasm.OpMemoryCopy, Delta: -3}},
		{"table.copy", "\xfc\x0e\x02\x01", wasm.Instruction{Op: wasm.OpTableCopy, Index: 2, Delta: -3}},
		{"v128.const", "\xfd\x0c0123456789abcdef", wasm.Instruction{Op: wasm.OpV128Const, Delta: 1}},
		{"i8x16.extract_lane_s", "\xfd\x15\x0b", wasm.Instruction{Op: 0xfd15}},
		{"v128.load8_lane", "\xfd\x54\x00\x00\x0b", wasm.Instruction{Op: 0xfd54}},
		{"i16x8.abs", "\xfd\x80\x01", wasm.Instruction{Op: 0xfd80}},
		{"the last of vectors", "\xfd\xff\x01", wasm.Instruction{Op: 0xfdff}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, rest, err := instruction(c.code + "\x0b\x0b")
			if err != nil {
				t.Fatal(err)
			}
			if string(in.Bytes) != c.code || rest != 2 {
				t.Errorf("it is %x, and %d bytes follow", in.Bytes, rest)
			}
			in.Bytes = nil
			if in.Op != c.want.Op || in.Index != c.want.Index || in.Typed != c.want.Typed || in.Value != c.want.Value || in.Delta != c.want.Delta {
				t.Errorf("%+v, want %+v", in, c.want)
			}
			for n := range c.code {
				if in, _, err := instruction(c.code[:n]); err == nil {
					t.Errorf("of its first %d bytes it is %x", n, in.Bytes)
				}
			}
		})
	}
}

// TestInstructionRefused: what other features have, and what a runtime could read as something else.
func TestInstructionRefused(t *testing.T) {
	for _, c := range []struct{ name, code, want string }{
		{"try", "\x06\x40", "not supported"},
		{"call_ref", "\x14\x00", "not supported"},
		{"an atomic instruction", "\xfe\x03\x00", "not supported"},
		{"a bulk instruction that is not there", "\xfc\x12\x00", "not supported"},
		{"one of a number beyond 8 bits", "\xfc\x88\x02\x00", "not supported"},
		{"a vector instruction in two bytes of one", "\xfd\x8c\x00", "not supported"},
		{"one in three", "\xfd\x8c\x80\x00", "not supported"},
		{"one beyond 8 bits", "\xfd\x80\x02", "not supported"},
		{"a block of another reference", "\x02\x69", "block of type"},
		{"an empty block in two bytes", "\x02\xc0\x7f", "block of type"},
		{"a block with a result in two bytes", "\x02\xff\x7f", "block of type"},
		{"a block's type in six bytes", "\x02\x80\x80\x80\x80\x80\x00", "33 bits"},
		{"labels without a number", "\x0e\xff\xff\xff\xff\x1f", "no unsigned number"},
		{"many labels", "\x0e\xff\xff\xff\xff\x0f", "more than 65520 labels"},
		{"a memory in an alignment", "\x28\x42\x00\x00", "alignment"},
		{"a large alignment", "\x28\x05\x00", "alignment"},
		{"an offset of 64 bits", "\x28\x00\x80\x80\x80\x80\x10", "no unsigned number"},
		{"the size of another memory", "\x3f\x01", "memory 1"},
		{"of the only one, in two bytes", "\x3f\x80\x00", "memory 128"},
		{"memory.copy to another", "\xfc\x0a\x01\x00", "memory 1"},
		{"and from another", "\xfc\x0a\x00\x01", "memory 1"},
		{"memory.init of another", "\xfc\x08\x00\x01", "memory 1"},
		{"select of two types", "\x1c\x02\x7f\x7f", "2 types"},
		{"select of one, in two bytes", "\x1c\x81\x00\x7f", "129 types"},
		{"select of no type", "\x1c\x01\x40", "value of type"},
		{"ref.null of another type", "\xd0\x6e", "reference of type"},
		{"i32.const of six bytes", "\x41\x80\x80\x80\x80\x80\x00", "32 bits"},
		{"i64.const of eleven", "\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", "64 bits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if in, _, err := instruction(c.code); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%x, %v, want %q", in.Bytes, err, c.want)
			}
		})
	}
}

// FuzzInstruction: an instruction is the bytes that were read of it, and reads the same alone.
func FuzzInstruction(f *testing.F) {
	for _, code := range []string{"\x0b", "\x02\x40", "\x0e\x02\x01\x07\x02", "\x28\x02\x08", "\x41\x7f", "\xfc\x0a\x00\x00", "\xfd\x80\x01", "\xfd\x0c0123456789abcdef"} {
		f.Add([]byte(code))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		in, rest, err := instruction(string(code))
		if err != nil {
			return
		}
		if len(in.Bytes)+rest != len(code) || string(in.Bytes) != string(code[:len(in.Bytes)]) {
			t.Fatalf("%x of %x, with %d left", in.Bytes, code, rest)
		}
		again, rest, err := instruction(string(in.Bytes))
		if err != nil || rest != 0 || again.Op != in.Op || again.Index != in.Index {
			t.Errorf("%+v, alone %+v, %v, with %d left", in, again, err, rest)
		}
	})
}
