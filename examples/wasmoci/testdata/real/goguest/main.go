// The guest of TestRealGo, for GOOS=wasip1.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	in, err := os.ReadFile("/in/greeting")
	if err != nil {
		fail("read", err)
	}
	if err := os.WriteFile("/out/copy", in, 0o644); err != nil {
		fail("write", err)
	}
	_, err = os.Create("/in/new")
	names, _ := filepath.Glob("/in/*")
	dir, _ := os.Getwd()
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"args": os.Args, "env": os.Environ(), "dir": dir, "in": names, "readonly": errors.Is(err, syscall.EROFS),
	})
	os.Exit(42)
}

func fail(op string, err error) {
	fmt.Fprintln(os.Stderr, op, err)
	os.Exit(1)
}
