;; A guest that was built for another host.
(module
  (import "env" "host\1b[31mfunction" (func))
  (memory (export "memory") 1)
  (func (export "_start")))
