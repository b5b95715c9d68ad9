//go:build linux && wasmtime && cgo

package main

func init() { engineFor = "wasmtime" }

var (
	buildFlags = []string{"-tags", "wasmtime,netgo,osusergo", "-ldflags", "-s -w -linkmode external -extldflags -static"}
	buildEnv   = []string{"CGO_ENABLED=1"}
)
