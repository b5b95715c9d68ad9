// Package state keeps what the program has to remember of each WebAssembly container: who asked for what, and what was made of
// it. A directory for each container, in one for each root directory of the delegate.
package state
