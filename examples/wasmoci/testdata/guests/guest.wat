;; One guest for all tests of the program: each exported function is an entrypoint that does one thing.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  ;;   0 iovec: address, length   8 how many bytes   16 subscription, 48 bytes   64 event
  ;; 128 text                   1024 buffer
  (memory (export "memory") 1)
  (data (i32.const 128) "ready\n") ;; 6 bytes

  ;; $write writes bytes to standard output and returns the errno.
  (func $write (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $len))
    (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))

  ;; _start says that it runs.
  (func (export "_start")
    (drop (call $write (i32.const 128) (i32.const 6))))

  ;; exit7 ends with status 7.
  (func (export "exit7")
    (call $proc_exit (i32.const 7)))

  ;; trap traps, two calls deep.
  (func $inner unreachable)
  (func $outer (call $inner))
  (func (export "trap") (call $outer))

  ;; cat copies standard input to standard output.
  (func (export "cat")
    (block $end
      (loop $more
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 4096))
        (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
          (then (call $proc_exit (i32.const 1))))
        (br_if $end (i32.eqz (i32.load (i32.const 8))))
        (drop (call $write (i32.const 1024) (i32.load (i32.const 8))))
        (br $more))))

  ;; yes writes lines for ever; it ends with the errno that a write gives (64 is EPIPE).
  (func (export "yes")
    (local $errno i32)
    (loop $more
      (local.set $errno (call $write (i32.const 128) (i32.const 6)))
      (if (local.get $errno) (then (call $proc_exit (local.get $errno))))
      (br $more)))

  ;; loop says that it runs, then computes for ever.
  (func (export "loop")
    (drop (call $write (i32.const 128) (i32.const 6)))
    (loop $more (br $more)))

  ;; sleep says that it runs, then sleeps for an hour on the monotonic clock.
  (func (export "sleep")
    (drop (call $write (i32.const 128) (i32.const 6)))
    (i32.store (i32.const 32) (i32.const 1))
    (i64.store (i32.const 40) (i64.const 3600000000000))
    (drop (call $poll_oneoff (i32.const 16) (i32.const 64) (i32.const 1) (i32.const 8))))

  ;; read says that it runs, then waits for a byte of standard input.
  (func (export "read")
    (drop (call $write (i32.const 128) (i32.const 6)))
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))
