;; Grows its memory page by page until that fails, writes to the last byte of each page, checks that the pages kept what
;; was written, and exits with the number of pages it has. At most 254, so that a missing limit ends too.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32)
    (block $full
      (loop $more
        (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (memory.size))
        (br_if $full (i32.ge_u (memory.size) (i32.const 254)))
        (br_if $full (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
        (br $more)))
    (local.set $i (i32.const 1))
    (loop $check
      (if (i32.ne (i32.load8_u (i32.sub (i32.mul (local.get $i) (i32.const 65536)) (i32.const 1))) (local.get $i))
        (then (unreachable)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $check (i32.le_u (local.get $i) (memory.size))))
    (call $proc_exit (memory.size))))
