package wasi_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/wasmoci/wasmoci/wasi"
)

func Example() {
	cfg := &wasi.Config{
		Args: []string{"server", "--verbose"},
		Env:  []string{"LANG=C.UTF-8"},
		Mounts: []wasi.Mount{
			{Guest: "/", Host: "/srv/app/rootfs", ReadOnly: true},
			{Guest: "/data", Host: "/srv/app/data"},
			{Guest: "etc", Host: "/etc"}, // a mistake
		},
		Stdout: os.Stdout,
		Limits: wasi.Limits{MemoryBytes: 64 << 20},
	}
	err := cfg.Validate()
	var field *wasi.FieldError
	if errors.As(err, &field) {
		fmt.Println(field.Field)
	}
	fmt.Println(err)
	// Output:
	// Mounts[2].Guest
	// wasi: Mounts[2].Guest "etc": is not a clean absolute slash-separated path
}

func ExampleFormatOf() {
	fmt.Println(wasi.FormatOf([]byte("\x00asm\x01\x00\x00\x00")))
	fmt.Println(wasi.FormatOf([]byte(";; hello\n(module)")))
	fmt.Println(wasi.FormatOf([]byte("#!/bin/sh\n")))
	// Output:
	// module
	// text
	// unknown
}
