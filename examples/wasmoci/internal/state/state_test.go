//go:build linux

package state

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDamage: of a file that any byte is another of, or that is cut off anywhere, nothing is believed, and the container can be removed.
func TestDamage(t *testing.T) {
	s, lock, want := saved(t)
	name := filepath.Join(lock.Path(), stateFile)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	check := func(data []byte, how string, at int) {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Get("web"); err == nil || c != nil || !strings.Contains(err.Error(), "delete --force") {
			t.Errorf("%s at %d: %+v, %v", how, at, c, err)
		}
	}
	for i, b := range whole {
		check(whole[:i], "cut off", i)
		damaged := append([]byte(nil), whole...)
		damaged[i] = b ^ 1<<(i%8)
		check(damaged, "another byte", i)
	}
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Get("web"); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v, want %+v", c, err, want)
	}
	if err := lock.Remove(); err != nil {
		t.Error(err)
	}
}

// TestFile: a file is told from one that has its inode, size and times, but was made later, and is the same without a name.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "runner")
	made := func(modified time.Time) (File, *os.File) {
		t.Helper()
		if err := os.WriteFile(name, []byte("runner"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, modified, modified); err != nil {
			t.Fatal(err)
		}
		open, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { open.Close() })
		f, err := FileOf(unix.AT_FDCWD, name)
		if err != nil {
			t.Fatal(err)
		}
		return f, open
	}
	first, open := made(time.Unix(1_700_000_000, 0))
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if again, err := FileOf(int(open.Fd()), ""); err != nil || !first.Is(again) {
		t.Errorf("without its name %+v, %v, and before %+v", again, err, first)
	}
	open.Close() // now another may have its inode
	second, _ := made(time.Unix(1_700_000_000, 0))
	if first.Is(second) {
		t.Errorf("another file is taken for it: %+v, and before %+v", second, first)
	}
	forged := second
	forged.Device, forged.Inode, forged.Size, forged.Modified, forged.Changed = first.Device, first.Inode, first.Size, first.Modified, first.Changed
	if !second.Born.IsZero() && first.Is(forged) {
		t.Errorf("made later, it is taken for it: %+v", forged)
	}
	earlier := first
	earlier.Born = time.Time{}
	if !earlier.Is(first) {
		t.Error("of a state without the time of birth nothing is the file any more")
	}
	if _, err := FileOf(unix.AT_FDCWD, name+".none"); !os.IsNotExist(err) {
		t.Errorf("none: %v", err)
	}
}

// TestVersions: files of the version before are read, those of a later one are not.
func TestVersions(t *testing.T) {
	s, lock, _ := saved(t)
	defer lock.Unlock()
	for _, c := range []struct{ text, want string }{
		{`{"version":1,"id":"web","bundle":"/b","delegate":"/usr/bin/crun","complete":true}`, ""},
		{`{"version":1,"id":"other","bundle":"/b"}`, "it is that of"},
		{`{"version":3,"id":"web","bundle":"/b"}` + "\n" + digestOf([]byte(`{"version":3,"id":"web","bundle":"/b"}`)), "a later version"},
		{`{"version":2,"id":"web","bundle":"/b"}`, "damaged"},
	} {
		if err := os.WriteFile(filepath.Join(lock.Path(), stateFile), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get("web")
		if c.want == "" && (err != nil || got.Bundle != "/b" || !got.Complete) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
}

func saved(t *testing.T) (*Store, *Lock, *Container) {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "state"), "")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := s.Lock("web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lock.Unlock)
	c := &Container{Bundle: "/b", Created: time.Unix(1, 0).UTC(), Engine: "wazero", Delegate: "/usr/bin/crun", Code: "/c", Complete: true}
	if err := lock.Save(c); err != nil {
		t.Fatal(err)
	}
	return s, lock, c
}
