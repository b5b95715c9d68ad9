package cache

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/cpu"
)

// Key names compiled code by all that it depends on.
type Key struct {
	Module  [sha256.Size]byte // digest of the module as given
	Engine  string            // "wazero"
	Version string            // of the engine's native runtime
	Config  string            // what of the engine's configuration changes the code
	CPU     string            // [CPU]()
}

// String returns a file name: 64 hexadecimal digits.
func (k Key) String() string {
	h := sha256.New()
	h.Write(k.Module[:])
	for _, s := range []string{k.Engine, k.Version, k.Config, k.CPU} {
		writeString(h, s)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// writeString writes s with its length, so that no two lists of strings are written alike.
func writeString(h hash.Hash, s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }

// CPU describes this processor: its architecture, operating system, and the features that compilers look for.
var CPU = sync.OnceValue(func() string {
	features := []string{runtime.GOARCH, runtime.GOOS}
	for _, set := range []any{cpu.X86, cpu.ARM64} {
		v := reflect.ValueOf(set)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Type.Kind() == reflect.Bool && v.Field(i).Bool() {
				features = append(features, f.Name)
			}
		}
	}
	return strings.Join(features, " ")
})
