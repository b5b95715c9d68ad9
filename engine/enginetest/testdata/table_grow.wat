;; Grows each of its tables by 1,000,000 elements at a time until that fails, or forty times, and exits with how many
;; million elements it has.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (table $a 1 funcref)
  (table $b 1 funcref)
  (func (export "_start") (local $i i32) (local $n i32)
    (loop $more
      (if (i32.ne (table.grow $a (ref.null func) (i32.const 1000000)) (i32.const -1))
        (then (local.set $n (i32.add (local.get $n) (i32.const 1)))))
      (if (i32.ne (table.grow $b (ref.null func) (i32.const 1000000)) (i32.const -1))
        (then (local.set $n (i32.add (local.get $n) (i32.const 1)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 20))))
    (call $proc_exit (local.get $n))))
