module example.com/embedder

go 1.25.0

require github.com/wasmoci/wasmoci v0.0.0

require (
	github.com/opencontainers/runtime-spec v1.3.0 // indirect
	github.com/tetratelabs/wazero v1.12.0 // indirect
	golang.org/x/sys v0.44.0 // indirect
)

replace github.com/wasmoci/wasmoci => ../..
