package wasm_test

import (
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

func TestBoundTables(t *testing.T) {
	for _, c := range []struct {
		name, in, want, err string
	}{
		{name: "no maximum", in: "\x01\x70\x00\x00", want: "\x01\x70\x01\x00\x80\xad\xe2\x04"},
		{name: "one within", in: "\x01\x70\x01\x01\x05", want: "\x01\x70\x01\x01\x05"},
		{name: "one beyond", in: "\x01\x70\x01\x00\xff\xff\xff\xff\x0f", want: "\x01\x70\x01\x00\x80\xad\xe2\x04"},
		{name: "two share", in: "\x02\x70\x00\x00\x6f\x00\x00", want: "\x02\x70\x01\x00\xc0\x96\xb1\x02\x6f\x01\x00\xc0\x96\xb1\x02"},
		{name: "that have hardly room to grow", in: "\x01\x70\x00\xff\xac\xe2\x04", want: "\x01\x70\x01\xff\xac\xe2\x04\x80\xad\xe2\x04"},
		{name: "none", in: "\x00", want: "\x00"},
		{name: "too large", in: "\x01\x70\x00\x81\xad\xe2\x04", err: "more than 10000000 elements"},
		{name: "too large together", in: "\x02\x70\x00\xc0\xf0\xf5\x03\x70\x00\xc0\xf0\xf5\x03", err: "more than 10000000 elements"},
		{name: "too many", in: "\x91\x4e\x70", err: "more than 10000 tables"},
		{name: "64 bits", in: "\x01\x70\x04\x00", err: "not supported"},
		{name: "another reference", in: "\x01\x63\x70\x00\x00", err: "not supported"},
		{name: "shared", in: "\x01\x70\x02\x00", err: "not supported"},
		{name: "more than it says", in: "\x01\x70\x00\x00\x00", err: "longer"},
		{name: "cut off", in: "\x01\x70", err: "ends too soon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := func() (b []byte, err error) {
				defer wasm.Recover(&err)
				return wasm.BoundTables([]byte(c.in)), nil
			}()
			if string(got) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%x, %v; want %x, %q", got, err, c.want, c.err)
			}
		})
	}
}
