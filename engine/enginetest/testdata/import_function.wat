;; Needs a function of another host.
(module
  (import "env" "emscripten_magic" (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
