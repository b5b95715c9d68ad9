package enginetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// raceTries is how often an engine that is wrong may win a race all the same.
const raceTries = 30

// TestEscapesFound checks that every attempt to escape is noticed where it succeeds: each must fail on one of these engines,
// which are wrong in one way each.
func TestEscapesFound(t *testing.T) {
	cases := slices.DeleteFunc(Cases(), func(c Case) bool { return !strings.HasPrefix(c.Name, "Escape/") })
	found := map[string]bool{
		// To be led astray by a move an engine has to hand '..' to the kernel, which no change to what it is asked for makes
		// this one do. The races of wasi/vfs are about that.
		"Escape/RaceMovedOut": true, "Escape/RaceMovedUp": true,
	}
	compiled := filepath.Join(t.TempDir(), "compiled")
	for _, broken := range []struct {
		name  string
		asks  func(*testing.T, *wasi.Config)
		races bool // what is wrong shows in races, too
	}{
		{name: "looks at no rights", asks: rewrite(` only$|fd_fdstat_set_rights .*`, " ")},
		{name: "closes and renumbers nothing", asks: rewrite(`^(close|renumber) .*`, "fstat 3")},
		{name: "takes addresses modulo the size of memory", asks: rewrite(`0xffff\w+`, "S")},
		{name: "takes counts modulo the size of memory", asks: rewrite(`0x[0-28]\d{6}[01]`, "0")},
		{name: "forgets that mounts are read-only", asks: func(_ *testing.T, cfg *wasi.Config) {
			if _, ok := around(cfg); ok {
				for i := range cfg.Mounts {
					cfg.Mounts[i].ReadOnly = false
				}
			}
		}},
		{name: "forgets mounts beneath others, hidden ones too", asks: func(_ *testing.T, cfg *wasi.Config) {
			cfg.Mounts = cfg.Mounts[:min(1, len(cfg.Mounts))]
		}},
		{name: "hands out more than it was given", asks: func(t *testing.T, cfg *wasi.Config) {
			for i := range 8 {
				grant(cfg, "/more"+strconv.Itoa(i), t.TempDir())
			}
		}},
		{name: "has on the host what should be in memory", asks: memoryOnHost},
		{name: "takes special files for others", asks: ordinaryFiles},
		{name: "opens whatever there is on the host", asks: wholeHost},
		{name: "follows the links of the host", asks: hostLinks},
		{name: "takes paths for text", asks: pathsAsText},
		{name: "looks names up beneath what all mounts are in", asks: namesFromAbove, races: true},
	} {
		t.Run(broken.name, func(t *testing.T) {
			s := newSuite(t, func(ctx context.Context, opts engine.Options) (engine.Engine, error) {
				opts.CacheDir = compiled
				eng, err := wazero.New(ctx, opts)
				return altered{Engine: eng, asks: func(cfg *wasi.Config) { broken.asks(t, cfg) }}, err
			})
			some := 0
			for _, c := range cases {
				if found[c.Name] || strings.HasPrefix(c.Name, "Escape/Race") && !broken.races {
					continue
				}
				r := s.recorded(t, c)
				for range raceTries { // chance decides a race, and a busy machine decides it one way for long
					if r.Failed() || !strings.HasPrefix(c.Name, "Escape/Race") {
						break
					}
					r = s.recorded(t, c)
				}
				if slices.ContainsFunc(r.log, func(line string) bool { return strings.HasPrefix(line, "start") }) {
					t.Errorf("%s does not even start: %q", c.Name, r.log)
				}
				if r.Failed() {
					found[c.Name] = true
					some++
				}
			}
			if some == 0 {
				t.Error("this engine is as good as any")
			}
		})
	}
	for _, c := range cases {
		if !found[c.Name] {
			t.Errorf("%s: no engine fails it", c.Name)
		}
	}
}

// aPath is a descriptor and a path in an argument of the Go guest.
var aPath = regexp.MustCompile(`( )([0-9]|\$[a-z]*) ("(?:[^"\\]|\\.)*"|[^ "]+)`)

// eachPath changes the descriptors and paths of the Go guest's arguments.
func eachPath(cfg *wasi.Config, change func(fd, name string) (string, string)) {
	takes := []string{"cat", "put", "open", "stat", "mkdir", "rmdir", "unlink", "times", "readlink", "rename", "link", "symlink", "list"}
	for i, arg := range cfg.Args {
		op, _, _ := strings.Cut(arg, " ")
		if !slices.Contains(append(takes, "repeat"), op) {
			continue
		}
		cfg.Args[i] = aPath.ReplaceAllStringFunc(arg, func(found string) string {
			m := aPath.FindStringSubmatch(found)
			name := m[3]
			if s, err := strconv.Unquote(name); err == nil {
				name = s
			}
			fd, name := change(m[2], name)
			return " " + fd + " " + strconv.Quote(name)
		})
	}
}

// preopens are the mounts that have descriptors, from 3 on.
func preopens(cfg *wasi.Config) []wasi.Mount {
	return slices.DeleteFunc(slices.Clone(cfg.Mounts), func(m wasi.Mount) bool { return m.Hidden })
}

// grant mounts what has that name on the host, to be changed only where it is the test's own, and returns its descriptor.
func grant(cfg *wasi.Config, guest, host string) string {
	fd := 3 + len(cfg.Listeners) + len(preopens(cfg))
	cfg.Mounts = append(cfg.Mounts, wasi.Mount{Guest: guest, Host: host, ReadOnly: !strings.HasPrefix(host, os.TempDir())})
	return strconv.Itoa(fd)
}

// around is the directory that has the case's mounts.
func around(cfg *wasi.Config) (string, bool) {
	if len(cfg.Mounts) == 0 || cfg.Mounts[0].Host == "" || strings.Count(cfg.Mounts[0].Host, "/") < 3 {
		return "", false
	}
	return filepath.Dir(cfg.Mounts[0].Host), true
}

func namesFromAbove(_ *testing.T, cfg *wasi.Config) {
	top, ok := around(cfg)
	if !ok || len(cfg.Listeners) > 0 {
		return
	}
	all := preopens(cfg)
	above := grant(cfg, "/around", top)
	eachPath(cfg, func(fd, name string) (string, string) {
		n, err := strconv.Atoi(fd)
		if err != nil || n < 3 || n-3 >= len(all) || all[n-3].Host == "" {
			return fd, name
		}
		in, err := filepath.Rel(top, all[n-3].Host)
		if err != nil {
			return fd, name
		}
		if name == "." {
			return above, filepath.ToSlash(in)
		}
		return above, filepath.ToSlash(in) + "/" + name
	})
}

func pathsAsText(_ *testing.T, cfg *wasi.Config) {
	top, ok := around(cfg)
	if !ok {
		top = "/"
	}
	above, root := grant(cfg, "/around", top), grant(cfg, "/whole", "/")
	folded := strings.NewReplacer("...", "..", "%2e", ".", "．", ".", "\\", "/")
	eachPath(cfg, func(fd, name string) (string, string) {
		name, _, _ = strings.Cut(name, "\x00")
		name = path.Clean(folded.Replace(name))
		switch rest := strings.TrimLeft(name, "./"); {
		case strings.HasPrefix(name, "/"), strings.Count(name, "..") > 3:
			return root, path.Clean(rest)
		case strings.HasPrefix(name, ".."):
			return above, path.Clean(rest)
		}
		return fd, name
	})
}

func hostLinks(t *testing.T, cfg *wasi.Config) {
	if _, ok := around(cfg); !ok {
		return
	}
	m := cfg.Mounts[0]
	err := filepath.WalkDir(m.Host, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := filepath.EvalSymlinks(name)
		if err != nil {
			target = t.TempDir()
		} else if st, err := os.Stat(target); err != nil || !st.IsDir() && !st.Mode().IsRegular() {
			target = filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(target, nil, 0o600); err != nil {
				return err
			}
		}
		in, err := filepath.Rel(m.Host, name)
		grant(cfg, path.Join(m.Guest, filepath.ToSlash(in)), target)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// wholeHost has files where the guest asks for those of the host's own procfs and devices.
func wholeHost(t *testing.T, cfg *wasi.Config) {
	host := t.TempDir()
	for i, m := range cfg.Mounts {
		if m.Host != "/" && m.Host != "/dev" && !strings.HasPrefix(m.Host, "/proc") {
			continue
		}
		cfg.Mounts[i].Host = host
		if err := errors.Join(os.MkdirAll(host+"/proc/self", 0o755), os.WriteFile(host+"/proc/self/environ", nil, 0o600)); err != nil {
			t.Error(err)
		}
		eachPath(cfg, func(fd, name string) (string, string) {
			file := filepath.Join(host, filepath.FromSlash(path.Clean("/"+name)))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err == nil { // else there is a file on the way
				_ = os.WriteFile(file, []byte("x"), 0o644) // or a directory at the end
			}
			return fd, name
		})
	}
}

// memoryOnHost has a directory of the host in the place of a file system in memory, and links that lead to the host's names.
func memoryOnHost(t *testing.T, cfg *wasi.Config) {
	for i, m := range cfg.Mounts {
		if m.Tmpfs != nil {
			cfg.Mounts[i] = wasi.Mount{Guest: m.Guest, Host: t.TempDir()}
		}
	}
	if len(cfg.Mounts) == 1 && cfg.Mounts[0].Guest != "/" {
		grant(cfg, "/", "/")
	}
}

// ordinaryFiles has a directory in the place of a FIFO, and a file in the place of a socket.
func ordinaryFiles(t *testing.T, cfg *wasi.Config) {
	top, ok := around(cfg)
	if !ok {
		return
	}
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.Type()&(fs.ModeNamedPipe|fs.ModeSocket) == 0:
			return err
		case os.Remove(name) != nil:
			return err
		case d.Type()&fs.ModeSocket != 0:
			return os.WriteFile(name, nil, 0o600)
		}
		if err := os.Mkdir(name, 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(name, "a"), nil, 0o600)
	})
	if err != nil {
		t.Error(err)
	}
}

// rewrite changes the Go guest's arguments.
func rewrite(pattern, replacement string) func(*testing.T, *wasi.Config) {
	re := regexp.MustCompile(pattern)
	return func(_ *testing.T, cfg *wasi.Config) {
		for i, arg := range cfg.Args {
			if i > 0 {
				cfg.Args[i] = strings.Replace(re.ReplaceAllString(arg, replacement), "raw  ", "raw sched_yield", 1)
			}
		}
	}
}
