//go:build !apart

package main

import _ "github.com/wasmoci/wasmoci/engine/all" // those of the build's tags
