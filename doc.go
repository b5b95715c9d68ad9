// Package wasmoci gives a container runtime the ability to run WebAssembly: an OCI bundle goes in, a guest runs on the
// engine that was chosen, an exit status comes out. This package is documentation and an example; the code is in
//
//   - [github.com/wasmoci/wasmoci/oci]: an OCI runtime specification becomes a plan of a run, with an account of what became
//     of each field;
//   - [github.com/wasmoci/wasmoci/wasi]: one run of a guest as plain data;
//   - [github.com/wasmoci/wasmoci/engine]: engines, modules and instances, what each engine can do, and how a run ended;
//   - [github.com/wasmoci/wasmoci/engine/wazero]: the engine that needs nothing but Go;
//   - [github.com/wasmoci/wasmoci/engine/all]: every engine, for programs that let their user choose;
//   - [github.com/wasmoci/wasmoci/engine/enginetest]: what every engine must do, as a test suite.
//
// What cannot be honoured is refused, with a typed error, before the guest's first instruction.
package wasmoci
