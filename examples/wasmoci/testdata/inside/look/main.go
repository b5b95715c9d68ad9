// Command look is a guest of many megabytes that looks around, and one that fills its memory; it ends with status 1 where it sees what
// no guest is to see.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// large keeps what is linked into many programs.
var large = []any{json.Marshal, regexp.MustCompile}

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "fill":
		fill()
	case len(os.Args) > 1 && os.Args[1] == "host":
		host(os.Args[2], os.Args[3:])
	case len(os.Args) > 1 && os.Args[1] == "hello":
		fmt.Println("hello", len(large))
	default:
		inside()
	}
	if seen {
		os.Exit(1)
	}
}

// fill ends as Go ends without memory: with status 2, by itself.
func fill() {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
		_ = all
	}
}

var seen bool

func see(format string, a ...any) {
	seen = true
	fmt.Printf("SEEN "+format+"\n", a...)
}

// traces are in whatever leads to a runner, its code, its order or its state.
var traces = []string{"wasmoci", "runner-", "WASMOCI", "files.json"}

func inside() {
	for _, e := range os.Environ() {
		if e != "PWD=/" && !strings.HasPrefix(e, "GUEST=") {
			see("environment %q", e)
		}
	}
	err := filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		for _, t := range traces {
			if strings.Contains(path, t) {
				see("%s", path)
			}
		}
		if strings.HasPrefix(path, "/proc/") {
			see("%s", path)
		}
		if err != nil && d != nil && d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		see("walk: %v", err)
	}
	for _, name := range []string{
		"/dev/.wasmoci", "/dev/.wasmoci/", "/dev/.wasmoci/look.wasm", "/dev/../dev/.wasmoci", "dev/.wasmoci", "/dev/./.wasmoci/.", "/dev/fd", "/dev/fd/4",
		"/proc/self", "/proc/self/exe", "/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/proc/self/fd", "/proc/self/fd/3", "/proc/self/fd/8",
		"/proc/self/root", "/proc/self/cwd", "/proc/thread-self", "/proc/1", "/proc/1/exe", "/proc/1/mem", "/proc/1/environ", "/proc/1/cmdline", "/proc/1/maps",
		"/proc/1/root", "/proc/1/fd/3", "/proc/1/task/1/mem", "/proc/cmdline", "/proc/sysrq-trigger",
	} {
		attempt(name)
	}
	for fd := 3; fd < 40; fd++ {
		f := os.NewFile(uintptr(fd), fmt.Sprint("descriptor ", fd))
		st, err := f.Stat()
		if err != nil {
			continue
		}
		if !st.IsDir() { // a preopen is a directory, or a file that was granted
			see("descriptor %d: %v", fd, st.Mode())
			continue
		}
		if names, err := f.Readdirnames(-1); err == nil {
			for _, name := range names {
				for _, t := range traces {
					if strings.Contains(name, t) {
						see("descriptor %d has %s", fd, name)
					}
				}
			}
		}
	}
}

// attempt tries everything by which a file could be reached.
func attempt(name string) {
	if _, err := os.Lstat(name); err == nil {
		see("%s is there", name)
	}
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
		if f, err := os.OpenFile(name, flag, 0); err == nil {
			see("%s opens (%d)", name, flag)
			f.Close()
		}
	}
	if target, err := os.Readlink(name); err == nil {
		see("%s leads to %s", name, target)
	}
	if err := os.Rename(name, "/look"); err == nil {
		see("%s was renamed", name)
	}
	if err := os.Link(name, "/look"); err == nil {
		see("%s was linked", name)
	}
	link := "/tmp/look"
	if os.Symlink(name, link) == nil {
		if f, err := os.Open(link); err == nil {
			see("%s opens by a link", name)
			f.Close()
		}
		_ = os.Remove(link)
	}
}

// host looks through a mount of the whole host, which was granted, at what no grant covers: every process's files. The names are of
// files of the host that are granted, which must open, so that the rest proves something.
func host(root string, granted []string) {
	for _, name := range granted {
		f, err := os.Open(root + name)
		if err != nil {
			see("%s, which was granted: %v", name, err)
			continue
		}
		f.Close()
	}
	for _, pid := range append(pids(root), "1", "self", "thread-self") {
		for _, name := range []string{"mem", "environ", "maps", "exe", "cmdline", "status", "root", "cwd", "fd/0", "fd/3", "fd/4", "fd/5", "fd/6", "fd/8", "task"} {
			f, err := os.Open(root + "/proc/" + pid + "/" + name)
			if err == nil {
				f.Close()
				see("process %s: %s", pid, name)
			} else if errors.Is(err, io.EOF) {
				see("process %s: %s: %v", pid, name, err)
			}
		}
	}
}

// pids are what there is in the host's /proc, or else likely numbers.
func pids(root string) []string {
	entries, err := os.ReadDir(root + "/proc")
	if err == nil && len(entries) > 0 {
		see("%d entries of /proc", len(entries))
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return append(all, os.Getenv("GUEST"))
}
