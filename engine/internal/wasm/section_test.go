package wasm_test

import (
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

func split(module string) (s wasm.Sections, err error) {
	defer wasm.Recover(&err)
	return wasm.Split([]byte(module)), nil
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ name, module, err string }{
		{"no sections", wasm.Header, ""},
		{"a command", command, ""},
		{"custom sections anywhere", wasm.Header + "\x00\x02\x01a\x01\x01\x00\x00\x02\x01a\x03\x01\x00\x00\x02\x01b", ""},
		{"those that are not in the order of their numbers", wasm.Header + "\x05\x01\x00\x0d\x01\x00\x06\x01\x00\x09\x01\x00\x0c\x01\x00\x0a\x01\x00", ""},
		{"nothing", "", "ends too soon"},
		{"another version", "\x00asm\x0d\x00\x01\x00", "version 1"},
		{"one twice", wasm.Header + "\x01\x01\x00\x01\x01\x00", "out of order"},
		{"out of order", wasm.Header + "\x0a\x01\x00\x0c\x01\x00", "out of order"},
		{"unknown", wasm.Header + "\x0e\x01\x00", "not supported"},
		{"cut off", wasm.Header + "\x01\x02\x00", "ends too soon"},
		{"custom without a name", wasm.Header + "\x00\x00", "no unsigned number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := split(c.module)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%v, want %q", err, c.err)
			}
			if err == nil && string(s.Module()) != c.module {
				t.Errorf("%x, put together %x", c.module, s.Module())
			}
		})
	}
}

// TestMake: a section that was not there comes where it has to.
func TestMake(t *testing.T) {
	for _, c := range []struct {
		name   string
		id     byte
		module string
		want   string
	}{
		{"the only one", wasm.SectionGlobal, "", "\x06\x01\x00"},
		{"one that is there", wasm.SectionType, "\x01\x04\x01\x60\x00\x00", "\x01\x04\x01\x60\x00\x00"},
		{"the first", wasm.SectionType, "\x02\x01\x00", "\x01\x01\x00\x02\x01\x00"},
		{"the last", wasm.SectionExport, "\x01\x01\x00", "\x01\x01\x00\x07\x01\x00"},
		{"in between, after tags", wasm.SectionGlobal, "\x0d\x01\x00\x0c\x01\x00", "\x0d\x01\x00\x06\x01\x00\x0c\x01\x00"},
		{"after a custom one", wasm.SectionType, "\x00\x02\x01a\x03\x01\x00", "\x00\x02\x01a\x01\x01\x00\x03\x01\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := split(wasm.Header + c.module)
			if err != nil {
				t.Fatal(err)
			}
			if made := s.Make(c.id); made.ID != c.id || made != s.Find(c.id) {
				t.Errorf("it made section %d", made.ID)
			}
			if got := strings.TrimPrefix(string(s.Module()), wasm.Header); got != c.want {
				t.Errorf("%x, want %x", got, c.want)
			}
		})
	}
}

func TestEach(t *testing.T) {
	for _, c := range []struct{ name, body, err string }{
		{"none", "\x00", ""},
		{"two", "\x02\x05\x06", ""},
		{"one that is not there", "\x02\x05", "no unsigned number"},
		{"one more", "\x01\x05\x06", "longer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			err := func() (err error) {
				defer wasm.Recover(&err)
				wasm.Sections{{wasm.SectionFunction, []byte(c.body)}}.Each(wasm.SectionFunction, func(r *wasm.Reader) {
					r.Uint()
					n++
				})
				return nil
			}()
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || err == nil && n != int(c.body[0]) {
				t.Errorf("%d entries, %v, want %q", n, err, c.err)
			}
		})
	}
}
