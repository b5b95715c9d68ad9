;; Loops in its start section, before any entrypoint.
(module
  (func $initial (loop $forever (br $forever)))
  (start $initial)
  (memory (export "memory") 1)
  (func (export "_start")))
