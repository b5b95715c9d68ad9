//go:build wasmer && cgo

package wasmer

/*
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack.h"

// libwasmer's C API (wasm.h of the WebAssembly C API, and wasmer.h), as far as it is used. All of its vectors have one layout.
typedef struct { size_t size; void *data; } vec;
typedef struct { uint8_t kind; union { int32_t i32; int64_t i64; uint64_t wide; } of; } val;
enum { KIND_I32 = 0, KIND_I64 = 1, COMPILER_CRANELIFT = 0, ENGINE_UNIVERSAL = 0 };
typedef struct wasm_config_t wasm_config_t;
typedef struct wasmer_features_t wasmer_features_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_store_t wasm_store_t;
typedef struct wasm_module_t wasm_module_t;
typedef struct wasm_instance_t wasm_instance_t;
typedef struct wasm_extern_t wasm_extern_t;
typedef struct wasm_func_t wasm_func_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_memory_t wasm_memory_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
extern const char *wasmer_version(void);
extern int wasmer_last_error_length(void);
extern int wasmer_last_error_message(char *, int);
extern wasmer_features_t *wasmer_features_new(void);
extern bool wasmer_features_bulk_memory(wasmer_features_t *, bool);
extern bool wasmer_features_memory64(wasmer_features_t *, bool);
extern bool wasmer_features_module_linking(wasmer_features_t *, bool);
extern bool wasmer_features_multi_memory(wasmer_features_t *, bool);
extern bool wasmer_features_multi_value(wasmer_features_t *, bool);
extern bool wasmer_features_reference_types(wasmer_features_t *, bool);
extern bool wasmer_features_simd(wasmer_features_t *, bool);
extern bool wasmer_features_tail_call(wasmer_features_t *, bool);
extern bool wasmer_features_threads(wasmer_features_t *, bool);
extern wasm_config_t *wasm_config_new(void);
extern void wasm_config_set_compiler(wasm_config_t *, int);
extern void wasm_config_set_engine(wasm_config_t *, int);
extern void wasm_config_set_features(wasm_config_t *, wasmer_features_t *);
extern wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
extern void wasm_engine_delete(wasm_engine_t *);
extern wasm_store_t *wasm_store_new(wasm_engine_t *);
extern void wasm_store_delete(wasm_store_t *);
extern bool wasm_module_validate(wasm_store_t *, const vec *);
extern wasm_module_t *wasm_module_new(wasm_store_t *, const vec *);
extern void wasm_module_delete(wasm_module_t *);
extern void wasm_module_serialize(const wasm_module_t *, vec *);
extern wasm_module_t *wasm_module_deserialize(wasm_store_t *, const vec *);
extern wasm_instance_t *wasm_instance_new(wasm_store_t *, const wasm_module_t *, const vec *, wasm_trap_t **);
extern void wasm_instance_delete(wasm_instance_t *);
extern void wasm_instance_exports(const wasm_instance_t *, vec *);
extern void wasm_extern_vec_delete(vec *);
extern wasm_func_t *wasm_extern_as_func(wasm_extern_t *);
extern wasm_memory_t *wasm_extern_as_memory(wasm_extern_t *);
extern wasm_extern_t *wasm_func_as_extern(wasm_func_t *);
extern uint8_t *wasm_memory_data(wasm_memory_t *);
extern size_t wasm_memory_data_size(const wasm_memory_t *);
extern wasm_valtype_t *wasm_valtype_new(uint8_t);
extern void wasm_valtype_vec_new(vec *, size_t, wasm_valtype_t *const[]);
extern wasm_functype_t *wasm_functype_new(vec *, vec *);
extern wasm_func_t *wasm_func_new_with_env(wasm_store_t *, const wasm_functype_t *, wasm_trap_t *(*)(void *, const vec *, vec *), void *, void (*)(void *));
extern void wasm_func_delete(wasm_func_t *);
extern wasm_trap_t *wasm_func_call(const wasm_func_t *, const vec *, vec *);
extern wasm_trap_t *wasm_trap_new(wasm_store_t *, const vec *);
extern void wasm_trap_message(const wasm_trap_t *, vec *);
extern void wasm_trap_delete(wasm_trap_t *);
extern void wasm_byte_vec_delete(vec *);
extern void wasm_val_vec_delete(vec *);

// wasmtime's library defines most of the names above, too, with other types behind them. A program that links both would crash
// when it runs. This name, defined by both adapters, ends its link instead.
int wasmoci_link_only_one_of_wasmtime_and_wasmer = 1;

extern uint32_t wasmociWasmerCall(uintptr_t, uint32_t, void *, uintptr_t, void *);

enum { MAX_PARAMS = 9, STOP = 1 << 16 };

// A function that guests can import.
typedef struct {
	uint32_t index; // in preview1.Table
	uint8_t params, result;
	uint8_t kinds[MAX_PARAMS];
	wasm_functype_t *type; // made once and kept: libwasmer loses what is in one when it is deleted
} function;

typedef struct guest guest;

// An import of a guest: what a call of it needs. The environment of a wasm_func_t.
typedef struct {
	function f;
	guest *guest;
	wasm_func_t *func;
} import;

struct guest {
	uintptr_t handle; // of the Go side
	wasm_store_t *store;
	wasm_instance_t *instance; // NULL until it is made
	wasm_memory_t *memory;     // NULL without one
	vec exports;
	wasmoci_wasmer_stack stack;
	bool stopped;    // by its host
	bool overflowed; // where it called its host
	val result;      // of the call under way
	size_t count;
	import imports[];
};

// last_error is libwasmer's, which it keeps for each thread. To be freed.
static char *last_error(void) {
	int n = wasmer_last_error_length();
	char *s = calloc(1, n > 0 ? n + 1 : 1);
	if (n > 0) wasmer_last_error_message(s, n);
	return s;
}

// message is a trap's, to be freed; the trap is freed.
static char *message(wasm_trap_t *trap) {
	vec v = {0};
	wasm_trap_message(trap, &v);
	char *s = calloc(1, v.size + 1);
	memcpy(s, v.data, v.size);
	wasm_byte_vec_delete(&v);
	wasm_trap_delete(trap);
	return s;
}

// new_engine has what its version of libwasmer finished: WebAssembly 2.0, with SIMD.
static wasm_engine_t *new_engine(void) {
	wasm_config_t *config = wasm_config_new();
	wasm_config_set_compiler(config, COMPILER_CRANELIFT);
	wasm_config_set_engine(config, ENGINE_UNIVERSAL);
	wasmer_features_t *features = wasmer_features_new();
	wasmer_features_bulk_memory(features, true);
	wasmer_features_multi_value(features, true);
	wasmer_features_reference_types(features, true);
	wasmer_features_simd(features, true);
	wasmer_features_memory64(features, false);
	wasmer_features_module_linking(features, false);
	wasmer_features_multi_memory(features, false);
	wasmer_features_tail_call(features, false);
	wasmer_features_threads(features, false);
	wasm_config_set_features(config, features); // which owns them now, as the engine does the configuration
	return wasm_engine_new_with_config(config);
}

static bool validate(wasm_store_t *store, void *data, size_t size, char **err) {
	vec v = {size, data};
	bool ok = wasm_module_validate(store, &v);
	if (!ok) *err = last_error();
	return ok;
}

static wasm_module_t *compile(wasm_store_t *store, void *data, size_t size, char **err) {
	vec v = {size, data};
	wasm_module_t *m = wasm_module_new(store, &v);
	if (!m) *err = last_error();
	return m;
}

static wasm_module_t *deserialize(wasm_store_t *store, void *data, size_t size, char **err) {
	vec v = {size, data};
	wasm_module_t *m = wasm_module_deserialize(store, &v);
	if (!m) *err = last_error();
	return m;
}

// A call of the host under way.
typedef struct {
	import *import;
	uint64_t args[MAX_PARAMS];
	uint32_t result;
} host_call;

static void call_go(void *data) {
	host_call *c = data;
	guest *g = c->import->guest;
	void *memory = NULL;
	size_t size = 0;
	if (g->memory) { // anew: it may have grown
		memory = wasm_memory_data(g->memory);
		size = wasm_memory_data_size(g->memory);
	}
	c->result = wasmociWasmerCall(g->handle, c->import->f.index, memory, size, c->args);
}

static wasm_trap_t *new_trap(guest *g) {
	vec text = {sizeof "stopped", "stopped"};
	return wasm_trap_new(g->store, &text);
}

// call_host is what guests call, whatever they import. libwasmer makes both vectors for each call and forgets them, so they are
// freed here, and the result is given from memory of the guest's own.
static wasm_trap_t *call_host(void *env, const vec *params, vec *results) {
	host_call c = {.import = env};
	const function *f = &c.import->f;
	guest *g = c.import->guest;
	const val *v = params->data;
	for (int k = 0; k < f->params; k++) c.args[k] = f->kinds[k] == KIND_I64 ? (uint64_t)v[k].of.i64 : (uint32_t)v[k].of.i32;
	wasm_val_vec_delete((vec *)params);
	wasm_val_vec_delete(results);
	if (!wasmoci_wasmer_leave(&g->stack, call_go, &c)) {
		g->overflowed = true;
		return new_trap(g);
	}
	if (c.result & STOP) {
		g->stopped = true;
		return new_trap(g);
	}
	if (f->result) {
		g->result.kind = KIND_I32;
		g->result.of.wide = c.result;
		*results = (vec){1, &g->result};
	}
	return NULL;
}

static wasm_functype_t *new_type(const function *f) {
	wasm_valtype_t *types[MAX_PARAMS], *type = NULL;
	vec params = {0}, results = {0};
	for (int k = 0; k < f->params; k++) types[k] = wasm_valtype_new(f->kinds[k]);
	wasm_valtype_vec_new(&params, f->params, types);
	if (f->result) type = wasm_valtype_new(KIND_I32);
	wasm_valtype_vec_new(&results, f->result, &type);
	return wasm_functype_new(&params, &results); // which empties both
}

// export_at is the export at a position, or NULL. Positions are what the module's file says, which may have become another since.
static wasm_extern_t *export_at(guest *g, int position) {
	return position >= 0 && (size_t)position < g->exports.size ? ((wasm_extern_t **)g->exports.data)[position] : NULL;
}

// new_guest makes an instance; memory is the position of that export, or -1. Where g->instance is NULL afterwards, *err is why,
// to be freed. The guest is to be freed in either case.
static guest *new_guest(wasm_store_t *store, const wasm_module_t *module, uintptr_t handle, const function *imports, size_t count, int memory, char **err) {
	guest *g = calloc(1, sizeof(guest) + count * sizeof(import));
	const char *no_stack = wasmoci_wasmer_new_stack(&g->stack);
	if (no_stack) {
		*err = strdup(no_stack);
		return g;
	}
	wasm_extern_t **externs = calloc(count + 1, sizeof *externs);
	g->handle = handle;
	g->store = store;
	g->count = count;
	for (size_t k = 0; k < count; k++) {
		import *i = &g->imports[k];
		i->f = imports[k];
		i->guest = g;
		i->func = wasm_func_new_with_env(store, i->f.type, call_host, i, NULL);
		externs[k] = wasm_func_as_extern(i->func);
	}
	vec v = {count, externs};
	wasm_trap_t *trap = NULL;
	g->instance = wasm_instance_new(store, module, &v, &trap);
	free(externs);
	if (!g->instance) {
		*err = trap ? message(trap) : last_error();
		return g;
	}
	wasm_instance_exports(g->instance, &g->exports);
	wasm_extern_t *exported = export_at(g, memory);
	if (exported) g->memory = wasm_extern_as_memory(exported);
	return g;
}

static size_t memory_size(guest *g) { return g->memory ? wasm_memory_data_size(g->memory) : 0; }

// A call of a guest under way.
typedef struct {
	const wasm_func_t *func;
	wasm_trap_t *trap;
} guest_call;

static void call_func(void *data) {
	guest_call *c = data;
	vec none = {0}, nothing = {0};
	c->trap = wasm_func_call(c->func, &none, &nothing);
}

// call calls the export at that position, a function () -> (). It returns NULL, or why it did not return, to be freed.
static char *call(guest *g, int export) {
	wasm_extern_t *exported = export_at(g, export);
	guest_call c = {.func = exported ? wasm_extern_as_func(exported) : NULL};
	if (!c.func) return strdup("no such function");
	wasmoci_wasmer_enter(&g->stack, call_func, &c);
	return c.trap ? message(c.trap) : NULL;
}

static void free_guest(guest *g) {
	if (g->instance) {
		wasm_extern_vec_delete(&g->exports);
		wasm_instance_delete(g->instance);
	}
	for (size_t k = 0; k < g->count; k++) wasm_func_delete(g->imports[k].func);
	wasmoci_wasmer_free_stack(&g->stack);
	free(g);
}
*/
import "C"

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/cgo"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	_ "github.com/wasmerio/wasmer-go/wasmer" // links libwasmer, and nothing more: its host functions free traps twice

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
)

// compiler is libwasmer as a runtime of package core. Each module has a native engine of its own: one frees the code of its
// modules only when it is freed itself.
type compiler struct{}

func (compiler) Version() string { return C.GoString(C.wasmer_version()) }
func (compiler) Close() error    { return nil }

// openCompiler makes the process ready for guests.
func openCompiler() (core.Runtime, error) {
	if why := C.wasmoci_wasmer_open_stacks(); why != nil {
		return nil, errors.New(C.GoString(why))
	}
	return compiler{}, nil
}

// Config implements core.Keeper.
func (compiler) Config() string { return "cranelift, universal, prepared 3" }

// Compile implements core.Runtime.
func (compiler) Compile(_ context.Context, src *core.Source) (core.Code, error) {
	return build(src, func(c *code) error {
		var text *C.char
		if !C.validate(c.store, pointer(src.Bytes), C.size_t(len(src.Bytes)), &text) {
			return invalid(src, nativeError(text))
		}
		prepared, err := prepare(src.Bytes)
		if err != nil {
			return invalid(src, err)
		}
		if c.module = C.compile(c.store, pointer(prepared), C.size_t(len(prepared)), &text); c.module == nil {
			return invalid(src, nativeError(text))
		}
		return nil
	})
}

// Save implements core.Keeper.
func (compiler) Save(made core.Code, put func(label string, content io.Reader) error) error {
	var v C.vec
	C.wasm_module_serialize(made.(*code).module, &v)
	if v.data == nil {
		return nativeError(C.last_error())
	}
	defer C.wasm_byte_vec_delete(&v)
	return put("", &contents{unsafe.Slice((*byte)(v.data), v.size)})
}

// Load implements core.Keeper. libwasmer believes what it reads; the cache has verified it.
func (compiler) Load(_ context.Context, src *core.Source, entry *cache.Entry) (core.Code, error) {
	st, err := entry.File.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() == 0 {
		return nil, errors.New("it is empty")
	}
	// Mapped, it begins a page, as libwasmer wants it, and is not copied before libwasmer does.
	mapped, err := syscall.Mmap(int(entry.File.Fd()), 0, int(st.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	defer func() { _ = syscall.Munmap(mapped) }()
	return build(src, func(c *code) error {
		var text *C.char
		if c.module = C.deserialize(c.store, pointer(mapped), C.size_t(len(mapped)), &text); c.module == nil {
			return nativeError(text)
		}
		return nil
	})
}

// contents reads native memory.
type contents struct{ left []byte }

func (c *contents) Read(b []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// nativeError makes an error of a message of libwasmer's, which it frees.
func nativeError(text *C.char) error {
	defer C.free(unsafe.Pointer(text))
	return errors.New(strings.TrimSpace(C.GoString(text)))
}

func invalid(src *core.Source, err error) error {
	return &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatModule, Err: err}
}

// code is a compiled module.
type code struct {
	engine  *C.wasm_engine_t
	store   *C.wasm_store_t
	module  *C.wasm_module_t
	imports []C.function   // in the module's order; of a module that imports what the host has not, which is never run, not all
	exports map[string]int // positions of functions
	memory  int            // position of the exported memory, or -1
	start   int            // position of the exported start function, or -1
}

// build makes the code of src; compile sets its module.
func build(src *core.Source, compile func(c *code) error) (_ core.Code, err error) {
	c := &code{exports: make(map[string]int), memory: -1, start: -1}
	defer func() {
		if err != nil {
			_ = c.Close()
		}
	}()
	if c.engine = C.new_engine(); c.engine == nil {
		return nil, nativeError(C.last_error())
	}
	c.store = C.wasm_store_new(c.engine)
	if err := compile(c); err != nil {
		return nil, err
	}
	m, err := src.Module()
	if err != nil {
		return nil, invalid(src, err)
	}
	for _, i := range m.Imports {
		if f, ok := functions()[imported{i.Module, i.Name}]; ok {
			c.imports = append(c.imports, f)
		}
	}
	for i, e := range m.Exports {
		switch {
		case e.Kind == "func":
			c.exports[e.Name] = i
		case e.Kind == "memory" && e.Name == "memory":
			c.memory = i
		}
	}
	if m.HasStart {
		c.start = len(m.Exports)
	}
	return c, nil
}

// Close implements core.Code.
func (c *code) Close() error {
	if c.module != nil {
		C.wasm_module_delete(c.module)
	}
	if c.store != nil {
		C.wasm_store_delete(c.store)
	}
	if c.engine != nil {
		C.wasm_engine_delete(c.engine)
	}
	return nil
}

// imported names a function that guests can import.
type imported struct{ module, name string }

// functions are those that guests can import, once in the process.
var functions = sync.OnceValue(func() map[imported]C.function {
	m := make(map[imported]C.function)
	for i, f := range table {
		s := C.function{index: C.uint32_t(i), params: C.uint8_t(len(f.Params))}
		if f.Result {
			s.result = 1
		}
		for i, p := range f.Params {
			s.kinds[i] = C.KIND_I32
			if p == 'I' {
				s.kinds[i] = C.KIND_I64
			}
		}
		s._type = C.new_type(&s)
		m[imported{f.Module, f.Name}] = s
	}
	return m
})

// Run implements core.Code. The context is not looked at: it is one that does not end, which the lack of Interrupt sees to.
func (c *code) Run(_ context.Context, r *core.Run) error {
	handle := cgo.NewHandle(r)
	defer handle.Delete()
	var text *C.char
	g := C.new_guest(c.store, c.module, C.uintptr_t(handle), unsafe.SliceData(c.imports), C.size_t(len(c.imports)), C.int(c.memory), &text)
	defer C.free_guest(g)
	if g.instance == nil {
		return trapOf(nativeError(text))
	}
	r.Begin()
	var positions []int
	if c.start >= 0 {
		positions = append(positions, c.start)
	}
	if r.Initialize {
		positions = append(positions, c.exports[engine.InitializeFunction])
	}
	positions = append(positions, c.exports[r.Entrypoint])
	r.Resized(uint64(C.memory_size(g)))
	defer func() { r.Resized(uint64(C.memory_size(g))) }()
	for _, p := range positions {
		if text := C.call(g, C.int(p)); text != nil {
			err := trapOf(nativeError(text))
			switch {
			case bool(g.stopped):
				return core.ErrStopped
			case bool(g.overflowed):
				return &engine.TrapError{Kind: engine.TrapStackOverflow}
			}
			return err
		}
	}
	return nil
}
