//go:build wasmedge && cgo

package wasmedge

/*
#cgo LDFLAGS: -lwasmedge
#cgo CFLAGS: -D_GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_include) && !__has_include(<wasmedge/wasmedge.h>)
#error "engine/wasmedge needs libwasmedge 0.14 and its headers, found by CGO_CFLAGS and CGO_LDFLAGS (on Debian: make deps-wasmedge)"
#endif
#include <wasmedge/wasmedge.h>
#if WASMEDGE_VERSION_MAJOR != 0 || WASMEDGE_VERSION_MINOR != 14
#error "engine/wasmedge is made for libwasmedge 0.14: install that version and its headers (on Debian: make deps-wasmedge)"
#endif

enum { max_params = 9, host_modules = 2 };
#define enter_export "wasmoci:enter"
#define host_export "wasmoci:host"

// A function of the host: what all runs share of it.
typedef struct {
	char *name;
	WasmEdge_FunctionTypeContext *type;
	uint32_t index;
	uint8_t module, params, result;
	char types[max_params]; // 'i' or 'I'
} function;

// What is the same for all modules of an engine.
typedef struct {
	WasmEdge_ConfigureContext *config;
	WasmEdge_FunctionInstanceContext *nothing; // a function that does nothing
	WasmEdge_FunctionTypeContext *procedure;   // the type of what takes and returns nothing
	bool compiled;                             // modules have native code, which runs
	char *modules[host_modules];
	function *functions;
	uint32_t n;
} library;

struct run;
typedef struct {
	const function *function;
	uintptr_t guest;
} slot;

// One run of a guest.
typedef struct run {
	WasmEdge_ConfigureContext *config;
	WasmEdge_ExecutorContext *executor;
	WasmEdge_StoreContext *store;
	WasmEdge_ModuleInstanceContext *hosts[host_modules];
	WasmEdge_ModuleInstanceContext *module;
	// Of compiled code:
	WasmEdge_FunctionInstanceContext *host; // what the module's function to enter it calls
	const WasmEdge_FunctionInstanceContext *called;
	WasmEdge_Result result; // of what is called
	bool native;            // it is native code indeed
	bool overflowed;        // it has used up its stack
	char *stack;            // the guard below it, too
	slot slots[];           // one for each function that the guest imports
} run;

static __thread run *inside; // whose compiled code the thread is in

// Of compiled code: below its stack is a guard, as a frame can be larger than a page and must not reach over it; above that is room for signals.
static const size_t guard_size = 1 << 30, stack_size = 32 << 20, signal_stack_size = 64 << 10;

// What a guest has to leave of its stack when it calls the host, which runs there, and which Go ends the process without.
static const size_t host_room = 256 << 10;

extern uint32_t wasmociWasmedgeCall(uintptr_t guest, uint32_t function, uint8_t *memory, uint64_t length, uint64_t *args);

// call is every function of the host.
static WasmEdge_Result call(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *params, WasmEdge_Value *results) {
	slot *s = data;
	const function *f = s->function;
	uint64_t args[max_params], length = 0;
	uint8_t *memory = NULL;
	WasmEdge_MemoryInstanceContext *m = WasmEdge_CallingFrameGetMemoryInstance(frame, 0);
	if (m) {
		length = (uint64_t)WasmEdge_MemoryInstanceGetPageSize(m) << 16;
		if (length) memory = WasmEdge_MemoryInstanceGetPointer(m, 0, 1); // its length would not fit for all of 4 GiB
		if (!memory) length = 0;
	}
	for (int i = 0; i < f->params; i++)
		args[i] = f->types[i] == 'I' ? (uint64_t)WasmEdge_ValueGetI64(params[i]) : (uint32_t)WasmEdge_ValueGetI32(params[i]);
	run *outside = inside; // what goes wrong in there is the host's
	if (outside && (char *)__builtin_frame_address(0) < outside->stack + guard_size + host_room) {
		outside->overflowed = true;
		return WasmEdge_ResultGen(WasmEdge_ErrCategory_WASM, WasmEdge_ErrCode_MemoryOutOfBounds);
	}
	inside = NULL;
	uint32_t e = wasmociWasmedgeCall(s->guest, f->index, memory, length, args);
	inside = outside;
	if (e >> 16) return WasmEdge_Result_Terminate;
	if (f->result) results[0] = WasmEdge_ValueGenI32((int32_t)e);
	return WasmEdge_Result_Success;
}

static WasmEdge_Result do_nothing(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *params, WasmEdge_Value *results) {
	return WasmEdge_Result_Success;
}

static WasmEdge_ConfigureContext *new_config(bool compiled, uint32_t pages) {
	WasmEdge_ConfigureContext *c = WasmEdge_ConfigureCreate();
	WasmEdge_ConfigureAddProposal(c, WasmEdge_Proposal_TailCall);
	WasmEdge_ConfigureAddProposal(c, WasmEdge_Proposal_ExtendedConst);
	WasmEdge_ConfigureSetForceInterpreter(c, !compiled); // of a module with native code in it too
	WasmEdge_ConfigureCompilerSetOutputFormat(c, WasmEdge_CompilerOutputFormat_Native); // the other one has no functions of libm
	if (pages) WasmEdge_ConfigureSetMaxMemoryPage(c, pages);
	return c;
}

// Where the code of this program and its libraries is, before there is any guest's, which is a library too.
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct { uintptr_t begin, end; } *object; // for ever
static int known_objects;

static int know_object(struct dl_phdr_info *info, size_t size, void *data) {
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
		object = realloc(object, (known_objects + 1) * sizeof *object);
		object[known_objects].begin = info->dlpi_addr + p->p_vaddr;
		object[known_objects++].end = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	return 0;
}

static void know_objects(void) { dl_iterate_phdr(know_object, NULL); }

static library *open_library(uint32_t functions, bool compiled) {
	WasmEdge_LogOff();
	pthread_once(&once, know_objects);
	library *l = calloc(1, sizeof *l);
	l->compiled = compiled;
	l->config = new_config(compiled, 0);
	l->procedure = WasmEdge_FunctionTypeCreate(NULL, 0, NULL, 0);
	l->nothing = WasmEdge_FunctionInstanceCreate(l->procedure, do_nothing, NULL, 0);
	l->functions = calloc(functions, sizeof *l->functions);
	l->n = functions;
	return l;
}

static void set_function(library *l, uint32_t i, uint8_t module, char *name, const char *types, uint8_t params, uint8_t result) {
	function *f = &l->functions[i];
	f->name = name;
	f->index = i;
	f->module = module;
	f->params = params;
	f->result = result;
	memcpy(f->types, types, params);
	WasmEdge_ValType ps[max_params], r = WasmEdge_ValTypeGenI32();
	for (int k = 0; k < params; k++) ps[k] = types[k] == 'I' ? WasmEdge_ValTypeGenI64() : WasmEdge_ValTypeGenI32();
	f->type = WasmEdge_FunctionTypeCreate(ps, params, &r, result);
}

static void close_library(library *l) {
	for (uint32_t i = 0; i < l->n; i++) {
		WasmEdge_FunctionTypeDelete(l->functions[i].type);
		free(l->functions[i].name);
	}
	free(l->functions);
	for (int i = 0; i < host_modules; i++) free(l->modules[i]);
	WasmEdge_FunctionInstanceDelete(l->nothing);
	WasmEdge_FunctionTypeDelete(l->procedure);
	WasmEdge_ConfigureDelete(l->config);
	free(l);
}

// load decodes and validates a module: what compile wrote to path, or else the one in memory. On failure *ast is NULL.
static WasmEdge_Result load(library *l, const char *path, const uint8_t *module, uint32_t length, WasmEdge_ASTModuleContext **ast) {
	*ast = NULL;
	WasmEdge_LoaderContext *loader = WasmEdge_LoaderCreate(l->config);
	WasmEdge_Result r = path ? WasmEdge_LoaderParseFromFile(loader, ast, path) : WasmEdge_LoaderParseFromBytes(loader, ast, WasmEdge_BytesWrap(module, length));
	WasmEdge_LoaderDelete(loader);
	if (r.Code) {
		*ast = NULL;
		return r;
	}
	WasmEdge_ValidatorContext *validator = WasmEdge_ValidatorCreate(l->config);
	r = WasmEdge_ValidatorValidate(validator, *ast);
	WasmEdge_ValidatorDelete(validator);
	if (r.Code) {
		WasmEdge_ASTModuleDelete(*ast);
		*ast = NULL;
	}
	return r;
}

typedef struct {
	library *library;
	const uint8_t *module;
	uint32_t length;
	const char *path;
	WasmEdge_Result result;
} compilation;

static void *compile_apart(void *data) {
	compilation *c = data;
	WasmEdge_CompilerContext *compiler = WasmEdge_CompilerCreate(c->library->config);
	c->result = WasmEdge_CompilerCompileFromBuffer(compiler, c->module, c->length, c->path);
	WasmEdge_CompilerDelete(compiler);
	return NULL;
}

// compile writes a module and its native code to path. LLVM takes the signals of the process that would end it, and the
// calling thread's stack for signals: the former are given back, the latter is that of a thread of its own. It returns an error number where
// there is no such thread.
static int compile(library *l, const uint8_t *module, uint32_t length, const char *path, WasmEdge_Result *result) {
	struct sigaction had[NSIG];
	for (int i = 1; i < NSIG; i++) sigaction(i, NULL, &had[i]);
	compilation c = {.library = l, .module = module, .length = length, .path = path};
	pthread_t thread;
	int e = pthread_create(&thread, NULL, compile_apart, &c);
	if (!e) e = pthread_join(thread, NULL);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction has;
		if (!sigaction(i, NULL, &has) && has.sa_handler != had[i].sa_handler) sigaction(i, &had[i], NULL);
	}
	*result = c.result;
	return e;
}

static run *new_run(library *l, const uint32_t *imports, uint32_t n, uint32_t pages, uintptr_t guest) {
	run *r = calloc(1, sizeof *r + n * sizeof *r->slots);
	if (pages) r->config = new_config(l->compiled, pages);
	r->executor = WasmEdge_ExecutorCreate(pages ? r->config : l->config, NULL);
	r->store = WasmEdge_StoreCreate();
	for (uint32_t i = 0; i < n; i++) {
		const function *f = &l->functions[imports[i]];
		r->slots[i] = (slot){f, guest};
		if (!r->hosts[f->module])
			r->hosts[f->module] = WasmEdge_ModuleInstanceCreate(WasmEdge_StringWrap(l->modules[f->module], strlen(l->modules[f->module])));
		WasmEdge_ModuleInstanceAddFunction(r->hosts[f->module], WasmEdge_StringWrap(f->name, strlen(f->name)),
			WasmEdge_FunctionInstanceCreate(f->type, call, &r->slots[i], 0));
	}
	return r;
}

static WasmEdge_Result instantiate(run *r, const WasmEdge_ASTModuleContext *ast) {
	for (int i = 0; i < host_modules; i++) {
		if (!r->hosts[i]) continue;
		WasmEdge_Result e = WasmEdge_ExecutorRegisterImport(r->executor, r->store, r->hosts[i]);
		if (e.Code) return e;
	}
	return WasmEdge_ExecutorInstantiate(r->executor, &r->module, r->store, ast);
}

static bool has_function(run *r, const char *name, uint32_t length) {
	return WasmEdge_ModuleInstanceFindFunction(r->module, WasmEdge_StringWrap(name, length)) != NULL;
}

static WasmEdge_Result invoke(run *r, const char *name, uint32_t length) {
	WasmEdge_FunctionInstanceContext *f = WasmEdge_ModuleInstanceFindFunction(r->module, WasmEdge_StringWrap(name, length));
	return WasmEdge_ExecutorInvoke(r->executor, f, NULL, 0, NULL, 0);
}

// The library handles these signals while there is compiled code on some thread's stack, and then leaves them to nobody: a fault of the
// host would end the process. So its handlers are wrapped: the guest's faults are theirs, any other is for who had the
// signal before, which is Go. It takes the place of theirs once a guest has been entered.
enum { faults = 3 };
static const int fault[faults] = {SIGSEGV, SIGBUS, SIGFPE};
static struct sigaction before[faults], engine[faults];

static bool of_guest(const ucontext_t *c) {
#if defined(__x86_64__)
	uintptr_t at = c->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	uintptr_t at = c->uc_mcontext.pc;
#else
#error "engine/wasmedge knows amd64 and arm64"
#endif
	for (int i = 0; i < known_objects; i++)
		if (object[i].begin <= at && at < object[i].end) return false;
	return true;
}

static void on_fault(int signal, siginfo_t *info, void *context) {
	int i = 0;
	while (fault[i] != signal) i++;
	run *r = inside;
	const ucontext_t *c = context;
	if (!r || !of_guest(c)) {
		if (before[i].sa_flags & SA_SIGINFO) before[i].sa_sigaction(signal, info, context);
		else sigaction(signal, &before[i], NULL); // and it happens again
		return;
	}
	char *address = info->si_addr;
	r->overflowed = signal == SIGSEGV && r->stack <= address && address < r->stack + guard_size;
	pthread_sigmask(SIG_SETMASK, &c->uc_sigmask, NULL);
	engine[i].sa_sigaction(signal, info, context); // does not return, but ends the call of the guest
}

// enter is called by the module's function for that, in whose place the guest then runs.
static WasmEdge_Result enter(void *data, const WasmEdge_CallingFrameContext *frame, const WasmEdge_Value *params, WasmEdge_Value *results) {
	run *r = data;
	struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigfillset(&ours.sa_mask);
	for (int i = 0; i < faults; i++) sigaction(fault[i], &ours, &engine[i]);
	r->native = engine[0].sa_sigaction != before[0].sa_sigaction;
	if (!r->native) return WasmEdge_Result_Success;
	inside = r;
	r->result = WasmEdge_ExecutorInvoke(r->executor, r->called, NULL, 0, NULL, 0);
	inside = NULL;
	return WasmEdge_Result_Success;
}

static void *run_on_stack(void *data) {
	run *r = data;
	stack_t other = {.ss_sp = r->stack + guard_size + stack_size, .ss_size = signal_stack_size};
	sigaltstack(&other, NULL);
	for (int i = 0; i < faults; i++) sigaction(fault[i], NULL, &before[i]);
	WasmEdge_FunctionInstanceContext *f = WasmEdge_ModuleInstanceFindFunction(r->module, WasmEdge_StringWrap(enter_export, strlen(enter_export)));
	WasmEdge_Result e = WasmEdge_ExecutorInvoke(r->executor, f, NULL, 0, NULL, 0);
	for (int i = 0; i < faults; i++) sigaction(fault[i], &before[i], NULL);
	if (e.Code) r->result = e;
	other.ss_flags = SS_DISABLE;
	sigaltstack(&other, NULL);
	return NULL;
}

// invoke_compiled is invoke for compiled code, which has a thread with a stack whose end is known. One guest at a time may be in it. It returns an
// error number where there is no such thread.
static int invoke_compiled(library *l, run *r, const char *name, uint32_t length) {
	if (!r->host) {
		r->host = WasmEdge_FunctionInstanceCreate(l->procedure, enter, r, 0);
		WasmEdge_TableInstanceContext *t = WasmEdge_ModuleInstanceFindTable(r->module, WasmEdge_StringWrap(host_export, strlen(host_export)));
		r->result = WasmEdge_TableInstanceSetData(t, WasmEdge_ValueGenFuncRef(r->host), 0);
		if (r->result.Code) return 0;
	}
	r->called = WasmEdge_ModuleInstanceFindFunction(r->module, WasmEdge_StringWrap(name, length));
	size_t all = guard_size + stack_size + signal_stack_size;
	r->stack = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->stack == MAP_FAILED) return errno;
	int e = mprotect(r->stack + guard_size, stack_size + signal_stack_size, PROT_READ | PROT_WRITE) ? errno : 0;
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	if (!e) e = pthread_attr_setstack(&attributes, r->stack + guard_size, stack_size);
	if (!e) e = pthread_create(&thread, &attributes, run_on_stack, r);
	if (!e) e = pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	munmap(r->stack, all);
	return e;
}

// cancel ends what the run's executor runs, or is to run next. The engine has that for what it runs in a thread of its own, and it is
// for all of an executor: so another call on the same one serves.
static void cancel(library *l, run *r) {
	WasmEdge_Async *a = WasmEdge_ExecutorAsyncInvoke(r->executor, l->nothing, NULL, 0);
	WasmEdge_AsyncWait(a);
	WasmEdge_AsyncCancel(a);
	WasmEdge_AsyncDelete(a);
}

static uint64_t memory_length(run *r, const char *name, uint32_t length) {
	WasmEdge_MemoryInstanceContext *m = WasmEdge_ModuleInstanceFindMemory(r->module, WasmEdge_StringWrap(name, length));
	return m ? (uint64_t)WasmEdge_MemoryInstanceGetPageSize(m) << 16 : 0;
}

// is_there tells whether a memory is: where the library could have no address space for one it goes on with a pointer to nothing, and a
// guest that grows it would get the pages from address 0 on, in place of whatever the process has there.
static bool is_there(WasmEdge_MemoryInstanceContext *m, uint64_t pages) {
	return WasmEdge_MemoryInstanceGetPageSize(m) == pages && WasmEdge_MemoryInstanceGetPointer(m, 0, 0) != NULL;
}

static bool memory_is_there(run *r, const char *name, uint32_t length, uint64_t pages) {
	WasmEdge_MemoryInstanceContext *m = WasmEdge_ModuleInstanceFindMemory(r->module, WasmEdge_StringWrap(name, length));
	return !m || is_there(m, pages);
}

// has_room tells whether there is address space for a memory now.
static bool has_room(void) {
	WasmEdge_MemoryTypeContext *t = WasmEdge_MemoryTypeCreate((WasmEdge_Limit){.Min = 1});
	WasmEdge_MemoryInstanceContext *m = WasmEdge_MemoryInstanceCreate(t);
	bool ok = m && is_there(m, 1);
	WasmEdge_MemoryInstanceDelete(m);
	WasmEdge_MemoryTypeDelete(t);
	return ok;
}

static int32_t global_value(run *r, const char *name, uint32_t length) {
	return WasmEdge_ValueGetI32(WasmEdge_GlobalInstanceGetValue(WasmEdge_ModuleInstanceFindGlobal(r->module, WasmEdge_StringWrap(name, length))));
}

static void delete_run(run *r) {
	WasmEdge_ModuleInstanceDelete(r->module);
	WasmEdge_FunctionInstanceDelete(r->host);
	WasmEdge_StoreDelete(r->store);
	for (int i = 0; i < host_modules; i++) WasmEdge_ModuleInstanceDelete(r->hosts[i]);
	WasmEdge_ExecutorDelete(r->executor);
	WasmEdge_ConfigureDelete(r->config);
	free(r);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// A constant below zero does not compile: C has room for the arguments of every function.
const _ = uint(C.max_params - preview1.MaxParams)

// library is libwasmedge as one engine uses it.
type library struct {
	c       *C.library
	version string
}

// Results that are not an error which a guest has made.
const (
	resultOK          = C.WasmEdge_ErrCode_Success
	resultTerminated  = C.WasmEdge_ErrCode_Terminated  // a host function has ended the guest
	resultInterrupted = C.WasmEdge_ErrCode_Interrupted // the run has been cancelled
)

// result is what the library says of a call.
type result struct {
	code    uint32
	message string
}

func resultOf(r C.WasmEdge_Result) result {
	if r.Code == resultOK {
		return result{}
	}
	return result{uint32(r.Code), C.GoString(C.WasmEdge_ResultGetMessage(r))}
}

// openLibrary checks that the library is the one that the program was built for: its name does not change with its version.
func openLibrary(compiled bool) (*library, error) {
	if major, minor := C.WasmEdge_VersionGetMajor(), C.WasmEdge_VersionGetMinor(); major != C.WASMEDGE_VERSION_MAJOR || minor != C.WASMEDGE_VERSION_MINOR {
		return nil, fmt.Errorf("libwasmedge %d.%d is installed, but the program was built for %d.%d: install that, or build again",
			major, minor, C.WASMEDGE_VERSION_MAJOR, C.WASMEDGE_VERSION_MINOR)
	}
	table := preview1.Table()
	l := &library{C.open_library(C.uint32_t(len(table)), C.bool(compiled)), C.GoString(C.WasmEdge_VersionGet())}
	modules := make(map[string]C.uint8_t)
	for i, f := range table {
		m, ok := modules[f.Module]
		if !ok {
			m = C.uint8_t(len(modules))
			modules[f.Module] = m
			l.c.modules[m] = C.CString(f.Module)
		}
		var returns C.uint8_t
		if f.Result {
			returns = 1
		}
		C.set_function(l.c, C.uint32_t(i), m, C.CString(f.Name), chars(f.Params), C.uint8_t(len(f.Params)), returns)
	}
	return l, nil
}

func (l *library) close() { C.close_library(l.c) }

// chars is a string for a call of C, without a zero at its end.
func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }

// module is a validated module.
type module struct{ c *C.WasmEdge_ASTModuleContext }

// load decodes and validates binary, which has been instrumented.
func (l *library) load(binary []byte) (module, result) {
	var m module
	if len(binary) > math.MaxInt32 {
		return m, result{code: C.WasmEdge_ErrCode_RuntimeError, message: "it is too large"}
	}
	r := resultOf(C.load(l.c, nil, (*C.uint8_t)(unsafe.SliceData(binary)), C.uint32_t(len(binary)), &m.c))
	runtime.KeepAlive(binary)
	return m, r
}

// loadCompiled loads what compile wrote to path, which is trusted. It stays loaded, whatever becomes of its name.
func (l *library) loadCompiled(path string) (module, result) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var m module
	r := resultOf(C.load(l.c, p, nil, 0, &m.c))
	return m, r
}

// compile writes binary, which is valid and can be entered, and its native code to a new file, a shared library.
func (l *library) compile(binary []byte, path string) error {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var made C.WasmEdge_Result
	e := C.compile(l.c, (*C.uint8_t)(unsafe.SliceData(binary)), C.uint32_t(len(binary)), p, &made)
	runtime.KeepAlive(binary)
	if e != 0 {
		return fmt.Errorf("a thread for the compiler: %w", syscall.Errno(e))
	}
	if r := resultOf(made); r.code != resultOK {
		return fmt.Errorf("%s (%#x)", r.message, r.code)
	}
	return nil
}

func (m module) close() { C.WasmEdge_ASTModuleDelete(m.c) }

// instance is one run of a module.
type instance struct {
	library *library
	c       *C.run
	number  uintptr // in guestsRunning
}

// guest is who is called for a host function: its index in [preview1.Table], the guest's memory, and the arguments, all of which are
// the guest's and gone after the call.
type guest interface {
	call(function int, memory []byte, args []uint64) preview1.Errno
}

// guestsRunning are those that may call the host.
var guestsRunning callers[guest]

// instance makes an instance of m, which imports the functions of those indexes, with a memory of at most limit bytes, where 0 is
// no limit. The caller closes it. A result other than success is why there is none.
func (l *library) instance(m module, imports []uint32, limit uint64, g guest) (*instance, result) {
	i := &instance{library: l, number: guestsRunning.add(&g)}
	i.c = C.new_run(l.c, (*C.uint32_t)(unsafe.SliceData(imports)), C.uint32_t(len(imports)), C.uint32_t(min(limit/wasi.PageSize, 1<<16)), C.uintptr_t(i.number))
	if r := resultOf(C.instantiate(i.c, m.c)); r.code != resultOK {
		i.close()
		return nil, r
	}
	return i, result{}
}

// has tells whether a function is exported under that name.
func (i *instance) has(name string) bool {
	return bool(C.has_function(i.c, chars(name), C.uint32_t(len(name))))
}

// invoke calls the exported function of that name, which takes and returns nothing. Its error is the host's failure.
func (i *instance) invoke(name string) (result, error) {
	if !i.library.c.compiled {
		return resultOf(C.invoke(i.c, chars(name), C.uint32_t(len(name)))), nil
	}
	if e := C.invoke_compiled(i.library.c, i.c, chars(name), C.uint32_t(len(name))); e != 0 {
		return result{}, fmt.Errorf("a thread with a stack for the guest: %w", syscall.Errno(e))
	}
	if r := resultOf(i.c.result); r.code != resultOK || i.c.native {
		return r, nil
	}
	return result{}, errors.New("libwasmedge does not take the compiled code: empty the cache")
}

// overflowed tells whether the guest has used up its stack.
func (i *instance) overflowed() bool {
	if i.library.c.compiled {
		return bool(i.c.overflowed)
	}
	return i.global(stackExport) < 0
}

// cancel ends the call that is going on, or else the next one. It may be called while another goroutine is in invoke.
func (i *instance) cancel() { C.cancel(i.library.c, i.c) }

// memoryLength is the length of the memory exported under that name, or 0.
func (i *instance) memoryLength(name string) uint64 {
	return uint64(C.memory_length(i.c, chars(name), C.uint32_t(len(name))))
}

// memoryIsThere tells whether the memory exported under that name, if there is one, has what it is to begin with.
func (i *instance) memoryIsThere(name string, pages uint64) bool {
	return bool(C.memory_is_there(i.c, chars(name), C.uint32_t(len(name)), C.uint64_t(pages)))
}

// hasRoom tells whether there is address space for a memory.
func (*library) hasRoom() bool { return bool(C.has_room()) }

// global is the value of an i32 exported under that name.
func (i *instance) global(name string) int32 {
	return int32(C.global_value(i.c, chars(name), C.uint32_t(len(name))))
}

func (i *instance) close() {
	C.delete_run(i.c)
	guestsRunning.remove(i.number)
}

// wasmociWasmedgeCall is where guests come out of the library. It is called by their threads. A panic does not get so far:
// [preview1.Host.Call] has recovered it.
//
//export wasmociWasmedgeCall
func wasmociWasmedgeCall(number C.uintptr_t, function C.uint32_t, memory *C.uint8_t, length C.uint64_t, args *C.uint64_t) C.uint32_t {
	g := *guestsRunning.get(uintptr(number))
	return C.uint32_t(g.call(int(function), unsafe.Slice((*byte)(memory), int(length)), unsafe.Slice((*uint64)(args), preview1.MaxParams)))
}
