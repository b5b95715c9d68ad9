;; Traps in the way that the first letter of its first argument says. The function names are in the name section, for
;; the backtrace: $outer calls the one that traps.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (type $void (func))
  (memory (export "memory") 1)
  (table 2 funcref)                                          ;; 0: a function of another type, 1: nothing
  (elem (i32.const 0) $other_type)
  (func $other_type (param i32))
  (func $unreachable_here (unreachable))
  (func $memory_out_of_bounds (drop (i32.load (i32.const 65536))))
  (func $divides_by_zero (drop (i32.div_s (i32.const 1) (i32.load (i32.const 512)))))
  (func $overflows (drop (i32.div_s (i32.const 0x80000000) (i32.sub (i32.load (i32.const 512)) (i32.const 1)))))
  (func $converts_nan (drop (i32.trunc_f64_s (f64.div (f64.load (i32.const 512)) (f64.load (i32.const 512))))))
  (func $converts_big (drop (i32.trunc_f64_s (f64.const 1e300))))
  (func $table_out_of_bounds (call_indirect (type $void) (i32.const 7)))
  (func $table_null (call_indirect (type $void) (i32.const 1)))
  (func $calls_other_type (call_indirect (type $void) (i32.const 0)))
  ;; Of a sum a compiler can make a loop, which uses no stack.
  (func $recurses (param i64) (result i64)
    (i64.mul (i64.rotl (call $recurses (i64.add (local.get 0) (i64.const 1))) (local.get 0)) (i64.const 3)))
  (func $outer (param $letter i32)
    (if (i32.eq (local.get $letter) (i32.const 117)) (then (call $unreachable_here)))          ;; u
    (if (i32.eq (local.get $letter) (i32.const 109)) (then (call $memory_out_of_bounds)))      ;; m
    (if (i32.eq (local.get $letter) (i32.const 100)) (then (call $divides_by_zero)))           ;; d
    (if (i32.eq (local.get $letter) (i32.const 111)) (then (call $overflows)))                 ;; o
    (if (i32.eq (local.get $letter) (i32.const 99)) (then (call $converts_nan)))               ;; c
    (if (i32.eq (local.get $letter) (i32.const 67)) (then (call $converts_big)))               ;; C
    (if (i32.eq (local.get $letter) (i32.const 116)) (then (call $table_out_of_bounds)))       ;; t
    (if (i32.eq (local.get $letter) (i32.const 110)) (then (call $table_null)))                ;; n
    (if (i32.eq (local.get $letter) (i32.const 115)) (then (call $calls_other_type)))          ;; s
    (if (i32.eq (local.get $letter) (i32.const 114)) (then (drop (call $recurses (i64.const 0)))))) ;; r
  (func (export "_start")
    (if (call $args_get (i32.const 0) (i32.const 1024)) (then (unreachable)))
    (call $outer (i32.load8_u (i32.load (i32.const 4))))))
