;; Writes its arguments as the host laid them out, each with its NUL, and exits with their number.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (if (call $sizes (i32.const 0) (i32.const 4)) (then (unreachable)))       ;; count at 0, size at 4
    (if (call $get (i32.const 1024) (i32.const 65536)) (then (unreachable)))  ;; strings from 65536 on
    (i32.store (i32.const 8) (i32.const 65536))                               ;; the iovec at 8
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (if (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)) (then (unreachable)))
    (call $proc_exit (i32.load (i32.const 0)))))
