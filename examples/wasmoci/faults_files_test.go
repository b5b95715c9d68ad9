//go:build root && linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// stateDamaged: of a container whose state cannot be read every command says so, and delete --force removes it, whoever has made it.
func stateDamaged(t *testing.T, p *place) {
	maker := p.delegate
	for name, damage := range map[string]func(data []byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"cut off":      func(data []byte) []byte { return data[:len(data)/2] },
		"another byte": func(data []byte) []byte { data[strings.Index(string(data), maker)] = 'x'; return data },
		"of another":   func(data []byte) []byte { return []byte(strings.ReplaceAll(string(data), "web", "bew")) },
	} {
		t.Run(name, func(t *testing.T) {
			p.must(t, "run", "--detach", "--bundle", "bundle", "web")
			file := p.one(t, "state/*/web/state.json")
			data, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, damage(data), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			p.delegate = map[string]string{"/usr/bin/crun": "/usr/sbin/runc", "/usr/sbin/runc": "/usr/bin/crun"}[maker]
			p.configure(t)
			defer func() { p.delegate = maker; p.configure(t) }()
			for _, args := range [][]string{{"state", "web"}, {"start", "web"}, {"exec", "web", "/guest.wasm"}} {
				if status, said := p.does(t, args...); status != 125 || !strings.Contains(said, `state of container "web"`) || !strings.Contains(said, "delete --force") {
					t.Errorf("%s: exit status %d, %s", args, status, said)
				}
			}
			if list, said := p.lists(t); !strings.Contains(list, `"web"`) || !strings.Contains(said, `state of container "web"`) {
				t.Errorf("list: %s, %s", list, said)
			}
			if status, said := p.does(t, "create", "--bundle", "bundle", "web"); status == 0 || !strings.Contains(said, "exists") {
				t.Errorf("create: exit status %d, %s", status, said)
			}
			p.must(t, "delete", "--force", "web")
			p.must(t, "delete", "--force", "web")
			p.nothing(t, "delete")
		})
	}
}

// cacheDamaged: compiled code that is not what was put there is compiled anew, and what is no code does no harm.
func cacheDamaged(t *testing.T, p *place) {
	p.must(t, "run", "--bundle", "short", "web")
	whole := p.one(t, "cache/code/*")
	files := []string{}
	if err := filepath.WalkDir(whole, func(name string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, name)
		}
		return err
	}); err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for name, damage := range map[string]func() error{
			"empty":     func() error { return os.Truncate(file, 0) },
			"cut off":   func() error { return os.Truncate(file, 100) },
			"missing":   func() error { return os.Remove(file) },
			"directory": func() error { return os.Mkdir(file, 0o755) },
			"another byte": func() error {
				f, err := os.OpenFile(file, os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = f.WriteAt([]byte{0xff}, 50)
				return err
			},
		} {
			if name == "directory" {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			if out := p.must(t, "run", "--bundle", "short", "web"); !strings.Contains(out, "ready") {
				t.Errorf("%s, %s: %s", filepath.Base(file), name, out)
			}
			p.nothing(t, name)
		}
	}
}

// stateFull: whatever does not fit on the disk of the state any more, create says that and leaves nothing, or the container is made.
func stateFull(t *testing.T, p *place) {
	p.full(t, "state", "nr_inodes=%d", 3, 40)
	p.full(t, "state", "size=%dk", 4, 400)
}

// cacheFull is stateFull for the cache, from nothing in it on.
func cacheFull(t *testing.T, p *place) {
	p.full(t, "cache", "nr_inodes=%d", 3, 40)
	p.full(t, "cache", "size=%dk", 4, 400)
}

// full makes containers with a disk of which there is more and more, in the place of a directory: to where it suffices.
func (p *place) full(t *testing.T, dir, option string, from, to int) {
	t.Helper()
	step, refused := 1, 0
	if strings.HasPrefix(option, "size") {
		step = 4
	}
	for n := from; ; n += step {
		if n > to {
			t.Fatalf("%s, "+option+": it is too little still", dir, n)
		}
		if err := os.MkdirAll(p.path(dir), 0o711); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", p.path(dir), "tmpfs", 0, "mode=0711,"+fmt.Sprintf(option, n)); err != nil {
			t.Fatal(err)
		}
		before := p.mounts
		p.mounts = readString("/proc/self/mountinfo")
		status, said := p.does(t, "create", "--bundle", "bundle", "web")
		switch {
		case status != 0 && !strings.Contains(strings.ToLower(said), "no space left on device"):
			t.Errorf("%s, "+option+": exit status %d, %s", dir, n, status, said)
		case status == 0:
			p.must(t, "start", "web")
			p.does(t, "exec", "web", "/guest.wasm") // it may not have enough
		default:
			refused++
			p.nothing(t, fmt.Sprintf("%s, "+option+": create", dir, n))
		}
		p.must(t, "delete", "--force", "web")
		p.nothing(t, fmt.Sprintf("%s, "+option, dir, n))
		if err := unix.Unmount(p.path(dir), 0); err != nil {
			t.Fatal(err)
		}
		p.mounts = before
		if status == 0 {
			break
		}
	}
	t.Logf("%s, %s: refused with %d sizes", dir, option, refused)
	if refused == 0 {
		t.Error("it was never full")
	}
}

// one is the only file of a pattern.
func (p *place) one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(p.path(pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}
