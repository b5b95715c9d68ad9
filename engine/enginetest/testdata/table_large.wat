;; Starts with a table of 1,000,000 elements, which take the host 8 MB.
(module
  (memory (export "memory") 1)
  (table 1000000 funcref)
  (func (export "_start")))
