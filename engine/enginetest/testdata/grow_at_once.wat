;; Asks for 16 MiB, then for all of 4 GiB, then for one page, and exits with 1 for each that was granted: 4, 2 and 1.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $granted (param $pages i32) (result i32)
    (i32.ne (memory.grow (local.get $pages)) (i32.const -1)))
  (func (export "_start")
    (call $proc_exit
      (i32.add
        (i32.mul (i32.const 4) (call $granted (i32.const 256)))
        (i32.add
          (i32.mul (i32.const 2) (call $granted (i32.const 65535)))
          (call $granted (i32.const 1)))))))
