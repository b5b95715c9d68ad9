package runner

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// full has something in every field that an order can carry.
func full() Order {
	return Order{
		Engine: "wazero", Module: "app.wasm", Digest: "sha256:" + strings.Repeat("0f", 32), CodeDir: "/dev/.wasmoci", HeapBytes: 1 << 40, StopSignals: []int{28, 37}, Gate: 9,
		Sockets: []Socket{{Name: "a", FD: 3}, {Name: "b", Address: "[::1]:80"}, {FD: 4}},
		Config: wasi.Config{
			Entrypoint: "f", Args: []string{"a", "", "é\u2028<&>\ufffd\t"}, Env: []string{"A=1", "A=", "B=\"\\ufffd\""}, Dir: "/d",
			Mounts: []wasi.Mount{
				{Guest: "/", Host: "/", ReadOnly: true}, {Guest: "/a", Hidden: true}, {Guest: "/dev", Host: "/dev", NoPreopen: true}, {Guest: "/t", Tmpfs: &wasi.Tmpfs{SizeBytes: 1<<64 - 1, Mode: 0o1777}},
			},
			Limits: wasi.Limits{MemoryBytes: 1<<64 - 1},
		},
	}
}

// TestRoundTrip walks the whole order, so that a field which is added is not forgotten.
func TestRoundTrip(t *testing.T) {
	want := full()
	b, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(b)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	// What no order carries, and Validate refuses.
	refused := map[string]bool{
		"Order.Config.Stdin": true, "Order.Config.Stdout": true, "Order.Config.Stderr": true, "Order.Config.Listeners": true,
		"Order.Config.Mounts.File": true,
	}
	var walk func(path string, all []reflect.Value)
	walk = func(path string, all []reflect.Value) {
		all = slices.DeleteFunc(all, reflect.Value.IsZero)
		if refused[path] {
			return
		}
		if len(all) == 0 {
			t.Errorf("%s is empty: put something there in full", path)
			return
		}
		inner := map[string][]reflect.Value{}
		for _, v := range all {
			v = reflect.Indirect(v)
			switch v.Kind() {
			case reflect.Struct:
				for i := range v.NumField() {
					name := path + "." + v.Type().Field(i).Name
					inner[name] = append(inner[name], v.Field(i))
				}
			case reflect.Slice:
				for i := range v.Len() {
					inner[path] = append(inner[path], v.Index(i))
				}
			}
		}
		for name, values := range inner {
			walk(name, values)
		}
	}
	walk("Order", []reflect.Value{reflect.ValueOf(want)})

	least := Order{Engine: "e", CodeDir: "/c"}
	if b, err = least.encode(); err != nil || string(b) != "wasmoci order 2\n\x01e\x00\x00\x02/c"+strings.Repeat("\x00", 10) {
		t.Errorf("the least order is %q, %v", b, err)
	}
	if got, err := decode(b); err != nil || !reflect.DeepEqual(*got, least) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Order)
		want   string
	}{
		"no engine":            {func(o *Order) { o.Engine = "" }, "no engine"},
		"no code":              {func(o *Order) { o.CodeDir = "" }, `"" is not an absolute path`},
		"relative code":        {func(o *Order) { o.CodeDir = "code" }, `"code" is not an absolute path`},
		"digest":               {func(o *Order) { o.Digest = "sha256:12" }, `"sha256:12" is none of SHA-256`},
		"digest of another":    {func(o *Order) { o.Digest = strings.Replace(o.Digest, "256", "512", 1) }, "none of SHA-256"},
		"heap":                 {func(o *Order) { o.HeapBytes = -1 }, "negative"},
		"signal 0":             {func(o *Order) { o.StopSignals = []int{0} }, "0 is not the number of a signal"},
		"signal 65":            {func(o *Order) { o.StopSignals = []int{65} }, "65 is not the number of a signal"},
		"a stream for a gate":  {func(o *Order) { o.Gate = 2 }, "the gate cannot be descriptor 2"},
		"no gate":              {func(o *Order) { o.Gate = -1 }, "the gate cannot be descriptor -1"},
		"URG":                  {func(o *Order) { o.StopSignals = []int{23} }, "URG"},
		"stream":               {func(o *Order) { o.Config.Stdin = strings.NewReader("") }, "stream"},
		"listener":             {func(o *Order) { o.Config.Listeners = make([]wasi.Listener, 1) }, "listeners"},
		"socket, none":         {func(o *Order) { o.Sockets = make([]Socket, 1) }, "Sockets[0]: descriptor 0"},
		"socket, stream":       {func(o *Order) { o.Sockets[1] = Socket{FD: 2} }, "Sockets[1]: descriptor 2"},
		"socket, both":         {func(o *Order) { o.Sockets[0].Address = "1.2.3.4:1" }, "both descriptor 3 and address"},
		"socket, name":         {func(o *Order) { o.Sockets[1].Address = "localhost:1" }, `address "localhost:1"`},
		"socket, any port":     {func(o *Order) { o.Sockets[1].Address = "1.2.3.4:0" }, "the port is 0"},
		"file":                 {func(o *Order) { o.Config.Mounts = []wasi.Mount{{Guest: "/", File: null(t)}} }, "Mounts[0] is an open file"},
		"text":                 {func(o *Order) { o.Config.Args = []string{"\xff"} }, `"\xff" is not valid UTF-8`},
		"a configuration's":    {func(o *Order) { o.Config.Dir = "d" }, "wasi: Dir"},
		"a name in the middle": {func(o *Order) { o.Config.Mounts = []wasi.Mount{{Guest: "/", Host: "/\xc3"}} }, "not valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			o := full()
			c.change(&o)
			f, err := o.Seal()
			if err == nil {
				f.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for n, s := range map[int]string{7: "wasmoci order 7\nlater", 1: "wasmoci order 1", -1: "wasmoci order -1\n"} {
		var version *VersionError
		_, err := decode([]byte(s))
		if !errors.As(err, &version) || version.Version != n || engine.ExitCode(err) != 126 {
			t.Errorf("%v, exit status %d", err, engine.ExitCode(err))
		}
	}
	least := Order{Engine: "e", CodeDir: "/c"}
	b, err := least.encode()
	if err != nil {
		t.Fatal(err)
	}
	const numbers = 10 // that are zero at the end of b
	head := string(b[:len(b)-numbers])
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "has no version"},
		"JSON":               {`{"version":1,"engine":"e","codeDir":"/c","config":{}}`, "has no version"},
		"no number":          {"wasmoci order x\n", "has no version"},
		"a huge number":      {"wasmoci order 99999999999999999999\n", "has no version"},
		"a heading only":     {"wasmoci order 2\n", "cut off"},
		"no end of line":     {"wasmoci order 2", "cut off"},
		"zeros before":       {"wasmoci order 02" + string(b[len("wasmoci order 2"):]), "that no order has"},
		"more":               {string(b) + "\x00", "that no order has"},
		"a longer number":    {head + "\x80\x00" + zeros(numbers-1), "that no order has"},
		"a long text":        {"wasmoci order 2\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut off"},
		"a long list":        {head + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut off"},
		"an endless number":  {head + strings.Repeat("\xff", 20), "cut off"},
		"a negative number":  {head + "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + zeros(numbers-2), "too large"},
		"neither yes nor no": {head + zeros(7) + "\x00\x01" + "\x02/a\x02/b\x02\x00\x00\x00" + "\x00", "that no order has"},
		"no engine":          {"wasmoci order 2\n" + zeros(4+numbers), "no engine is named"},
		"a relative mount":   {head + zeros(8) + "\x01" + "\x01x\x00\x00\x01\x00\x00" + "\x00", "wasi: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decode([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	whole := full()
	if b, err = whole.encode(); err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, err := decode(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are an order", n, len(b))
		}
	}
}

func FuzzDecode(f *testing.F) {
	o := full()
	b, err := o.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("wasmoci order 2\n\x01e\x00\x00\x02/c\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decode(b)
		if err != nil {
			return
		}
		if again, err := o.encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q → %+v → %q, %v", b, o, again, err)
		}
	})
}
