//go:build !linux

package subprocess_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

func TestUnsupported(t *testing.T) {
	if subprocess.Init() {
		t.Error("this process is an engine's")
	}
	if _, err := subprocess.New(t.Context(), subprocess.Config{Engine: "wazero"}, engine.Options{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New: %v", err)
	}
	if err := subprocess.Serve(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Serve: %v", err)
	}
}

func Example() {
	fmt.Println(subprocess.Init()) // at the beginning of main
	// Output: false
}
