;; Blocks in the host for ever: each export in another call. All of the memory has been written to by then.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $fd_fdstat_set_flags (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $touch (local $p i32)
    (loop $more
      (i32.store8 offset=1024 (local.get $p) (i32.const 0))
      (br_if $more (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 2048))) (i32.const 64512)))))
  (func $read (param $fd i32)
    (i32.store (i32.const 4) (i32.const 64)) ;; an iovec of 64 bytes at 0
    (drop (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 80))))
  (func (export "sleep")
    (call $touch)
    (i64.store (i32.const 24) (i64.const 0x3fffffffffffffff)) ;; a subscription to the realtime clock at 0
    (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))
  (func (export "read") (call $touch) (call $read (i32.const 0)))
  (func (export "poll") ;; the standard input and the clock
    (call $touch)
    (i64.store (i32.const 24) (i64.const 0x3fffffffffffffff))
    (i32.store8 (i32.const 56) (i32.const 1))
    (drop (call $poll_oneoff (i32.const 0) (i32.const 128) (i32.const 2) (i32.const 256))))
  (func (export "accept") ;; descriptor 3, which does not block until told so
    (call $touch)
    (drop (call $fd_fdstat_set_flags (i32.const 3) (i32.const 0)))
    (drop (call $sock_accept (i32.const 3) (i32.const 0) (i32.const 80))))
  (func (export "fifo") ;; the file "0" in the first preopen
    (call $touch)
    (i32.store8 (i32.const 16) (i32.const 0x30))
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))
    (call $read (i32.load (i32.const 64)))))
