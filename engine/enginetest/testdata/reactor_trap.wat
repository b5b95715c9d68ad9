;; A reactor whose _initialize traps: "run" must never be reached.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (unreachable))
  (func (export "run") (call $proc_exit (i32.const 9))))
