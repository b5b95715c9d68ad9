//go:build linux && !(wasmtime && cgo)

package main

const engineFor = "wazero" // what runners are told to use
