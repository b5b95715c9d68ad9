//go:build linux && wasmtime && cgo

package main

const engineFor = "wasmtime" // what runners are told to use
