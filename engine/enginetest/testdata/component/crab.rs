//! The guest that runs scripts as a component: the Go guest's counterpart (../gopher), in the same language but for what only
//! preview 1 has. Each argument is one line of a script, and for each it prints one line, the call's result. It makes the calls
//! of preview 1, which the adapter that its component is made with turns into those of WASI 0.2: see build.sh.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn clock_res_get(id: u32, result: *mut u64) -> u32;
    fn clock_time_get(id: u32, precision: u64, result: *mut u64) -> u32;
    fn fd_allocate(fd: u32, offset: u64, len: u64) -> u32;
    fn fd_close(fd: u32) -> u32;
    fn fd_datasync(fd: u32) -> u32;
    fn fd_fdstat_get(fd: u32, result: *mut u8) -> u32;
    fn fd_filestat_get(fd: u32, result: *mut u8) -> u32;
    fn fd_filestat_set_size(fd: u32, size: u64) -> u32;
    fn fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, set: u32) -> u32;
    fn fd_pread(fd: u32, iovs: *const Vector, count: usize, offset: u64, result: *mut usize) -> u32;
    fn fd_prestat_dir_name(fd: u32, path: *mut u8, len: usize) -> u32;
    fn fd_prestat_get(fd: u32, result: *mut u32) -> u32;
    fn fd_pwrite(fd: u32, iovs: *const Vector, count: usize, offset: u64, result: *mut usize) -> u32;
    fn fd_read(fd: u32, iovs: *const Vector, count: usize, result: *mut usize) -> u32;
    fn fd_readdir(fd: u32, buf: *mut u8, len: usize, cookie: u64, result: *mut usize) -> u32;
    fn fd_renumber(fd: u32, to: u32) -> u32;
    fn fd_seek(fd: u32, offset: i64, whence: u32, result: *mut u64) -> u32;
    fn fd_sync(fd: u32) -> u32;
    fn fd_tell(fd: u32, result: *mut u64) -> u32;
    fn fd_write(fd: u32, iovs: *const Vector, count: usize, result: *mut usize) -> u32;
    fn path_create_directory(fd: u32, path: *const u8, len: usize) -> u32;
    fn path_filestat_get(fd: u32, flags: u32, path: *const u8, len: usize, result: *mut u8) -> u32;
    fn path_filestat_set_times(fd: u32, flags: u32, path: *const u8, len: usize, atim: u64, mtim: u64, set: u32) -> u32;
    fn path_link(fd: u32, flags: u32, path: *const u8, len: usize, to: u32, new: *const u8, newlen: usize) -> u32;
    fn path_open(fd: u32, lookup: u32, path: *const u8, len: usize, oflags: u32, rights: u64, inheriting: u64, fdflags: u32, result: *mut u32) -> u32;
    fn path_readlink(fd: u32, path: *const u8, len: usize, buf: *mut u8, buflen: usize, result: *mut usize) -> u32;
    fn path_remove_directory(fd: u32, path: *const u8, len: usize) -> u32;
    fn path_rename(fd: u32, path: *const u8, len: usize, to: u32, new: *const u8, newlen: usize) -> u32;
    fn path_symlink(target: *const u8, tlen: usize, fd: u32, path: *const u8, len: usize) -> u32;
    fn path_unlink_file(fd: u32, path: *const u8, len: usize) -> u32;
    fn poll_oneoff(subs: *const u8, events: *mut u8, count: usize, result: *mut usize) -> u32;
    fn proc_exit(code: u32) -> !;
    fn random_get(buf: *mut u8, len: usize) -> u32;
}

#[repr(C)]
struct Vector {
    at: *const u8,
    len: usize,
}

/// What a call yields: a value, or the number of an error.
type Outcome<T> = Result<T, u32>;

const EILSEQ: u32 = 25;

/// The numbers of preview 1 by name.
const ERRNOS: &str = "ok E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG EBUSY ECANCELED ECHILD \
    ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ EDOM EDQUOT EEXIST EFAULT EFBIG EHOSTUNREACH EIDRM EILSEQ EINPROGRESS \
    EINTR EINVAL EIO EISCONN EISDIR ELOOP EMFILE EMLINK EMSGSIZE EMULTIHOP ENAMETOOLONG ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS \
    ENODEV ENOENT ENOEXEC ENOLCK ENOLINK ENOMEM ENOMSG ENOPROTOOPT ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENOTRECOVERABLE ENOTSOCK \
    ENOTSUP ENOTTY ENXIO EOVERFLOW EOWNERDEAD EPERM EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE ERANGE EROFS ESPIPE ESRCH ESTALE ETIMEDOUT \
    ETXTBSY EXDEV ENOTCAPABLE";

fn name(errno: u32) -> String {
    ERRNOS.split(' ').nth(errno as usize).unwrap_or("E?").to_string()
}

fn check(errno: u32) -> Outcome<()> {
    if errno == 0 { Ok(()) } else { Err(errno) }
}

/// The line for a call that yields no value.
fn done(r: Outcome<()>) -> String {
    match r {
        Ok(()) => "ok".to_string(),
        Err(e) => name(e),
    }
}

/// The line for a call that yields a value.
fn value<T: ToString>(r: Outcome<T>) -> String {
    match r {
        Ok(v) => v.to_string(),
        Err(e) => name(e),
    }
}

/// The line for a call of the language's library.
fn library<T: ToString>(r: std::io::Result<T>) -> String {
    r.map_or("error".to_string(), |v| v.to_string())
}

/// Ends the guest with a status of its own: the script is wrong, not the engine.
fn fail(why: &str) -> ! {
    eprintln!("crab: {}", why);
    std::process::exit(1)
}

/// What the adapter takes its memory with, so that it is this guest's own: its allocator takes all that there is.
#[export_name = "cabi_realloc"]
pub unsafe extern "C" fn realloc(old: *mut u8, old_size: usize, align: usize, new_size: usize) -> *mut u8 {
    let layout = |size| std::alloc::Layout::from_size_align_unchecked(size, align);
    match (old_size, new_size) {
        (0, 0) => align as *mut u8,
        (0, _) => std::alloc::alloc(layout(new_size)),
        _ => std::alloc::realloc(old, layout(old_size), new_size),
    }
}

type Words = [Vec<u8>];

struct Guest {
    fds: HashMap<Vec<u8>, u32>, // that the script has named; "$" is the one opened last
    transcript: u32,            // where results are printed
}

fn main() {
    let mut g = Guest { fds: HashMap::new(), transcript: 1 };
    g.fds.insert(b"$".to_vec(), u32::MAX);
    for line in std::env::args().skip(1) {
        let words = split(line.as_bytes());
        let result = g.run(&words);
        if !result.is_empty() {
            put(g.transcript, format!("{}\n", result).as_bytes());
        }
    }
}

impl Guest {
    fn num(&self, w: &[u8]) -> u64 {
        if let Some(&fd) = self.fds.get(w) {
            return fd as u64;
        }
        let s = std::str::from_utf8(w).unwrap_or("");
        if let Some(hex) = s.strip_prefix("0x") {
            return u64::from_str_radix(hex, 16).unwrap_or_else(|_| fail("bad number"));
        }
        s.parse::<u64>().or_else(|_| s.parse::<i64>().map(|n| n as u64)).unwrap_or_else(|_| fail(&format!("bad number: {}", s)))
    }

    fn fd(&self, w: &[u8]) -> u32 {
        self.num(w) as u32
    }

    /// Runs one line and returns what to print; "" prints nothing.
    fn run(&mut self, w: &Words) -> String {
        let op = String::from_utf8(w[0].clone()).unwrap_or_default();
        let a = &w[1..];
        match op.as_str() {
            // Descriptors.
            "open" => done(self.open(self.fd(&a[0]), &a[1], &a[2..])),
            "set" => {
                let name = [b"$".to_vec(), a[0].clone()].concat();
                self.fds.insert(name, self.fds[&b"$".to_vec()]);
                String::new()
            }
            "close" => done(check(unsafe { fd_close(self.fd(&a[0])) })),
            "read" => value(read(self.fd(&a[0]), self.num(&a[1]) as usize).map(|b| quote(&b))),
            "pread" => {
                let mut b = vec![0u8; self.num(&a[2]) as usize];
                let mut n = 0;
                let e = unsafe { fd_pread(self.fd(&a[0]), &vector(&b), 1, self.num(&a[1]), &mut n) };
                b.truncate(n);
                value(check(e).map(|_| quote(&b)))
            }
            "write" => value(write(self.fd(&a[0]), &a[1])),
            "pwrite" => {
                let mut n = 0;
                let e = unsafe { fd_pwrite(self.fd(&a[0]), &vector(&a[2]), 1, self.num(&a[1]), &mut n) };
                value(check(e).map(|_| n))
            }
            "seek" => {
                let whence = ["set", "cur", "end"].iter().position(|s| s.as_bytes() == a[2]).unwrap_or(9) as u32;
                let mut at = 0;
                let e = unsafe { fd_seek(self.fd(&a[0]), self.num(&a[1]) as i64, whence, &mut at) };
                value(check(e).map(|_| at))
            }
            "tell" => {
                let mut at = 0;
                value(check(unsafe { fd_tell(self.fd(&a[0]), &mut at) }).map(|_| at))
            }
            "sync" => done(check(unsafe { fd_sync(self.fd(&a[0])) })),
            "datasync" => done(check(unsafe { fd_datasync(self.fd(&a[0])) })),
            "size" => done(check(unsafe { fd_filestat_set_size(self.fd(&a[0]), self.num(&a[1])) })),
            "allocate" => done(check(unsafe { fd_allocate(self.fd(&a[0]), self.num(&a[1]), self.num(&a[2])) })),
            "renumber" => done(check(unsafe { fd_renumber(self.fd(&a[0]), self.fd(&a[1])) })),
            "fstat" => {
                let mut st = Stat::new();
                value(check(unsafe { fd_filestat_get(self.fd(&a[0]), st.at()) }).map(|_| st.describe()))
            }
            "filetype" => {
                let mut st = [0u64; 3];
                let e = unsafe { fd_fdstat_get(self.fd(&a[0]), st.as_mut_ptr() as *mut u8) };
                value(check(e).map(|_| filetype(st[0] as u8)))
            }
            "prestat" => value(prestat(self.fd(&a[0]))),
            "ls" => {
                let size = if a.len() > 1 { self.num(&a[1]) as usize } else { 4096 };
                value(readdir(self.fd(&a[0]), size).map(|names| names.join(",")))
            }
            "lscount" => value(readdir(self.fd(&a[0]), self.num(&a[1]) as usize).map(|mut names| {
                let all = names.len();
                names.dedup();
                format!("{} {}", all, names.len())
            })),

            // Paths.
            "cat" => value(self.cat(&a[0], &a[1]).map(|b| quote(&b))),
            "list" => {
                let r = self.open(self.fd(&a[0]), &a[1], &[b"dir".to_vec()]).and_then(|_| {
                    let fd = self.fds[&b"$".to_vec()];
                    let names = readdir(fd, 4096);
                    check(unsafe { fd_close(fd) }).and(names)
                });
                value(r.map(|names| names.join(",")))
            }
            "put" => {
                let flags = ["w", "creat", "trunc"].map(|s| s.as_bytes().to_vec());
                done(self.open(self.fd(&a[0]), &a[1], &flags).and_then(|_| {
                    let fd = self.fds[&b"$".to_vec()];
                    let written = write(fd, &a[2]);
                    check(unsafe { fd_close(fd) }).and(written).map(|_| ())
                }))
            }
            "stat" => value(self.stat(&a[0], &a[1], a.len() < 3).map(|st| st.describe())),
            "nlink" => value(self.stat(&a[0], &a[1], true).map(|st| st.0[3])),
            "mtime" => value(self.stat(&a[0], &a[1], true).map(|st| st.0[6])),
            "same" => {
                let one = self.stat(&a[0], &a[1], true);
                let other = self.stat(&a[2], &a[3], true);
                value(one.and_then(|x| other.map(|y| x.0[..2] == y.0[..2])))
            }
            "times" => done(path(&a[1]).and_then(|p| {
                check(unsafe { path_filestat_set_times(self.fd(&a[0]), 1, p.as_ptr(), p.len(), self.num(&a[2]), self.num(&a[3]), 5) })
            })),
            "mkdir" => done(path(&a[1]).and_then(|p| check(unsafe { path_create_directory(self.fd(&a[0]), p.as_ptr(), p.len()) }))),
            "rmdir" => done(path(&a[1]).and_then(|p| check(unsafe { path_remove_directory(self.fd(&a[0]), p.as_ptr(), p.len()) }))),
            "unlink" => done(path(&a[1]).and_then(|p| check(unsafe { path_unlink_file(self.fd(&a[0]), p.as_ptr(), p.len()) }))),
            "rename" => done(path(&a[1]).and_then(|p| path(&a[3]).and_then(|q| {
                check(unsafe { path_rename(self.fd(&a[0]), p.as_ptr(), p.len(), self.fd(&a[2]), q.as_ptr(), q.len()) })
            }))),
            "link" => done(path(&a[1]).and_then(|p| path(&a[3]).and_then(|q| {
                let follow = (a.len() > 4 && a[4] == b"follow") as u32;
                check(unsafe { path_link(self.fd(&a[0]), follow, p.as_ptr(), p.len(), self.fd(&a[2]), q.as_ptr(), q.len()) })
            }))),
            "symlink" => done(path(&a[0]).and_then(|p| path(&a[2]).and_then(|q| {
                check(unsafe { path_symlink(p.as_ptr(), p.len(), self.fd(&a[1]), q.as_ptr(), q.len()) })
            }))),
            "readlink" => value(path(&a[1]).and_then(|p| {
                let mut b = vec![0u8; 4096];
                let mut n = 0;
                check(unsafe { path_readlink(self.fd(&a[0]), p.as_ptr(), p.len(), b.as_mut_ptr(), b.len(), &mut n) })?;
                b.truncate(n);
                Ok(quote(&b))
            })),

            // A call with numbers. Of those that take no address a component has this one.
            "raw" if a[0] == b"fd_filestat_set_times" => {
                done(check(unsafe { fd_filestat_set_times(self.fd(&a[1]), self.num(&a[2]), self.num(&a[3]), self.num(&a[4]) as u32) }))
            }

            // All results of an op that is repeated, each once.
            "repeat" => {
                let mut results: Vec<String> = (0..self.num(&a[0])).map(|_| self.run(&a[1..])).collect();
                results.sort();
                results.dedup();
                results.join(",")
            }

            // Time, chance, the end.
            "poll" => {
                let fd = if a.len() > 1 { Some(self.fd(&a[1])) } else { None };
                value(poll(self.num(&a[0]), fd))
            }
            "monotonic" => {
                let (mut last, mut now) = (0, 0);
                for _ in 0..1000 {
                    let e = unsafe { clock_time_get(1, 0, &mut now) };
                    if e != 0 {
                        return name(e);
                    }
                    if now < last {
                        return "back".to_string();
                    }
                    last = now;
                }
                "ok".to_string()
            }
            "realtime" => {
                let mut now = 0;
                value(check(unsafe { clock_time_get(0, 1, &mut now) }).map(|_| now))
            }
            "resolution" => {
                let mut n = 0;
                value(check(unsafe { clock_res_get(self.num(&a[0]) as u32, &mut n) }).map(|_| if n == 0 { "zero" } else { "ok" }))
            }
            "random" => {
                let (mut one, mut other) = ([0u8; 32], [0u8; 32]);
                let e = unsafe { random_get(one.as_mut_ptr(), 32).max(random_get(other.as_mut_ptr(), 32)) };
                value(check(e).map(|_| if one == other { "same" } else { "differ" }))
            }
            "exit" => unsafe { proc_exit(self.num(&a[0]) as u32) },

            // Streams.
            "transcript" => {
                self.transcript = self.fd(&a[0]);
                String::new()
            }
            "print" => {
                put(self.fd(&a[0]), &a[1]);
                String::new()
            }
            "count" => {
                let lines: String = (0..self.num(&a[1]) / 8).map(|i| format!("{:07}\n", i)).collect();
                put(self.fd(&a[0]), lines.as_bytes());
                String::new()
            }
            "fill" => {
                let (mut left, page) = (self.num(&a[1]), [b'x'; 4096]);
                while left > 0 {
                    if let Err(e) = write(self.fd(&a[0]), &page) {
                        return name(e);
                    }
                    left -= 4096;
                }
                "ok".to_string()
            }
            "echo" => {
                let mut all = Vec::new();
                let (mut input, mut output) = (std::io::stdin(), std::io::stdout());
                let mut buffer = [0u8; 4096];
                loop {
                    match input.read(&mut buffer) {
                        Ok(0) => return String::new(),
                        Ok(n) => all.extend_from_slice(&buffer[..n]),
                        Err(e) => return e.to_string(),
                    }
                    if let Err(e) = output.write_all(&all).and_then(|_| output.flush()) {
                        return e.to_string();
                    }
                    all.clear();
                }
            }

            // What a program sees through its language's library.
            "os.readfile" => library(std::fs::read(text(&a[0])).map(|b| quote(&b))),
            "os.writefile" => library(std::fs::write(text(&a[0]), &a[1]).map(|_| "ok")),
            "os.readdir" => library(std::fs::read_dir(text(&a[0])).map(|list| {
                let mut names: Vec<String> = list.filter_map(|e| e.ok()).map(|e| e.file_name().to_string_lossy().into_owned()).collect();
                names.sort();
                names.join(",")
            })),
            "os.getenv" => quote(std::env::var(text(&a[0])).unwrap_or_default().as_bytes()),
            "os.mkdirall" => library(std::fs::create_dir_all(text(&a[0])).map(|_| "ok")),
            "os.removeall" => {
                let p = text(&a[0]);
                let is_dir = std::fs::symlink_metadata(&p).map_or(false, |m| m.is_dir());
                library(if is_dir { std::fs::remove_dir_all(&p) } else { std::fs::remove_file(&p) }.map(|_| "ok"))
            }
            "os.sleep" => {
                let want = Duration::from_millis(self.num(&a[0]));
                let begun = Instant::now();
                std::thread::sleep(want);
                if begun.elapsed() < want { "early" } else { "ok" }.to_string()
            }
            _ => fail(&format!("unknown op: {}", op)),
        }
    }

    fn open(&mut self, dir: u32, p: &[u8], words: &Words) -> Outcome<()> {
        const READ: u64 = 1 << 1 | 1 << 14;
        const WRITE: u64 = 1 | 1 << 6 | 1 << 8 | 1 << 22;
        const ALL: u64 = (1 << 30) - 1;
        let (mut lookup, mut oflags, mut rights, mut fdflags) = (1, 0, 0, 0);
        for w in words {
            match text(w).as_str() {
                "r" => rights |= READ,
                "w" => rights |= WRITE,
                "rw" => rights |= READ | WRITE,
                "nofollow" => lookup = 0,
                "creat" => oflags |= 1,
                "dir" => oflags |= 2,
                "excl" => oflags |= 4,
                "trunc" => oflags |= 8,
                "append" => fdflags |= 1,
                "nonblock" => fdflags |= 4,
                other => fail(&format!("unknown flag of open: {}", other)),
            }
        }
        if rights == 0 {
            rights = READ;
        }
        let p = path(p)?;
        let mut fd = 0;
        check(unsafe { path_open(dir, lookup, p.as_ptr(), p.len(), oflags, rights | ALL & !(READ | WRITE), ALL, fdflags, &mut fd) })?;
        self.fds.insert(b"$".to_vec(), fd);
        Ok(())
    }

    fn cat(&mut self, dir: &[u8], p: &[u8]) -> Outcome<Vec<u8>> {
        self.open(self.fd(dir), p, &[b"r".to_vec()])?;
        let fd = self.fds[&b"$".to_vec()];
        let mut all = Vec::new();
        loop {
            match read(fd, 4096) {
                Ok(b) if b.is_empty() => break,
                Ok(b) => all.extend_from_slice(&b),
                Err(e) => {
                    unsafe { fd_close(fd) };
                    return Err(e);
                }
            }
        }
        check(unsafe { fd_close(fd) }).map(|_| all)
    }

    fn stat(&self, dir: &[u8], p: &[u8], follow: bool) -> Outcome<Stat> {
        let p = path(p)?;
        let mut st = Stat::new();
        check(unsafe { path_filestat_get(self.fd(dir), follow as u32, p.as_ptr(), p.len(), st.at()) })?;
        Ok(st)
    }
}

/// A path as a string of the component model: what is no UTF-8 cannot be passed, so the guest has the error without a call.
fn path(p: &[u8]) -> Outcome<&str> {
    std::str::from_utf8(p).map_err(|_| EILSEQ)
}

fn text(w: &[u8]) -> String {
    String::from_utf8_lossy(w).into_owned()
}

fn vector(b: &[u8]) -> Vector {
    Vector { at: b.as_ptr(), len: b.len() }
}

fn read(fd: u32, size: usize) -> Outcome<Vec<u8>> {
    let mut b = vec![0u8; size];
    let mut n = 0;
    check(unsafe { fd_read(fd, &vector(&b), 1, &mut n) })?;
    b.truncate(n);
    Ok(b)
}

fn write(fd: u32, b: &[u8]) -> Outcome<usize> {
    let mut n = 0;
    check(unsafe { fd_write(fd, &vector(b), 1, &mut n) })?;
    Ok(n)
}

/// Writes all of b.
fn put(fd: u32, mut b: &[u8]) {
    while !b.is_empty() {
        match write(fd, &b[..b.len().min(32 << 10)]) {
            Ok(n) => b = &b[n..],
            Err(_) => std::process::exit(1),
        }
    }
}

fn prestat(fd: u32) -> Outcome<String> {
    let mut st = [0u32; 2];
    check(unsafe { fd_prestat_get(fd, st.as_mut_ptr()) })?;
    let mut b = vec![0u8; st[1] as usize];
    check(unsafe { fd_prestat_dir_name(fd, b.as_mut_ptr(), b.len()) })?;
    Ok(quote(&b))
}

/// A filestat: device, inode, type, links, size, and three times.
struct Stat([u64; 8]);

impl Stat {
    fn new() -> Stat {
        Stat([0; 8])
    }

    fn at(&mut self) -> *mut u8 {
        self.0.as_mut_ptr() as *mut u8
    }

    /// "file 5", or only the kind for what has no size of its own.
    fn describe(&self) -> String {
        match filetype(self.0[2] as u8) {
            kind @ ("file" | "link") => format!("{} {}", kind, self.0[4]),
            kind => kind.to_string(),
        }
    }
}

fn filetype(t: u8) -> &'static str {
    ["unknown", "block", "chr", "dir", "file", "dgram", "stream", "link"].get(t as usize).copied().unwrap_or("?")
}

/// Reads a whole directory through a buffer of that size and returns the names but "." and "..", sorted.
fn readdir(fd: u32, size: usize) -> Outcome<Vec<String>> {
    let (mut names, mut cookie, mut buffer) = (Vec::new(), 0u64, vec![0u8; size]);
    loop {
        let mut used = 0;
        check(unsafe { fd_readdir(fd, buffer.as_mut_ptr(), size, cookie, &mut used) })?;
        let mut b = &buffer[..used];
        while b.len() >= 24 {
            let len = u32::from_le_bytes([b[16], b[17], b[18], b[19]]) as usize;
            if b.len() < 24 + len {
                break;
            }
            cookie = u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
            let entry = text(&b[24..24 + len]);
            if entry != "." && entry != ".." {
                names.push(entry);
            }
            b = &b[24 + len..];
        }
        if used < size {
            names.sort();
            return Ok(names);
        }
    }
}

/// Waits for so many milliseconds and, where one is given, for a descriptor to become readable, and says which it was.
fn poll(milliseconds: u64, fd: Option<u32>) -> Outcome<String> {
    let mut subs = [0u64; 12]; // userdata; tag; clock id or descriptor; timeout; precision; flags
    subs[0] = 1;
    subs[2] = 1;
    subs[3] = milliseconds * 1_000_000;
    let mut count = 1;
    if let Some(fd) = fd {
        count = 2;
        subs[6] = 2;
        subs[7] = 1; // fd_read
        subs[8] = fd as u64;
    }
    let mut events = [0u64; 8];
    let mut n = 0;
    check(unsafe { poll_oneoff(subs.as_ptr() as *const u8, events.as_mut_ptr() as *mut u8, count, &mut n) })?;
    let mut fired = Vec::new();
    for e in events.chunks(4).take(n) {
        let mut what = if e[0] == 1 { "clock" } else { "fd" }.to_string();
        let errno = (e[1] & 0xffff) as u32;
        if errno != 0 {
            what += &format!(":{}", name(errno));
        }
        fired.push(what);
    }
    fired.sort();
    Ok(fired.join(","))
}

/// Breaks a line at spaces; a word may be a quoted Go string.
fn split(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut i = 0;
    while i < line.len() {
        if line[i] == b' ' {
            i += 1;
            continue;
        }
        let mut word = Vec::new();
        if line[i] == b'"' {
            i += 1;
            while i < line.len() && line[i] != b'"' {
                if line[i] != b'\\' {
                    word.push(line[i]);
                    i += 1;
                    continue;
                }
                let digits = |n: usize| {
                    let hex = std::str::from_utf8(&line[i + 2..i + 2 + n]).unwrap_or("");
                    u32::from_str_radix(hex, 16).unwrap_or_else(|_| fail("bad string"))
                };
                match line[i + 1] {
                    b'x' => {
                        word.push(digits(2) as u8);
                        i += 2;
                    }
                    b'u' => {
                        let c = char::from_u32(digits(4)).unwrap_or_else(|| fail("bad string"));
                        word.extend_from_slice(c.to_string().as_bytes());
                        i += 4;
                    }
                    b'n' => word.push(b'\n'),
                    b't' => word.push(b'\t'),
                    b'r' => word.push(b'\r'),
                    other => word.push(other),
                }
                i += 2;
            }
            i += 1;
        } else {
            while i < line.len() && line[i] != b' ' {
                word.push(line[i]);
                i += 1;
            }
        }
        words.push(word);
    }
    if words.is_empty() {
        fail("empty line");
    }
    words
}

/// Quotes bytes as Go does.
fn quote(b: &[u8]) -> String {
    let mut s = String::from("\"");
    let mut rest = b;
    while !rest.is_empty() {
        let (valid, bad) = match std::str::from_utf8(rest) {
            Ok(v) => (v, 0),
            Err(e) => (std::str::from_utf8(&rest[..e.valid_up_to()]).unwrap_or(""), 1),
        };
        for c in valid.chars() {
            match c {
                '"' => s.push_str("\\\""),
                '\\' => s.push_str("\\\\"),
                '\n' => s.push_str("\\n"),
                '\t' => s.push_str("\\t"),
                '\r' => s.push_str("\\r"),
                c if (c as u32) < 0x20 || c as u32 == 0x7f => s.push_str(&format!("\\x{:02x}", c as u32)),
                c => s.push(c),
            }
        }
        if bad > 0 {
            s.push_str(&format!("\\x{:02x}", rest[valid.len()]));
        }
        rest = &rest[valid.len() + bad..];
    }
    s.push('"');
    s
}
