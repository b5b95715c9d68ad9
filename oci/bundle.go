package oci

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/wasi"
)

// MaxConfigBytes bounds the size of a bundle's config.json.
const MaxConfigBytes = 16 << 20

// Bundle is a container on disk, as runtime-spec's bundle.md defines it: a directory with a config.json.
type Bundle struct {
	// Dir is the absolute path of the bundle's directory.
	Dir string
	// Spec is the content of its config.json.
	Spec *specs.Spec
	// Unknown are the paths of the fields in config.json that runtime-spec does not define ("linux.foo"), in the
	// order of the file. The specification has runtimes go on without them; [Bundle.Plan] has them in the account.
	Unknown []string

	config string // content of config.json, for what Spec cannot hold of it; "" where Spec came from elsewhere
}

// ConfigError is a config.json that cannot be read as a spec. Its exit status is 126.
type ConfigError struct {
	File         string // path of the config.json
	Line, Column int    // where, from 1; the column counts bytes
	Field        string // path of the field in JSON names, "process.args[1]"; "" where there is none
	Err          error  // what is wrong
}

// Error implements error: file:line:column, the field, and the cause.
func (e *ConfigError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("oci: load bundle: %s:%d:%d: %v", e.File, e.Line, e.Column, e.Err)
	}
	return fmt.Sprintf("oci: load bundle: %s:%d:%d: %s: %v", e.File, e.Line, e.Column, shorten(e.Field), e.Err)
}

// Unwrap returns Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// ExitStatus returns 126: the container was found and cannot be run.
func (e *ConfigError) ExitStatus() int { return 126 }

// LoadBundle reads the bundle in dir. A config.json that is missing, is not a regular file or is larger than
// [MaxConfigBytes] is an error that wraps the cause ([io/fs.ErrNotExist] among others); one that is not the JSON of a
// spec is a [*ConfigError] with line, column and field. Beyond what encoding/json refuses, a field that occurs twice, a
// field in the wrong case, text that is not UTF-8 and text with a NUL, "\u0000", are errors: other runtimes would read another
// container from the same file, as those in C take the field "root\u0000" for "root". Fields that runtime-spec does not define are no errors, but are kept in [Bundle.Unknown].
func LoadBundle(dir string) (*Bundle, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("oci: load bundle: %w", err)
	}
	name := filepath.Join(abs, "config.json")
	data, err := readConfig(name)
	if err != nil {
		return nil, fmt.Errorf("oci: load bundle: %w (a bundle is a directory with a config.json, as `runc spec` writes)", err)
	}
	b := &Bundle{Dir: abs, Spec: &specs.Spec{}, config: data}
	if b.Unknown, err = decodeSpec(name, data, b.Spec); err != nil {
		return nil, err
	}
	return b, nil
}

// Plan is [FromSpec] of the bundle's spec, with Bundle and Unknown in o taken from b.
func (b *Bundle) Plan(o Options) (*Plan, error) {
	o.Bundle, o.Unknown = b.Dir, b.Unknown
	return FromSpec(b.Spec, o)
}

// Detect is [Detect] of the bundle's spec and the head of module, the file that [Plan.Open] returned: Head in o is read
// from it, whatever its offset, which stays where it is. The error is nil for wasm alone: [Detection.Err] for what is
// refused, a [*NativeError] for what is native, or why the file cannot be read.
func (b *Bundle) Detect(module *os.File, o DetectOptions) (Detection, error) {
	head := make([]byte, wasi.FormatHead)
	n, err := module.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return Detection{}, fmt.Errorf("oci: detect: %w", err)
	}
	o.Head = head[:n]
	d := Detect(b.Spec, o)
	if d.Kind == Native {
		return d, &NativeError{Field: d.Field, Reason: d.Reason}
	}
	return d, d.Err()
}

// NativeError is a container whose program is for the kernel. Its exit status is 126.
type NativeError struct {
	Field  string // what decided, as in [Detection]
	Reason string // why, in words
}

// Error implements error.
func (e *NativeError) Error() string {
	return fmt.Sprintf("oci: %s: %s: wasmoci runs WebAssembly only, so give this bundle to a runtime for native containers, such as runc",
		cmp.Or(e.Field, "process"), e.Reason)
}

// ExitStatus returns 126: found but not runnable.
func (e *NativeError) ExitStatus() int { return 126 }

// readConfig never blocks: a FIFO is opened without waiting for its writer, and refused.
func readConfig(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file (%s)", name, info.Mode().Type())
	}
	var data bytes.Buffer
	data.Grow(int(min(info.Size(), MaxConfigBytes)) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(f, MaxConfigBytes+1)); err != nil {
		return "", err
	}
	if data.Len() > MaxConfigBytes {
		return "", fmt.Errorf("%s is larger than %d MiB", name, MaxConfigBytes>>20)
	}
	return data.String(), nil
}
