;; Traps in its start section, which runs when the module is instantiated and before any entrypoint.
(module
  (func $initial (unreachable))
  (start $initial)
  (memory (export "memory") 1)
  (func (export "_start")))
