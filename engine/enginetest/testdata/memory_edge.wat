;; Gives its host addresses around the last byte of its one page of memory. Exits with 0, or with the number of the
;; first check that failed.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $want (param $number i32) (param $got i32) (param $errno i32)
    (if (i32.ne (local.get $got) (local.get $errno)) (then (call $proc_exit (local.get $number)))))
  (func (export "_start")                                    ;; 21 is EFAULT
    (call $want (i32.const 1) (call $random (i32.const 65528) (i32.const 8)) (i32.const 0))
    (call $want (i32.const 2) (call $random (i32.const 65528) (i32.const 9)) (i32.const 21))
    (call $want (i32.const 3) (call $random (i32.const 65536) (i32.const 1)) (i32.const 21))
    (call $want (i32.const 4) (call $random (i32.const 8) (i32.const 0xffffffff)) (i32.const 21))
    (call $want (i32.const 5) (call $clock (i32.const 1) (i64.const 0) (i32.const 65528)) (i32.const 0))
    (call $want (i32.const 6) (call $clock (i32.const 1) (i64.const 0) (i32.const 65529)) (i32.const 21))
    (call $want (i32.const 7) (call $clock (i32.const 1) (i64.const 0) (i32.const 0xffffffff)) (i32.const 21))
    (i32.store (i32.const 65528) (i32.const 65536))          ;; an iovec in the last 8 bytes: nothing, behind the end
    (i32.store (i32.const 65532) (i32.const 1))
    (call $want (i32.const 8) (call $fd_write (i32.const 1) (i32.const 65528) (i32.const 1) (i32.const 0)) (i32.const 21))
    (call $want (i32.const 9) (call $fd_write (i32.const 1) (i32.const 65529) (i32.const 1) (i32.const 0)) (i32.const 21))
    (call $proc_exit (i32.const 0))))
