;; Calls proc_exit with the decimal number in its first argument, and traps if that returns.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $p i32) (local $code i32)
    (if (call $args_get (i32.const 0) (i32.const 1024)) (then (unreachable)))
    (local.set $p (i32.load (i32.const 4)))                  ;; argv[1]
    (block $end
      (loop $digit
        (br_if $end (i32.eqz (i32.load8_u (local.get $p))))
        (local.set $code
          (i32.add (i32.mul (local.get $code) (i32.const 10))
                   (i32.sub (i32.load8_u (local.get $p)) (i32.const 48))))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (br $digit)))
    (call $proc_exit (local.get $code))
    (unreachable)))
