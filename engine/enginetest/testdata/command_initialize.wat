;; A command that exports _initialize too: the application's own business, never called for _start.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (call $proc_exit (i32.const 9)))
  (func (export "_start") (call $proc_exit (i32.const 7))))
