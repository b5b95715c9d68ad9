//go:build wasmer && cgo

package wasmer

import (
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
)

// TestExtremes: functions as large, as deep or as wide as libwasmer's validation lets them be are compiled or refused; the
// process goes on.
func TestExtremes(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	const n = 8_000
	for _, c := range []struct{ name, body string }{
		{"blocks in blocks", "\x00" + strings.Repeat("\x02\x40", n) + strings.Repeat("\x0b", n) + "\x0b"},
		{"loops in loops", "\x00" + strings.Repeat("\x03\x40", n) + strings.Repeat("\x0b", n) + "\x0b"},
		{"ifs in ifs", "\x00" + strings.Repeat("\x41\x00\x04\x40", n/2) + strings.Repeat("\x0b", n/2) + "\x0b"},
		{"a chain", "\x00\x20\x00" + strings.Repeat("\x45", 2*n) + "\x24\x00\x0b"},
		{"many operands", "\x00" + strings.Repeat("\x20\x00", n) + strings.Repeat("\x6a", n-1) + "\x24\x00\x0b"},
		{"many loads", "\x00" + strings.Repeat("\x20\x00\x28\x02\x00", n/2) + strings.Repeat("\x6a", n/2-1) + "\x24\x00\x0b"},
		{"many locals", "\x01\xcf\x86\x03\x7b\x0b"},
		{"many locals, used in a loop", "\x01\xd0\x0f\x7e\x03\x40" + strings.Repeat("\x20\x01\x21\x02", n/2) + "\x0b\x0b"},
		{"a wide table of branches", "\x00\x02\x40\x20\x00\x0e\xd0\x86\x03" + strings.Repeat("\x00", 50_001) + "\x0b\x0b"},
		{"many branches", "\x00\x02\x40" + strings.Repeat("\x20\x00\x0d\x00", n/2) + "\x0b\x0b"},
		{"many calls", "\x00" + strings.Repeat("\x41\x00\x10\x00", n/2) + "\x0b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compiles(t, eng, assemble(map[byte]string{
				1:  vector("\x60\x01\x7f\x00"),
				3:  vector("\x00"),
				5:  vector("\x00\x01"),
				6:  vector("\x7f\x01\x41\x00\x0b"),
				7:  vector("\x01a\x00\x00"),
				10: vector(sized(c.body)),
			}))
		})
	}
}
