# What a program sees of its files, as JSON: the same from CPython on the host and in a guest, or something is wrong.
import errno, json, os, stat, sys

base = sys.argv[1]
seen = []

def p(*names): return os.path.join(base, *names)

def did(what, f):
    """Records what f returns, or the errno that it ends with."""
    try:
        seen.append([what, f()])
    except OSError as e:
        seen.append([what, errno.errorcode[e.errno]])

def put(path, data, mode="w"):
    with open(path, mode) as f:
        return f.write(data)

def get(path):
    with open(path) as f:
        return f.read()

def facts(path, follow=True):
    st = os.stat(path, follow_symlinks=follow)
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link"}[stat.S_IFMT(st.st_mode)]
    return [kind, st.st_nlink if kind != "dir" else 0, st.st_size if kind == "file" else 0]

did("mkdir", lambda: os.makedirs(p("a", "b", "c")))
did("mkdir again", lambda: os.mkdir(p("a")))
for i in range(300):
    put(p("a", "b", f"file{i:03}"), "x" * i)
did("walk", lambda: [[os.path.relpath(d, base), sorted(ds), len(fs)] for d, ds, fs in sorted(os.walk(base))])
did("sizes", lambda: sum(e.stat().st_size for e in os.scandir(p("a", "b")) if e.is_file()))
did("stat", lambda: facts(p("a", "b", "file007")))
did("stat of nothing", lambda: facts(p("none")))
did("stat below a file", lambda: facts(p("a", "b", "file007", "x")))

did("link", lambda: os.link(p("a", "b", "file007"), p("hard")))
did("linked", lambda: facts(p("hard")))
did("same", lambda: os.path.samefile(p("a", "b", "file007"), p("hard")))
did("symlink", lambda: os.symlink("a/b/file009", p("soft")))
did("readlink", lambda: os.readlink(p("soft")))
did("lstat", lambda: facts(p("soft"), follow=False))
did("stat through it", lambda: facts(p("soft")))
did("dangling", lambda: (os.symlink("nowhere", p("dangling")), get(p("dangling"))))
did("loop", lambda: (os.symlink("loop", p("loop")), get(p("loop"))))

did("rename", lambda: os.rename(p("a", "b", "file010"), p("moved")))
did("renamed", lambda: [facts(p("moved")), os.path.exists(p("a", "b", "file010"))])
did("replace", lambda: (put(p("over"), "old"), os.replace(p("moved"), p("over")), facts(p("over")))[2])
did("rename of a directory", lambda: os.rename(p("a", "b"), p("b")))
did("rename into itself", lambda: os.rename(p("a"), p("a", "c")))
did("rename over a full directory", lambda: (os.mkdir(p("d")), os.rename(p("d"), p("b"))))
did("after renames", lambda: sorted(os.listdir(base)))

def lock(path):
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(fd, b"1")
    os.close(fd)
did("lock", lambda: lock(p("lock")))
did("locked", lambda: lock(p("lock")))
did("unlock", lambda: os.unlink(p("lock")))
did("lock again", lambda: lock(p("lock")))

def places():
    with open(p("places"), "wb+") as f:
        f.write(b"0123456789")
        f.seek(-3, os.SEEK_END)
        tail = f.read()
        f.seek(2)
        f.write(b"ab")
        f.truncate(6)
        f.seek(20)
        f.write(b"!")
        f.seek(0)
        return [tail.decode(), f.read().hex(), f.tell()]
did("seek and truncate", places)
did("append", lambda: (put(p("log"), "one\n"), put(p("log"), "two\n", "a"), get(p("log")))[2])
did("times", lambda: (os.utime(p("log"), (1000000000, 1234567890)), os.stat(p("log")).st_mtime, os.stat(p("log")).st_atime)[1:])
did("rmdir of a full directory", lambda: os.rmdir(p("b")))
did("unlink of a directory", lambda: os.unlink(p("d")))
did("rmdir of a file", lambda: os.rmdir(p("log")))
did("open of a directory", lambda: put(p("d"), "x"))
json.dump(seen, sys.stdout, indent=1)
