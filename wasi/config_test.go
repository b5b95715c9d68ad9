package wasi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// full has something in every field.
func full() *wasi.Config {
	return &wasi.Config{
		Entrypoint: "f", Args: []string{"a"}, Env: []string{"A=1"}, Dir: "/d",
		Mounts:    []wasi.Mount{{Guest: "/m", Host: "/h", File: os.Stdin, ReadOnly: true, Hidden: true, NoPreopen: true, Tmpfs: &wasi.Tmpfs{SizeBytes: 1, Mode: 2}}},
		Listeners: []wasi.Listener{{Name: "l", File: os.Stdin, Connected: true}},
		Stdin:     strings.NewReader("x"), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
		Limits: wasi.Limits{MemoryBytes: 1},
	}
}

// TestClone walks the whole Config, so that a field which is added is not forgotten.
func TestClone(t *testing.T) {
	c := full()
	d := c.Clone()
	if !reflect.DeepEqual(c, d) {
		t.Errorf("the clone is %+v, want %+v", d, c)
	}
	var walk func(path string, a, b reflect.Value)
	walk = func(path string, a, b reflect.Value) {
		if a.IsZero() {
			t.Errorf("%s is empty: put something there in full", path)
			return
		}
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				walk(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		case reflect.Slice:
			if a.Pointer() == b.Pointer() {
				t.Errorf("%s is shared", path)
			}
			for i := range a.Len() {
				walk(path+"[]", a.Index(i), b.Index(i))
			}
		case reflect.Pointer:
			if file := a.Type() == reflect.TypeFor[*os.File](); file != (a.Pointer() == b.Pointer()) {
				t.Errorf("%s is shared, or is an open file that is not", path)
			} else if !file {
				walk(path, a.Elem(), b.Elem())
			}
		case reflect.Interface:
			if !a.Equal(b) {
				t.Errorf("%s is another stream", path)
			}
		case reflect.Map, reflect.Chan, reflect.Func:
			t.Errorf("%s is a %s: say here what its clone is", path, a.Kind())
		}
	}
	walk("Config", reflect.ValueOf(*c), reflect.ValueOf(*d))

	if (*wasi.Config)(nil).Clone() != nil {
		t.Error("the clone of nil is not nil")
	}
	if zero := (&wasi.Config{}).Clone(); !reflect.DeepEqual(zero, &wasi.Config{}) {
		t.Errorf("the clone of the zero Config is %+v", zero)
	}
}

// TestConfigJSON holds the names of what can be written down; streams and open files cannot.
func TestConfigJSON(t *testing.T) {
	b, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"entrypoint":"f","args":["a"],"env":["A=1"],"dir":"/d",` +
		`"mounts":[{"guest":"/m","host":"/h","readOnly":true,"hidden":true,"noPreopen":true,"tmpfs":{"sizeBytes":1,"mode":2}}],` +
		`"listeners":[{"name":"l","connected":true}],"limits":{"memoryBytes":1}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	if b, err := json.Marshal(wasi.Config{}); err != nil || string(b) != "{}" {
		t.Errorf("the zero Config is %s, %v", b, err)
	}
}
