// Package subprocess runs any engine in a child process, behind the interfaces of package engine.
//
// An engine that crashes takes its own process with it and not the program's; a guest may run without checks for
// interruption, because SIGKILL ends it; and a program may drive engines that it does not link, even such as cannot be linked
// together:
//
//	func main() {
//		if subprocess.Init() { // this process is an engine's
//			return
//		}
//		…
//		eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero"}, engine.Options{CacheDir: dir})
//
// The child is this executable again, whose main calls [Init] first, or another one ([Config].Path), whose main is little
// more than [Serve]. What [New] returns has the inner engine's name, version, errors, events and log records. A program that
// wants such an engine by name registers it:
//
//	known, _ := engine.Lookup("wasmtime") // from package engine/known, or engine/all
//	engine.Register(subprocess.Driver(known, subprocess.Config{Path: "/usr/libexec/wasmoci-wasmtime"}))
//
// It needs Linux; elsewhere New fails with [errors.ErrUnsupported].
//
// # Capabilities
//
// They are those that the inner engine declares in the child, and [engine.Interrupt]: SIGKILL ends any guest. Options.
// Uninterruptible is therefore not taken; [Config].Unchecked leaves the checks out inside of the child. A memory limit is the
// inner engine's to keep exactly; the kernel backs it up (RLIMIT_DATA of the child: the limit, the run's tmpfs, and [Headroom]),
// and everything that the child does counts in [Config].Cgroup, where one is named.
//
// # Processes
//
// One child opens the engine; it goes on to compile the first module and to run that module's first guest. Every other
// compilation and every other run has a child of its own. Before the second run of a module a child exports its code from the
// cache ([engine.Export]) to a private directory in [os.TempDir], which the module's Close removes, and from which the children load it;
// where that is not possible they take it from the cache. Without Options.CacheDir there is a private cache beside, unless [Config].Once
// is set. A child that waits for its first request costs memory and no time; Close ends it.
//
// A child is a session and process group of its own, without a controlling terminal, so that a guest may read from a
// terminal, and signals of the keyboard go to the program alone; it has no children of this package's. It has no environment
// but [Config].Env, and no open descriptor but those of its run: what this process had open without close-on-exec is closed
// before anything else happens. When a run ends, and when its context does, the whole group gets SIGKILL, and is reaped
// before Wait returns.
//
// When the program dies so do its children, even by SIGKILL: the kernel kills them (PR_SET_PDEATHSIG), and their end of the
// socket is closed, which they wait for. The kernel means the death of the thread that forked, and Go's threads may end, so all
// children of an engine are made by one thread that is kept until its Close.
//
// A child is isolation from crashes, not from malice: it has the user, the namespaces and the file system of the program.
//
// # What a run shares with the program
//
// Streams that are an *os.File, listeners and open mounts are passed as descriptors, but for an input that is the terminal of this
// process, which is in its background when the run starts: the kernel stops this process when it reads there (SIGTTIN), as it is to,
// and would not stop a child. That input, and any other Reader or Writer, stays in this process and is asked over a socket,
// one operation at a time, so that its errors are the guest's errors, what it took is known, and no more is read than the
// guest's host would have read. Mounts given as Host are opened by the child, with the code, the errors and the moment of a
// run in process. Paths are those of this process, whatever the namespaces of the thread that calls Start.
//
// # Errors
//
// Errors come back as what they were: those of packages engine, wasi and engine/cache, of os and syscall, and joined ones, with
// their text; any other keeps its text, its exit status and what it wraps. An engine that ends its process is a
// [*CrashError], a process that is no engine's of this version a [*ProtocolError].
//
// # Protocol
//
// Version 1, on one stream socket, the child's descriptor 3: frames of four bytes of length, big-endian, and JSON. The child says
// hello first; requests are open, compile, export, start and stats, each answered in order, and descriptors come with
// the request that names them (SCM_RIGHTS). Log records, events and the end of the run come unasked. Both sides are of one
// version; the parent checks what the child says, bounds what it reads, and ends a child that breaks the protocol.
package subprocess
