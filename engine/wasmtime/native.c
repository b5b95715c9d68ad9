//go:build wasmtime && cgo

#define _GNU_SOURCE
#include "native.h"

#include <pthread.h>

// Wasmtime's and Wasmer's libraries have symbols in common, which a linker mixes without a word. Both adapters define this one,
// so that a program with both fails to link, with a name that says why.
int wasmoci_link_only_one_of_wasmtime_and_wasmer = 1;

// What Go exports (native.go).
extern uint32_t wasmociWasmtimeCall(size_t run, uint32_t index, uint8_t *memory, size_t size, uint64_t *args);
extern void wasmociWasmtimeThread(size_t thread);

// A host function as it is packed into a pointer: its index in 16 bits, the number of parameters in 4, a bit for whether there is
// a result, and a bit for each parameter that is an i64.
static void *pack(uint32_t index, uint32_t params, uint32_t wide, bool result) {
  return (void *)((uintptr_t)index | (uintptr_t)params << 16 | (uintptr_t)result << 20 | (uintptr_t)wide << 21);
}

static void memory_of(guest_t *g, const wasmtime_extern_t *e) {
  if (e->kind == WASMTIME_EXTERN_MEMORY) {
    g->memory = e->of.memory;
    g->has_memory = true;
  }
}

static wasm_trap_t *host_function(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *v, size_t n) {
  uintptr_t f = (uintptr_t)env;
  uint32_t params = f >> 16 & 15;
  wasmtime_context_t *ctx = wasmtime_caller_context(caller);
  guest_t *g = wasmtime_context_get_data(ctx);
  uint64_t args[9];
  for (uint32_t i = 0; i < params; i++)
    args[i] = f >> (21 + i) & 1 ? (uint64_t)v[i].i64 : (uint32_t)v[i].i32;
  wasmtime_extern_t e;
  if (!g->has_memory && wasmtime_caller_export_get(caller, "memory", 6, &e))
    memory_of(g, &e);
  uint8_t *data = NULL;
  size_t size = 0;
  if (g->has_memory) {
    data = wasmtime_memory_data(ctx, &g->memory);
    size = wasmtime_memory_data_size(ctx, &g->memory);
  }
  uint32_t r = wasmociWasmtimeCall(g->run, f & 0xffff, data, size, args);
  if (r >> 16) {
    g->stopped = true;
    return wasmtime_trap_new("stopped", 7);
  }
  if (f >> 20 & 1)
    v[0].i64 = r;
  return NULL;
}

wasmtime_error_t *wasmoci_define(wasmtime_linker_t *linker, const char *module, size_t module_len, const char *name, size_t name_len,
    const wasm_functype_t *type, uint32_t index, uint32_t params, uint32_t wide, bool result) {
  return wasmtime_linker_define_func_unchecked(linker, module, module_len, name, name_len, type, host_function,
      pack(index, params, wide, result), NULL);
}

static wasmtime_error_t *epoch(wasmtime_context_t *ctx, void *data, uint64_t *delta, uint8_t *kind) {
  guest_t *g = data;
  if (__atomic_load_n(&g->stop, __ATOMIC_ACQUIRE)) {
    g->stopped = true;
    return wasmtime_error_new("stopped");
  }
  *delta = 1;
  *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
  return NULL;
}

wasmtime_store_t *wasmoci_new_store(wasm_engine_t *engine, guest_t *g, bool epochs) {
  wasmtime_store_t *store = wasmtime_store_new(engine, g, NULL);
  if (epochs) {
    wasmtime_store_epoch_deadline_callback(store, epoch, g, NULL);
    wasmtime_context_set_epoch_deadline(wasmtime_store_context(store), 1);
  }
  return store;
}

void wasmoci_stop(wasm_engine_t *engine, guest_t *g) {
  __atomic_store_n(&g->stop, 1, __ATOMIC_RELEASE);
  wasmtime_engine_increment_epoch(engine);
}

void wasmoci_find_memory(wasmtime_context_t *ctx, const wasmtime_instance_t *instance, guest_t *g) {
  wasmtime_extern_t e;
  if (!g->has_memory && wasmtime_instance_export_get(ctx, instance, "memory", 6, &e))
    memory_of(g, &e);
}

wasmtime_error_t *wasmoci_call(wasmtime_context_t *ctx, const wasmtime_instance_t *instance, const char *name, size_t name_len, wasm_trap_t **trap) {
  wasmtime_extern_t e;
  if (!wasmtime_instance_export_get(ctx, instance, name, name_len, &e) || e.kind != WASMTIME_EXTERN_FUNC)
    return wasmtime_error_new("no such function");
  return wasmtime_func_call(ctx, &e.of.func, NULL, 0, NULL, 0, trap); // which looks at its type
}

// lowest_of_stack is the lowest address of the calling thread's stack, or the highest there is where the system does not say.
static uintptr_t lowest_of_stack(void) {
#ifdef __linux__
  pthread_attr_t attr;
  void *low = NULL;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attr) == 0) {
    if (pthread_attr_getstack(&attr, &low, &size) != 0)
      low = NULL;
    pthread_attr_destroy(&attr);
  }
  return low ? (uintptr_t)low : UINTPTR_MAX;
#else
  return UINTPTR_MAX;
#endif
}

size_t wasmoci_stack_room(void) {
  static __thread uintptr_t low; // looked up once: of a process's first thread it takes a while
  if (low == 0)
    low = lowest_of_stack();
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  return here > low ? here - low : 0;
}

static void *run_thread(void *thread) {
  wasmociWasmtimeThread((size_t)thread);
  return NULL;
}

int wasmoci_start_thread(size_t stack, size_t thread) {
  pthread_attr_t attr;
  int err = pthread_attr_init(&attr);
  if (err != 0)
    return err;
  pthread_t id;
  err = pthread_attr_setstacksize(&attr, stack);
  if (err == 0)
    err = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  if (err == 0)
    err = pthread_create(&id, &attr, run_thread, (void *)thread);
  pthread_attr_destroy(&attr);
  return err;
}
