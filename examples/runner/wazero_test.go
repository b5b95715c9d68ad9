//go:build linux && !(wasmtime && cgo)

package main

var (
	buildFlags = []string{"-ldflags", "-s -w"}
	buildEnv   = []string{"CGO_ENABLED=0"}
)
