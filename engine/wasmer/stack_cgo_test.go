//go:build wasmer && cgo

package wasmer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// recursive is a guest that calls itself without end, with so many values of 64 bits, or of 128, that are alive meanwhile,
// and leaves its own code in between by the given instructions.
func recursive(live int, vectors bool, leave string) []byte {
	kind, size := "\x7e", 1
	if vectors {
		kind, size = "\x7b", 2
	}
	var body strings.Builder
	body.WriteString(vector(string(binary.AppendUvarint(nil, uint64(live/size+1))) + kind))
	index := func(i int) string { return string(binary.AppendUvarint(nil, uint64(i+1))) }
	for i := range live / size {
		body.WriteString("\x20\x00\x42" + string(wasm.AppendInt(nil, int64(i)*77+3)) + "\x7e") // the parameter by a number
		if vectors {
			body.WriteString("\xfd\x12") // in both lanes
		}
		body.WriteString("\x21" + index(i))
	}
	body.WriteString(leave + "\x20\x00\x42\x01\x7c\x10\x02") // with one more
	for i := range live / size {
		body.WriteString("\x20" + index(i))
		if vectors {
			body.WriteString("\xfd\x1d\x01")
		}
		body.WriteString("\x85")
	}
	body.WriteString("\x0b")
	return assemble(map[byte]string{
		1:  vector("\x60\x00\x00", "\x60\x01\x7e\x01\x7e", "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f"),
		2:  vector("\x16wasi_snapshot_preview1\x08fd_write\x00\x02"),
		3:  vector("\x00", "\x01"),
		4:  vector("\x70\x00\x01"),
		5:  vector("\x00\x01"),
		7:  vector("\x06memory\x02\x00", "\x06_start\x00\x01"),
		9:  vector("\x00\x41\x00\x0b\x01\x00"), // the import in the table
		10: vector(sized("\x00\x42\x01\x10\x02\x1a\x0b"), sized(body.String())),
	})
}

// TestStackOverflow: wherever a guest meets the end of its stack, it is a trap, and the process goes on. libwasmer alone ends
// the process for all but the first of these guests.
func TestStackOverflow(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	ctx := context.WithoutCancel(t.Context())
	for _, leave := range []struct{ name, code string }{
		{"by calls alone", ""},
		{"calling its host", "\x41\x01\x41\x00\x41\x00\x41\x20\x10\x00\x1a"},
		{"calling its host through a table", "\x41\x01\x41\x00\x41\x00\x41\x20\x41\x00\x11\x02\x00\x1a"},
		{"growing its memory", "\x41\x00\x40\x00\x1a"},
		{"growing its table", "\xd0\x70\x41\x01\xfc\x0f\x00\x1a"},
		{"copying memory", "\x41\x00\x41\x00\x41\x10\xfc\x0a\x00\x00"},
	} {
		for _, vectors := range []bool{false, true} {
			for _, live := range []int{0, 40, 120, 240, 480, 510, 700, 1500, 4000} {
				t.Run(fmt.Sprintf("%s, %d values, vectors %t", leave.name, live, vectors), func(t *testing.T) {
					m, err := eng.Compile(ctx, engine.FromBytes(recursive(live, vectors, leave.code)))
					if err != nil {
						t.Fatal(err)
					}
					defer m.Close()
					if err := engine.Run(ctx, m, &wasi.Config{}); !errors.Is(err, engine.TrapStackOverflow) {
						t.Errorf("ended with %v, want %v", err, engine.TrapStackOverflow)
					}
				})
			}
		}
	}
}
