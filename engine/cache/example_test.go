package cache_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wasmoci/wasmoci/engine/cache"
)

func Example() {
	home, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	dir, err := cache.Open(filepath.Join(home, "wasmoci"))
	if err != nil {
		panic(err)
	}
	defer dir.Close()
	key := cache.Key{Module: sha256.Sum256([]byte("\x00asm")), Engine: "mine", Version: "1.0", CPU: cache.CPU()}

	_, err = dir.Get(key)
	fmt.Println(errors.Is(err, cache.ErrMiss))
	if err := dir.Put(key, "", strings.NewReader("native code")); err != nil {
		panic(err)
	}
	entry, err := dir.Get(key)
	if err != nil {
		panic(err)
	}
	defer entry.File.Close()
	code, _ := io.ReadAll(entry.File)
	fmt.Println(string(code))
	// Output:
	// true
	// native code
}
