;; Calls and never loops: each function calls itself twice, to a depth that takes for ever but little stack. Another way to
;; compute without end than a loop, and one that engines forget to interrupt.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\06\00\00\00ready\n")
  (func $twice (param $depth i32)
    (if (i32.eqz (local.get $depth)) (then (return)))
    (call $twice (i32.sub (local.get $depth) (i32.const 1)))
    (call $twice (i32.sub (local.get $depth) (i32.const 1))))
  (func (export "_start")
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
    (call $twice (i32.const 200))))
