;; A reactor whose _initialize ends the guest: "run" must never be reached, even though the status is 0.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (call $proc_exit (i32.const 0)))
  (func (export "run") (call $proc_exit (i32.const 9))))
