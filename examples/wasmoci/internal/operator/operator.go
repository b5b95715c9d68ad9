//go:build linux

package operator

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wasmoci/wasmoci/internal/userns"
	"github.com/wasmoci/wasmoci/oci"
)

// File is where the operator's file is unless a flag names another.
const File = "/etc/wasmoci/config.toml"

// maxBytes bounds the file.
const maxBytes = 1 << 20

// Config is what the operator decides. It is plain data.
type Config struct {
	// Delegate is the absolute path of the OCI runtime that makes containers; "" looks for crun and runc.
	Delegate string `toml:"delegate"`
	// Runners is the directory of the runners, one for each engine: runner-ENGINE.
	Runners string `toml:"runners"`
	// State is the directory for the state of containers; it should not outlive the machine's boot.
	State string `toml:"state"`
	// Cache is the directory for compiled code, which only this user may write to.
	Cache string `toml:"cache"`
	// CacheLimit is how much room Cache may take, in bytes, beyond what containers use.
	CacheLimit int64 `toml:"cache_limit"`
	// Engine is the engine of all WebAssembly containers; a container that names another is refused. "" lets annotations
	// choose one of those that have a runner, and takes wazero where they name none.
	Engine string `toml:"engine"`
	// Policy is what decides between wasm and native: "auto", "annotated" or "content".
	Policy oci.Policy `toml:"policy"`
	// Compile bounds a compilation.
	Compile Compile `toml:"compile"`
	// Listen are the addresses at which guests listen, by a name that the guest gets, too (LISTEN_FDNAMES).
	Listen map[string]Listen `toml:"listen"`
	// Trace is the file that spans are appended to, a line for each command, as OTLP's JSON; "" is none.
	Trace string `toml:"trace"`
}

// leastCompileMemory is what a compiler takes for the smallest modules, measured and rounded up: with less it can only crash.
const leastCompileMemory = 256 << 20

// Compile bounds the compilation of a module.
type Compile struct {
	// Memory is the most that a compiler may allocate, in bytes.
	Memory int64 `toml:"memory"`
	// Timeout is how long one may take.
	Timeout Duration `toml:"timeout"`
}

// Duration is a time.Duration, in TOML as its text: "10m".
type Duration time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Settings are a Config with where each value comes from, by its key.
type Settings struct {
	Config
	From map[string]string // "default" or the file
	Keys []string          // in the order of Config

	user User
}

// Keys are the names of all settings.
var keys = []string{"delegate", "runners", "state", "cache", "cache_limit", "engine", "policy", "compile.memory", "compile.timeout", "listen", "trace"}

// Defaults are the settings of a user, for a program whose runners are in the directory runners.
func Defaults(u User, runners string) Settings {
	s := Settings{From: make(map[string]string), Keys: keys, user: u}
	for _, k := range keys {
		s.From[k] = "default"
	}
	s.Runners = runners
	s.State, s.Cache = u.places()
	s.CacheLimit = 4 << 30
	s.Compile = Compile{Memory: 4 << 30, Timeout: Duration(10 * time.Minute)}
	return s
}

// Read puts what the file name says over s. A file that is missing says nothing, unless required. One that somebody other than
// root and this user may write to is refused, as is one with a key that is not known. The directories for state and cache in root's file
// are root's: other users could not write there, and keep their own.
func (s *Settings) Read(name string, required bool) error {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	own, err := trusted(f, name)
	if err != nil {
		return fmt.Errorf("configuration: %s %w", name, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxBytes {
		return fmt.Errorf("configuration: %s has more than %d bytes", name, maxBytes)
	}
	if err := s.decode(name, text, own || s.user.Root); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

func (s *Settings) decode(name string, text []byte, places bool) error {
	next := s.Config
	said, err := parse(text, &next)
	if err != nil {
		return located(name, err)
	}
	if err := next.check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, k := range keys {
		switch {
		case !said[k]:
		case !places && (k == "state" || k == "cache"):
			s.From[k] = "default: that in " + name + " is root's"
		default:
			s.From[k] = name
		}
	}
	if !places {
		next.State, next.Cache = s.State, s.Cache
	}
	s.Config = next
	return nil
}

// check says what is wrong with c.
func (c *Config) check() error {
	for _, dir := range []struct{ key, path string }{
		{"delegate", c.Delegate},
		{"runners", c.Runners},
		{"state", c.State},
		{"cache", c.Cache},
		{"trace", c.Trace},
	} {
		if dir.path != "" && !filepath.IsAbs(dir.path) || dir.path == "" && dir.key != "delegate" && dir.key != "trace" {
			return fmt.Errorf("%s %q is not an absolute path", dir.key, dir.path)
		}
	}
	if c.CacheLimit <= 0 {
		return errors.New("cache_limit has to be positive")
	}
	if c.Compile.Memory < leastCompileMemory || c.Compile.Timeout <= 0 {
		return fmt.Errorf("compile.memory has to be %d or more, which a compiler takes by itself, and compile.timeout positive", leastCompileMemory)
	}
	for name, l := range c.Listen {
		if err := l.validate(name); err != nil {
			return err
		}
	}
	return nil
}

// Runner is the path of the runner of an engine.
func (c *Config) Runner(engine string) string { return filepath.Join(c.Runners, "runner-"+engine) }

// Libraries is the directory of the shared libraries of an engine's runner, "" where it has none because it is static.
func (c *Config) Libraries(engine string) string {
	dir := filepath.Join(c.Runners, "lib-"+engine)
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// Value returns the setting key, as text.
func (s *Settings) Value(key string) string {
	switch key {
	case "delegate":
		return s.Delegate
	case "runners":
		return s.Runners
	case "state":
		return s.State
	case "cache":
		return s.Cache
	case "cache_limit":
		return fmt.Sprint(s.CacheLimit)
	case "engine":
		return s.Engine
	case "policy":
		return s.Policy.String()
	case "compile.memory":
		return fmt.Sprint(s.Compile.Memory)
	case "compile.timeout":
		return time.Duration(s.Compile.Timeout).String()
	case "listen":
		return s.listening()
	case "trace":
		return s.Trace
	}
	return ""
}

// place is where everything is root's to put there.
const place = "/etc/"

// trusted refuses a file that others may write to, and says whether it is this user's own. In a user namespace the owner of root's files is
// shown as that of any other user outside, so there it is taken for root's where nobody else can have put it.
func trusted(f *os.File, name string) (own bool, err error) {
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	uid := owner(st)
	switch {
	case !st.Mode().IsRegular():
		return false, errors.New("is not a file")
	case st.Mode()&0o022 != 0:
		return false, fmt.Errorf("may be written by others (mode %v): chmod go-w it", st.Mode().Perm())
	case userns.Unmapped(uid) && strings.HasPrefix(filepath.Clean(name), place):
		return false, nil
	case userns.Unmapped(uid):
		return false, fmt.Errorf("belongs to a user who cannot be told in this user namespace: it has to be in %s, or your own", place)
	case uid != 0 && uid != os.Geteuid():
		return false, fmt.Errorf("belongs to user %d: it has to be root's", uid)
	}
	return uid == os.Geteuid(), nil
}

// Sound returns nil where an engine has a runner that may be executed: nobody but root, this user and the owner of this program can have put it
// there, or can write to it. Where there is none the error matches [fs.ErrNotExist].
func (c *Config) Sound(engine string) error {
	program := 0
	if st, err := os.Stat("/proc/self/exe"); err == nil {
		program = owner(st)
	}
	for _, path := range []string{c.Runner(engine), c.Runners} {
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		uid := owner(st)
		switch {
		case st.Mode()&0o022 != 0:
			return fmt.Errorf("others may write to %s (mode %04o): chmod go-w it", path, st.Mode().Perm())
		case uid != 0 && uid != os.Geteuid() && uid != program && !userns.Unmapped(uid):
			return fmt.Errorf("%s belongs to user %d: it has to be root's, or yours", path, uid)
		}
	}
	return nil
}
