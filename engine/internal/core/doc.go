// Package core makes an [engine.Engine] of what is special to one WebAssembly runtime. What all engines do alike is here,
// once: reading modules, the cache, the lifetimes of engines, modules and instances, the WASI host of a run, and how a
// run's end is told. A runtime brings a [Runtime] and a [Code], and nothing else.
package core
