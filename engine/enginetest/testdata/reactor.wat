;; A reactor: no _start, an _initialize that must have run exactly once before any other entrypoint. "run" exits with 7
;; when it has, and with 8 plus the number of times otherwise.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (global $initialized (mut i32) (i32.const 0))
  (func (export "_initialize")
    (global.set $initialized (i32.add (global.get $initialized) (i32.const 1))))
  (func (export "run")
    (if (i32.eq (global.get $initialized) (i32.const 1)) (then (call $proc_exit (i32.const 7))))
    (call $proc_exit (i32.add (i32.const 8) (global.get $initialized)))))
