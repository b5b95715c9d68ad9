;; Exits with 31 random bits and a 1 above them.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (if (call $random (i32.const 0) (i32.const 4)) (then (unreachable)))
    (call $proc_exit (i32.or (i32.load (i32.const 0)) (i32.const 0x80000000)))))
