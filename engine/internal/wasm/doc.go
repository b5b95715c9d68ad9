// Package wasm reads the binary format of core modules (core specification, chapter 5) as far as engines need it beyond
// what their runtimes tell: imports, exports and their types, and what a module starts with. Whether a module is valid
// is for a runtime to say.
package wasm
