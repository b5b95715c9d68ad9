package wasm

import (
	"slices"
	"strings"
	"testing"
)

// section is one section of a component.
func section(id byte, body string) string {
	n, size := len(body), ""
	for ; n > 127; n >>= 7 {
		size += string([]byte{byte(n&127 | 128)})
	}
	return string([]byte{id}) + size + string([]byte{byte(n)}) + body
}

func named(name string) string { return string([]byte{byte(len(name))}) + name }

func TestReadComponent(t *testing.T) {
	module := Header + "\x05\x03\x01\x00\x02" // a memory of two pages
	nested := ComponentHeader + section(componentModule, module) + section(componentImport, "\x01\x00"+named("inner")+"\x01\x00")
	binary := ComponentHeader +
		section(0, named("note")+"anything") +
		section(componentImport, "\x06"+
			"\x00"+named("wasi:cli/stdin@0.2.0")+"\x05\x00"+
			"\x01"+named("func")+"\x01\x03"+
			"\x02"+named("wasi:cli/run")+named("0.2.1")+"\x05\x01"+
			"\x00"+named("module")+"\x00\x11\x02"+
			"\x00"+named("type")+"\x03\x00\x07"+
			"\x00"+named("resource")+"\x03\x01") +
		section(componentModule, module) +
		section(componentNested, nested)
	c, err := ReadComponent([]byte(binary))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"wasi:cli/stdin@0.2.0", "func", "wasi:cli/run", "module", "type", "resource"}; !slices.Equal(c.Imports, want) {
		t.Errorf("imports are %q, want %q", c.Imports, want)
	}
	if len(c.Modules) != 2 || c.Modules[0].MemoryPages != 2 || c.Modules[1].MemoryPages != 2 {
		t.Errorf("modules are %+v, want two with two pages each", c.Modules)
	}
	for i := range binary { // cut off anywhere
		_, _ = ReadComponent([]byte(binary[:i]))
	}
	deep := ComponentHeader
	for range maxNesting + 1 {
		deep = ComponentHeader + section(componentNested, deep)
	}
	for name, tt := range map[string]struct{ binary, says string }{
		"a module":          {module, "no component"},
		"nothing":           {"", "too soon"},
		"too deep":          {deep, "too deep"},
		"a broken module":   {ComponentHeader + section(componentModule, Header+"\x05\x01\x01"), "core module"},
		"an unknown import": {ComponentHeader + section(componentImport, "\x01\x00"+named("x")+"\x09\x00"), "kind 9"},
		"too many imports":  {ComponentHeader + section(componentImport, "\xff\xff\x03"), "it says that"},
	} {
		if _, err := ReadComponent([]byte(tt.binary)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got the error %v, want one that has %q", name, err, tt.says)
		}
	}
}
