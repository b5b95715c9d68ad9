package runner

// Need is what a runner takes of its container's limits for itself. Within less it may fail to start, or to end as it should, or end
// with a crash of Go's runtime: a container runtime refuses such limits. A limit that the table of [Needs] leaves more of is the
// guest's.
type Need struct {
	Pids         int64 // threads: pids controller, and RLIMIT_NPROC, which counts all of its user's
	OpenFiles    int64 // descriptors: RLIMIT_NOFILE
	AddressSpace int64 // bytes: RLIMIT_AS
	Data         int64 // bytes: RLIMIT_DATA
	FileSize     int64 // bytes: RLIMIT_FSIZE; a runner writes no file
	Memory       int64 // bytes: memory controller; resident, without what can be reclaimed
}

const mib = 1 << 20

// base is what runners of an engine need before their module, measured and rounded up; what is not listed has the last.
var base = map[string]Need{
	"wazero":   {Pids: 16, OpenFiles: 20, AddressSpace: 1536 * mib, Data: 96 * mib, Memory: 4 * mib},
	"wasmedge": {Pids: 20, OpenFiles: 20, AddressSpace: 16 << 30, Data: 192 * mib, Memory: 8 * mib},
	"wasmtime": {Pids: 20, OpenFiles: 20, AddressSpace: 10 << 30, Data: 192 * mib, Memory: 16 * mib},
	"":         {Pids: 20, OpenFiles: 20, AddressSpace: 10 << 30, Data: 192 * mib, Memory: 8 * mib},
}

// HeapBytes is the Order.HeapBytes that [Needs] counts on, for a module of so many bytes.
func HeapBytes(module int64) int64 { return 8*mib + 2*module }

// Needs returns what a runner needs for a module and its code of so many bytes on the named engine, with the environment that
// [Environ] returns, the descriptor first, and [HeapBytes]:
//
//	wazero        others
//	16            20            Pids; most of the time there are eight
//	20 + first    20 + first    OpenFiles; enough for a dozen mounts, and each further one needs one more
//	1.5 GiB       10 GiB        AddressSpace, and code and heap; Go reserves most of it, and never touches it. WasmEdge takes 16 GiB: 12
//	                            for a memory of any size, and one below the guest's stack
//	96 MiB        192 MiB       Data, and code and heap; a thread of the C library has 8 MiB of it
//	4 MiB         8 MiB         Memory, and 5/4 of the code, and heap; for wasmtime 16 MiB and half of the code
//
// Wasmtime's code stays in its file, of which the kernel keeps in memory what is used, and the runner reads no module of which the order
// has the digest: without [Order].Digest it needs as much memory more as the module has bytes.
func Needs(name string, module, code int64, first int) Need {
	n, ok := base[name]
	if !ok {
		n = base[""]
	}
	heap := HeapBytes(module)
	n.OpenFiles += int64(first)
	n.AddressSpace += code + heap
	n.Data += code + heap
	if name == "wasmtime" {
		n.Memory += code / 2
	} else {
		n.Memory += code + code/4 + heap
	}
	return n
}
