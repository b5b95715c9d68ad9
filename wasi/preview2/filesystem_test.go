//go:build linux

package preview2

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// mounted is a guest with a directory at /m that has these files.
func mounted(t *testing.T, readOnly bool, files map[string]string) (*guest, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/m", Host: dir, ReadOnly: readOnly}}}), dir
}

var follow = Flags{"symlink-follow"}

func (g *guest) open(dir Value, path string, open, flags Flags) Resource {
	g.Helper()
	return g.ok(file+"open-at", dir, follow, path, open, flags).(Resource)
}

func TestFiles(t *testing.T) {
	g, dir := mounted(t, false, map[string]string{"a": "0123456789", "d/b": "b"})
	root := g.root()
	if got := g.call("filesystem/preopens get-directories").(List)[0].(Tuple)[1]; got != "/m" {
		t.Errorf("the preopen is %v", got)
	}
	f := g.open(root, "a", nil, Flags{"read", "write"})
	if got := g.ok(file+"get-flags", f); !reflect.DeepEqual(got, Flags{"read", "write"}) {
		t.Errorf("flags are %v", got)
	}
	if got := g.ok(file+"get-type", f); got != Enum("regular-file") {
		t.Errorf("the type is %v", got)
	}
	if got := g.ok(file+"read", f, uint64(3), uint64(8)); !reflect.DeepEqual(got, Tuple{[]byte("89"), false}) {
		t.Errorf("read %v", got)
	}
	if got := g.ok(file+"read", f, uint64(3), uint64(10)); !reflect.DeepEqual(got, Tuple{[]byte{}, true}) {
		t.Errorf("at the end, read %v", got)
	}
	g.fails(Enum("invalid"), file+"read", f, uint64(1), uint64(math.MaxUint64))
	if got := g.ok(file+"write", f, []byte("ab"), uint64(1)); got != uint64(2) {
		t.Errorf("wrote %v", got)
	}
	r := g.ok(file+"read-via-stream", f, uint64(2))
	w := g.ok(file+"write-via-stream", f, uint64(9))
	end := g.ok(file+"append-via-stream", f)
	g.Drop(f) // its streams go on
	g.ok(out+"blocking-write-and-flush", w, []byte("xy"))
	g.ok(out+"blocking-write-and-flush", end, []byte("Z"))
	g.ok(out+"blocking-write-and-flush", w, []byte("!"))
	if got := g.ok(in+"blocking-read", r, uint64(100)); !reflect.DeepEqual(got, []byte("b345678xy!")) {
		t.Errorf("the stream has %q", got)
	}
	g.fails(Variant{Case: "closed"}, in+"read", r, uint64(1))
	for _, s := range []Value{r, w, end} {
		g.Drop(s.(Resource))
	}
	if g.opened != 0 {
		t.Errorf("%d files are open", g.opened)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(b) != "0ab345678xy!" {
		t.Errorf("the host has %q, %v", b, err)
	}

	g.fails(Enum("no-entry"), file+"open-at", root, follow, "none", Flags{}, Flags{"read"})
	g.fails(Enum("is-directory"), file+"open-at", root, follow, "d", Flags{}, Flags{"write"})
	g.fails(Enum("not-directory"), file+"open-at", root, follow, "a", Flags{"directory"}, Flags{"read"})
	g.fails(Enum("not-permitted"), file+"open-at", root, follow, "../a", Flags{}, Flags{"read"})
	g.fails(Enum("exist"), file+"open-at", root, follow, "a", Flags{"create", "exclusive"}, Flags{"write"})
	f = g.open(root, "a", Flags{"truncate"}, Flags{"write"})
	g.fails(Enum("bad-descriptor"), file+"read-via-stream", f, uint64(0))
	g.fails(Enum("bad-descriptor"), file+"read", f, uint64(1), uint64(0))
	g.fails(Enum("not-directory"), file+"stat-at", f, follow, "x")
	g.fails(Enum("is-directory"), file+"read-via-stream", root, uint64(0))
	g.ok(file+"set-size", f, uint64(5))
	g.ok(file+"sync", f)
	g.ok(file+"sync-data", f)
	g.ok(file+"advise", f, uint64(0), uint64(5), Enum("dont-need"))
	f = g.open(root, "a", nil, Flags{"read"})
	g.fails(Enum("bad-descriptor"), file+"write-via-stream", f, uint64(0))
	g.fails(Enum("bad-descriptor"), file+"append-via-stream", f)
	g.fails(Enum("bad-descriptor"), file+"write", f, []byte("x"), uint64(0))
}

func TestStatAndTimes(t *testing.T) {
	g, _ := mounted(t, false, map[string]string{"a": "12345", "b": ""})
	root := g.root()
	g.ok(file+"set-times-at", root, follow, "a", Variant{"timestamp", Record{{"seconds", uint64(1)}, {"nanoseconds", uint32(2)}}},
		Variant{"timestamp", Record{{"seconds", uint64(1e9)}, {"nanoseconds", uint32(5)}}})
	f := g.open(root, "a", nil, Flags{"read"})
	for _, st := range []Value{g.ok(file+"stat", f), g.ok(file+"stat-at", root, Flags{}, "a")} {
		r := st.(Record)
		if r[0].Value != Enum("regular-file") || r[1].Value != uint64(1) || r[2].Value != uint64(5) ||
			!reflect.DeepEqual(r[4].Value, Option{Record{{"seconds", uint64(1e9)}, {"nanoseconds", uint32(5)}}}) {
			t.Errorf("stat is %v", st)
		}
	}
	g.ok(file+"set-times", f, Variant{Case: "no-change"}, Variant{Case: "now"})
	g.fails(Enum("invalid"), file+"set-times", f, Variant{Case: "now"}, Variant{"timestamp", Record{{"seconds", uint64(1)}, {"nanoseconds", uint32(1e9)}}})
	g.fails(Enum("overflow"), file+"set-times", f, Variant{Case: "now"}, Variant{"timestamp", Record{{"seconds", uint64(math.MaxUint64)}, {"nanoseconds", uint32(0)}}})

	g.ok(file+"link-at", root, Flags{}, "a", root, "l")
	g.fails(Enum("invalid"), file+"link-at", root, follow, "a", root, "l2")
	same, other := g.open(root, "l", nil, Flags{"read"}), g.open(root, "b", nil, Flags{"read"})
	if g.call(file+"is-same-object", f, same) != true || g.call(file+"is-same-object", f, other) != false {
		t.Error("files are not told apart")
	}
	hash := g.ok(file+"metadata-hash", f)
	if !reflect.DeepEqual(hash, g.ok(file+"metadata-hash-at", root, follow, "l")) || reflect.DeepEqual(hash, g.ok(file+"metadata-hash", other)) {
		t.Error("hashes do not tell files apart")
	}
}

func TestDirectories(t *testing.T) {
	files := map[string]string{}
	for i := range 3 * entriesAtOnce {
		files[fmt.Sprintf("many/%04d", i)] = ""
	}
	g, dir := mounted(t, false, files)
	root := g.root()
	g.ok(file+"create-directory-at", root, "d")
	g.ok(file+"symlink-at", root, "d/x", "l")
	if got := g.ok(file+"readlink-at", root, "l"); got != "d/x" {
		t.Errorf("the link leads to %v", got)
	}
	d := g.open(root, "d", Flags{"directory"}, Flags{"read", "mutate-directory"})
	g.open(d, "x", Flags{"create"}, Flags{"write"})
	g.ok(file+"rename-at", root, "l", d, "y")
	g.fails(Enum("not-empty"), file+"remove-directory-at", root, "d")
	g.ok(file+"unlink-file-at", d, "x")
	g.ok(file+"unlink-file-at", d, "y")
	g.ok(file+"remove-directory-at", root, "d")
	if err := os.WriteFile(filepath.Join(dir, "latin1-\xe4"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(d Value) (names []string, errs []Value) {
		s := g.ok(file+"read-directory", d).(Resource)
		defer g.Drop(s)
		for {
			r := g.call("filesystem/types [method]directory-entry-stream.read-directory-entry", s).(Result)
			switch {
			case r.Err:
				errs = append(errs, r.Value)
			case r.Value == Option{}:
				return names, errs
			default:
				names = append(names, r.Value.(Option).Value.(Record)[1].Value.(string))
			}
		}
	}
	if names, errs := list(root); !slices.Equal(names, []string{"many"}) || !reflect.DeepEqual(errs, []Value{Enum("illegal-byte-sequence")}) {
		t.Errorf("the list is %q, %v", names, errs)
	}
	names, _ := list(g.open(root, "many", Flags{"directory"}, Flags{"read"}))
	slices.Sort(names)
	if len(slices.Compact(names)) != 3*entriesAtOnce {
		t.Errorf("the list has %d names", len(names))
	}
}

func TestReadOnly(t *testing.T) {
	g, _ := mounted(t, true, map[string]string{"a": "a"})
	root := g.root()
	if got := g.ok(file+"get-flags", root); !reflect.DeepEqual(got, Flags{"read"}) {
		t.Errorf("flags are %v", got)
	}
	g.fails(Enum("read-only"), file+"open-at", root, follow, "a", Flags{}, Flags{"write"})
	g.fails(Enum("read-only"), file+"open-at", root, follow, "n", Flags{"create"}, Flags{"read"})
	g.fails(Enum("read-only"), file+"open-at", root, follow, ".", Flags{"directory"}, Flags{"read", "mutate-directory"})
	g.fails(Enum("read-only"), file+"create-directory-at", root, "n")
	g.fails(Enum("read-only"), file+"unlink-file-at", root, "a")
	g.fails(Enum("read-only"), file+"set-times-at", root, follow, "a", Variant{Case: "now"}, Variant{Case: "now"})
}

// TestBounds: what one guest has open is bounded, and closing makes room again.
func TestBounds(t *testing.T) {
	g, _ := mounted(t, false, map[string]string{"a": ""})
	root := g.root()
	var last Resource
	for range maxOpened {
		last = g.open(root, "a", nil, Flags{"read"})
	}
	g.fails(Enum("insufficient-memory"), file+"open-at", root, follow, "a", Flags{}, Flags{"read"})
	g.Drop(last)
	g.open(root, "a", nil, Flags{"read"})
	g.Drop(root) // a preopen is the guest's to ask for again
	g.ok(file+"stat", g.root())
}

// TestErrorCodes: each name is one of the enum, since an engine ends the guest for any other.
func TestErrorCodes(t *testing.T) {
	for errno, code := range codes {
		if !slices.Contains(errorCodes, string(code)) {
			t.Errorf("%v is %q, which does not exist", errno, code)
		}
	}
	for kind, name := range typeNames {
		if !slices.Contains(fileTypes, string(name)) {
			t.Errorf("file type %v is %q, which does not exist", kind, name)
		}
	}
	for _, f := range Table() {
		if f.Name == "filesystem-error-code" && strings.Count(f.Type, ",") != len(errorCodes)-1 {
			t.Errorf("the type of error codes is %s", f.Type)
		}
	}
}
