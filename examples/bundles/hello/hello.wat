;; The guest of this bundle: it greets, then shows the arguments and the environment that it was given.
;; Assembled by `make generate`: wat2wasm hello.wat -o rootfs/hello.wasm
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  ;;   0  how many strings        4  how many bytes they have together
  ;;   8  iovec: address, length  16 how many bytes were written
  ;;  32  text
  ;; 4096 pointers to strings, then, at $text, the strings
  (memory (export "memory") 1)
  (data (i32.const 32) "Hello from WebAssembly!\n") ;; 24 bytes
  (data (i32.const 64) "  argument ")               ;; 11 bytes
  (data (i32.const 80) "  variable ")               ;; 11 bytes
  (data (i32.const 96) "\n")

  ;; $check ends the guest with status 1 where a call did not succeed.
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (i32.const 1)))))

  ;; $print writes bytes to standard output, however many calls that takes.
  (func $print (param $at i32) (param $len i32)
    (local $n i32)
    (loop $more
      (i32.store (i32.const 8) (local.get $at))
      (i32.store (i32.const 12) (local.get $len))
      (call $check (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))
      (local.set $n (i32.load (i32.const 16)))
      (local.set $at (i32.add (local.get $at) (local.get $n)))
      (local.set $len (i32.sub (local.get $len) (local.get $n)))
      (br_if $more (local.get $len))))

  ;; $strlen counts the bytes before the NUL that ends a string.
  (func $strlen (param $at i32) (result i32)
    (local $n i32)
    (loop $next
      (if (i32.load8_u (i32.add (local.get $at) (local.get $n)))
        (then
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br $next))))
    (local.get $n))

  ;; $list prints each of the strings whose pointers lie at 4096, after a label.
  (func $list (param $label i32)
    (local $i i32) (local $string i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (i32.load (i32.const 0))))
        (local.set $string (i32.load (i32.add (i32.const 4096) (i32.shl (local.get $i) (i32.const 2)))))
        (call $print (local.get $label) (i32.const 11))
        (if (call $strlen (local.get $string))
          (then (call $print (local.get $string) (call $strlen (local.get $string)))))
        (call $print (i32.const 96) (i32.const 1))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next))))

  ;; $room makes the memory large enough for the strings that are announced at 0 and 4, and returns where they go.
  (func $room (result i32)
    (local $text i32) (local $end i32) (local $pages i32)
    (local.set $text (i32.add (i32.const 4096) (i32.shl (i32.load (i32.const 0)) (i32.const 2))))
    (local.set $end (i32.add (local.get $text) (i32.load (i32.const 4))))
    (local.set $pages (i32.add (i32.shr_u (local.get $end) (i32.const 16)) (i32.const 1)))
    (if (i32.gt_u (local.get $pages) (memory.size))
      (then
        (call $check (i32.eq (i32.const -1)
          (memory.grow (i32.sub (local.get $pages) (memory.size)))))))
    (local.get $text))

  (func (export "_start")
    (call $print (i32.const 32) (i32.const 24))
    (call $check (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (call $check (call $args_get (i32.const 4096) (call $room)))
    (call $list (i32.const 64))
    (call $check (call $environ_sizes_get (i32.const 0) (i32.const 4)))
    (call $check (call $environ_get (i32.const 4096) (call $room)))
    (call $list (i32.const 80))))
