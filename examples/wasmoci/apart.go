//go:build apart

package main

import _ "github.com/wasmoci/wasmoci/engine/known" // engines are apart, in their runners: each verb of a container would pay for them
