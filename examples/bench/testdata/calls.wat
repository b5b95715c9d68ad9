;; Calls the host in loops: each export does one thing many times. The first preopen has the files "data" of 2 MiB, "out", and
;; a directory "many" with 1,000 entries.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "data")
  (data (i32.const 8) "out")
  (data (i32.const 16) "many")
  (data (i32.const 32) "\00\00\01\00\40\00\00\00") ;; an iovec of 64 bytes at 65536
  (data (i32.const 40) "\00\00\01\00\00\00\01\00") ;; one of 65536 bytes
  (func $must (param $errno i32) (if (local.get $errno) (then (unreachable))))
  ;; Opens a file and returns its descriptor.
  (func $open (param $name i32) (param $len i32) (param $oflags i32) (param $rights i64) (result i32)
    (call $must (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (local.get $len) (local.get $oflags)
      (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 64)))
    (i32.load (i32.const 64)))
  (func (export "clock") (local $n i32)
    (local.set $n (i32.const 100000))
    (loop $more
      (call $must (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 72)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func $write (param $iovec i32) (param $n i32) (local $fd i32)
    (local.set $fd (call $open (i32.const 8) (i32.const 3) (i32.const 8) (i64.const 64))) ;; truncated, to write
    (loop $more
      (call $must (call $fd_write (local.get $fd) (local.get $iovec) (i32.const 1) (i32.const 80)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $must (call $fd_close (local.get $fd))))
  (func (export "write64") (call $write (i32.const 32) (i32.const 10000)))
  (func (export "write64K") (call $write (i32.const 40) (i32.const 200)))
  (func $read (param $fd i32) (param $iovec i32) (param $n i32)
    (loop $more
      (call $must (call $fd_read (local.get $fd) (local.get $iovec) (i32.const 1) (i32.const 80)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "read64") (local $fd i32)
    (local.set $fd (call $open (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2)))
    (call $read (local.get $fd) (i32.const 32) (i32.const 30000))
    (call $must (call $fd_close (local.get $fd))))
  (func (export "read64K") (local $n i32) (local $fd i32)
    (local.set $n (i32.const 20))
    (local.set $fd (call $open (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 6))) ;; to read and to seek
    (loop $again
      (call $read (local.get $fd) (i32.const 40) (i32.const 32))
      (call $must (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 88)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $must (call $fd_close (local.get $fd))))
  (func (export "open") (local $n i32)
    (local.set $n (i32.const 2000))
    (loop $more
      (call $must (call $fd_close (call $open (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2))))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "stat") (local $n i32)
    (local.set $n (i32.const 5000))
    (loop $more
      (call $must (call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 128)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "readdir") (local $n i32) (local $fd i32)
    (local.set $n (i32.const 20))
    (local.set $fd (call $open (i32.const 16) (i32.const 4) (i32.const 2) (i64.const 16384)))
    (loop $more
      (call $must (call $fd_readdir (local.get $fd) (i32.const 65536) (i32.const 131072) (i64.const 0) (i32.const 80)))
      (if (i32.lt_u (i32.load (i32.const 80)) (i32.const 24000)) (then (unreachable)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $must (call $fd_close (local.get $fd)))))
