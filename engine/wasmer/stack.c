//go:build wasmer && cgo

#define _GNU_SOURCE
#include "stack.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if !defined(__linux__) || !defined(__x86_64__)
#error "engine/wasmer is for Linux on amd64: leave the tag wasmer away"
#endif

// libwasmer makes a trap of a fault in a guest's own code, and nowhere else: where a function of libwasmer's meets the end of the
// stack, or one of the host, or the prologue of a function with a large frame, the process ends. So a guest has a stack of which we
// know the end, and
//
//   - its own code has all of it, and a fault there raises the trap (on_fault);
//   - functions of libwasmer's that it calls begin where there is room for them, or raise the trap (the libcalls below, which
//     take the place of libwasmer's own by their names);
//   - on the way to a function of the host there is more stack where the guest's ends (reserve), and the guest comes back from
//     there as a trap (wasmoci_wasmer_leave).
//
// The host itself runs on the stack that the guest was called on.
//
//	mapped | guard: nobody's | reserve: for code that is not the guest's | room: what such code finds at least | … | top
enum { guard = 64 << 10, reserve = 256 << 10, room = 64 << 10, usable = 8 << 20, whole = guard + reserve + usable };

// Of the thread: the stack on which it is in a guest, and the limit of that, or 0.
static __thread wasmoci_wasmer_stack *inside;
__attribute__((visibility("hidden"), tls_model("initial-exec"))) __thread uintptr_t wasmoci_wasmer_limit;

// What compiled code calls. Each takes the place of libwasmer's function of its name, as a program's symbols come before its
// libraries', and goes on there. No register but r11 is used, which nobody expects to be kept.
#define LIBCALLS(X) \
	X(data_drop) X(elem_drop) X(externref_dec) X(externref_inc) X(f32_ceil) X(f32_floor) X(f32_nearest) X(f32_trunc) X(f64_ceil) X(f64_floor) \
	X(f64_nearest) X(f64_trunc) X(func_ref) X(imported_memory32_copy) X(imported_memory32_fill) X(imported_memory32_grow) X(imported_memory32_size) \
	X(imported_table_get) X(imported_table_grow) X(imported_table_set) X(imported_table_size) X(memory32_copy) X(memory32_fill) X(memory32_grow) \
	X(memory32_init) X(memory32_size) X(table_copy) X(table_fill) X(table_get) X(table_grow) X(table_init) X(table_set) X(table_size)

#define LIBCALL(name) \
	extern void wasmer_vm_##name(void); \
	__attribute__((visibility("hidden"))) void *wasmoci_wasmer_##name; \
	__asm__(".text\n" \
		".globl wasmer_vm_" #name "\n" \
		".type wasmer_vm_" #name ", @function\n" \
		"wasmer_vm_" #name ":\n" \
		"	movq wasmoci_wasmer_limit@gottpoff(%rip), %r11\n" \
		"	cmpq %fs:(%r11), %rsp\n" \
		"	jb wasmoci_wasmer_overflow\n" \
		"	jmpq *wasmoci_wasmer_" #name "(%rip)\n" \
		".size wasmer_vm_" #name ", . - wasmer_vm_" #name "\n");
LIBCALLS(LIBCALL)

// wasmoci_wasmer_overflow ends the guest by a trap. What its stack has below the limit is of no use to it any more, and so is for that.
__attribute__((visibility("hidden"))) void *wasmoci_wasmer_raise_trap;
extern void wasmoci_wasmer_overflow(void);
__asm__(".text\n"
	".globl wasmoci_wasmer_overflow\n"
	".hidden wasmoci_wasmer_overflow\n"
	".type wasmoci_wasmer_overflow, @function\n"
	"wasmoci_wasmer_overflow:\n"
	"	movq wasmoci_wasmer_limit@gottpoff(%rip), %r11\n"
	"	movq %fs:(%r11), %rsp\n"
	"	pushq $0\n" // nobody called: here ends who follows the stack
	"	xorl %edi, %edi\n" // the stack's overflow
	"	jmpq *wasmoci_wasmer_raise_trap(%rip)\n"
	".size wasmoci_wasmer_overflow, . - wasmoci_wasmer_overflow\n");

// wasmoci_wasmer_switch calls f(data) on another stack, and stores where it leaves its own.
extern void wasmoci_wasmer_switch(void (*f)(void *), void *data, void *stack, void **own);
__asm__(".text\n"
	".globl wasmoci_wasmer_switch\n"
	".hidden wasmoci_wasmer_switch\n"
	".type wasmoci_wasmer_switch, @function\n"
	"wasmoci_wasmer_switch:\n"
	"	.cfi_startproc\n"
	"	pushq %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	movq %rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"	movq %rsp, (%rcx)\n"
	"	movq %rdx, %rsp\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	callq *%rax\n"
	"	leaveq\n"
	"	.cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size wasmoci_wasmer_switch, . - wasmoci_wasmer_switch\n");

// find_libcalls is done when the program starts, as others than guests of this package may use libwasmer.
__attribute__((constructor)) static void find_libcalls(void) {
#define FIND(name) wasmoci_wasmer_##name = dlsym(RTLD_NEXT, "wasmer_vm_" #name);
	LIBCALLS(FIND)
	FIND(raise_trap)
}

static bool replaced(void) {
#define REPLACED(name) \
	if (!wasmoci_wasmer_##name || dlsym(RTLD_DEFAULT, "wasmer_vm_" #name) != (void *)wasmer_vm_##name) return false;
	LIBCALLS(REPLACED)
	return wasmoci_wasmer_raise_trap != NULL;
}

// Where the code of this program and its libraries is. All else is compiled from guests.
static struct { uintptr_t begin, end; } *object; // for ever
static int objects;

static int know_object(struct dl_phdr_info *info, size_t size, void *data) {
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
		object = realloc(object, (objects + 1) * sizeof *object);
		object[objects].begin = info->dlpi_addr + p->p_vaddr;
		object[objects++].end = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	return 0;
}

static uintptr_t probe; // what prologues of large frames call
enum { probe_size = 57 };

static bool of_guest(uintptr_t pc) {
	if (probe <= pc && pc < probe + probe_size) return true;
	for (int i = 0; i < objects; i++)
		if (object[i].begin <= pc && pc < object[i].end) return false;
	return true;
}

static struct sigaction theirs; // libwasmer's

static void on_fault(int signal, siginfo_t *info, void *context) {
	wasmoci_wasmer_stack *s = inside;
	char *at = info->si_addr;
	if (!s || at < s->mapped || at >= s->mapped + guard + reserve) {
		theirs.sa_sigaction(signal, info, context);
		return;
	}
	ucontext_t *c = context;
	if (of_guest(c->uc_mcontext.gregs[REG_RIP])) {
		c->uc_mcontext.gregs[REG_RIP] = (greg_t)wasmoci_wasmer_overflow;
	} else if (at < s->mapped + guard || mprotect(s->mapped + guard, reserve, PROT_READ | PROT_WRITE)) {
		theirs.sa_sigaction(signal, info, context);
	}
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *failure;

extern const char *wasmer_version(void);
extern void *wasm_engine_new(void), *wasm_store_new(void *);
extern void wasm_engine_delete(void *), wasm_store_delete(void *);

static void prepare(void) {
	void **p = dlsym(RTLD_DEFAULT, "wasmer_vm_probestack");
	if (strcmp(wasmer_version(), "2.0.0") || !p || !replaced()) { // others call more, and have another probe
		failure = "libwasmer has functions of its own for what this program replaces: build it as a program, not as a plugin, with libwasmer 2.0.0-rc2";
		return;
	}
	probe = (uintptr_t)*p;
	dl_iterate_phdr(know_object, NULL);
	// The first store has libwasmer take its signals. The handler here comes before it, and is made as it is.
	void *engine = wasm_engine_new(), *store = wasm_store_new(engine);
	struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	if (sigaction(SIGSEGV, NULL, &theirs) || !(theirs.sa_flags & SA_SIGINFO) || sigaction(SIGSEGV, &ours, NULL))
		failure = "libwasmer does not handle SIGSEGV";
	wasm_store_delete(store);
	wasm_engine_delete(engine);
}

const char *wasmoci_wasmer_open_stacks(void) {
	pthread_once(&once, prepare);
	return failure;
}

const char *wasmoci_wasmer_new_stack(wasmoci_wasmer_stack *s) {
	char *m = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (m == MAP_FAILED) return "there is no memory for the guest's stack";
	s->mapped = m;
	s->limit = (uintptr_t)m + guard + reserve + room;
	madvise(m, whole, MADV_NOHUGEPAGE); // of which the first would be most of what a small guest takes
	if (!mprotect(m + guard + reserve, usable, PROT_READ | PROT_WRITE)) return NULL;
	wasmoci_wasmer_free_stack(s);
	return "there is no memory for the guest's stack";
}

void wasmoci_wasmer_free_stack(wasmoci_wasmer_stack *s) {
	if (s->mapped) munmap(s->mapped, whole);
	s->mapped = NULL;
}

void wasmoci_wasmer_enter(wasmoci_wasmer_stack *s, void (*f)(void *), void *data) {
	wasmoci_wasmer_stack *outer = inside;
	uintptr_t limit = wasmoci_wasmer_limit;
	inside = s;
	wasmoci_wasmer_limit = s->limit;
	wasmoci_wasmer_switch(f, data, s->mapped + whole, &s->outside);
	inside = outer;
	wasmoci_wasmer_limit = limit;
}

bool wasmoci_wasmer_leave(wasmoci_wasmer_stack *s, void (*f)(void *), void *data) {
	void *own;
	if ((uintptr_t)&own < s->limit) return false;
	inside = NULL;
	wasmoci_wasmer_limit = 0;
	wasmoci_wasmer_switch(f, data, (void *)((uintptr_t)s->outside & ~(uintptr_t)15), &own);
	inside = s;
	wasmoci_wasmer_limit = s->limit;
	return true;
}
