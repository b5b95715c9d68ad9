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

	"github.com/BurntSushi/toml"

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
}

// Keys are the names of all settings.
var keys = []string{"delegate", "runners", "state", "cache", "engine", "policy", "compile.memory", "compile.timeout", "listen", "trace"}

// Defaults are the settings of user uid, for a program whose runners are in the directory runners. Nothing of the environment
// counts for root, whose clients empty it now and then.
func Defaults(uid int, runners string) Settings {
	s := Settings{From: make(map[string]string), Keys: keys}
	for _, k := range keys {
		s.From[k] = "default"
	}
	s.Runners = runners
	s.State, s.Cache = "/run/wasmoci", "/var/cache/wasmoci"
	if uid != 0 {
		s.State = filepath.Join(os.TempDir(), fmt.Sprintf("wasmoci-%d", uid))
		if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
			s.State = filepath.Join(dir, "wasmoci")
		}
		s.Cache = filepath.Join(s.State, "cache")
		if dir, err := os.UserCacheDir(); err == nil {
			s.Cache = filepath.Join(dir, "wasmoci", "containers")
		}
	}
	s.Compile = Compile{Memory: 4 << 30, Timeout: Duration(10 * time.Minute)}
	return s
}

// Read puts what the file name says over s. A file that is missing says nothing, unless required. One that somebody other than
// root and this user may write to is refused, as is one with a key that is not known.
func (s *Settings) Read(name string, required bool) error {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	if err := trusted(f); err != nil {
		return fmt.Errorf("configuration: %s %w", name, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxBytes {
		return fmt.Errorf("configuration: %s has more than %d bytes", name, maxBytes)
	}
	if err := s.decode(name, string(text)); err != nil {
		return fmt.Errorf("configuration: %s: %w", name, err)
	}
	return nil
}

func (s *Settings) decode(name, text string) error {
	next := s.Config
	meta, err := toml.Decode(text, &next)
	if err != nil {
		return err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("%s is no setting: there are %s", unknown[0], strings.Join(keys, ", "))
	}
	for _, dir := range []struct{ key, path string }{
		{"delegate", next.Delegate},
		{"runners", next.Runners},
		{"state", next.State},
		{"cache", next.Cache},
		{"trace", next.Trace},
	} {
		if dir.path != "" && !filepath.IsAbs(dir.path) || dir.path == "" && dir.key != "delegate" && dir.key != "trace" {
			return fmt.Errorf("%s %q is not an absolute path", dir.key, dir.path)
		}
	}
	if next.Compile.Memory <= 0 || next.Compile.Timeout <= 0 {
		return errors.New("compile.memory and compile.timeout have to be positive")
	}
	for name, l := range next.Listen {
		if err := l.validate(name); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if meta.IsDefined(strings.Split(k, ".")...) {
			s.From[k] = name
		}
	}
	s.Config = next
	return nil
}

// Runner is the path of the runner of an engine.
func (c *Config) Runner(engine string) string { return filepath.Join(c.Runners, "runner-"+engine) }

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

func trusted(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.Mode().IsRegular():
		return errors.New("is not a file")
	case ok && sys.Uid != 0 && sys.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("belongs to user %d: it has to be root's", sys.Uid)
	case st.Mode()&0o022 != 0:
		return fmt.Errorf("may be written by others (mode %v): chmod go-w it", st.Mode().Perm())
	}
	return nil
}
