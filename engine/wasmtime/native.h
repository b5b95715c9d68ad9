// What the adapter uses of Wasmtime's C API, version 44, declared here because the headers that come with the Go binding are not
// on its importers' path; and the adapter's own functions in C. Types and functions keep their names and meaning:
// https://docs.wasmtime.dev/c-api/.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_frame_t wasm_frame_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_instance_pre wasmtime_instance_pre_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_caller wasmtime_caller_t;

typedef struct { size_t size; char *data; } wasm_byte_vec_t;
typedef struct { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct { size_t size; wasm_frame_t **data; } wasm_frame_vec_t;

typedef struct { uint64_t store_id; size_t index; } wasmtime_instance_t;
typedef struct { uint64_t store_id; void *func; } wasmtime_func_t;
typedef struct { uint64_t words[3]; } wasmtime_memory_t;
typedef struct {
  uint8_t kind;
  union { wasmtime_func_t func; wasmtime_memory_t memory; uint64_t words[3]; } of;
} wasmtime_extern_t;
typedef union { int32_t i32; int64_t i64; uint8_t v128[16]; } wasmtime_val_raw_t;

enum { WASM_I32 = 0, WASM_I64 = 1 };
enum { WASMTIME_EXTERN_FUNC = 0, WASMTIME_EXTERN_MEMORY = 3 };
enum { WASMTIME_UPDATE_DEADLINE_CONTINUE = 0 };

typedef wasm_trap_t *(*wasmtime_func_unchecked_callback_t)(void *env, wasmtime_caller_t *, wasmtime_val_raw_t *, size_t);

extern wasm_config_t *wasm_config_new(void);
extern void wasmtime_config_epoch_interruption_set(wasm_config_t *, bool);
extern void wasmtime_config_max_wasm_stack_set(wasm_config_t *, size_t);
extern void wasmtime_config_async_stack_size_set(wasm_config_t *, uint64_t);
extern wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
extern void wasm_engine_delete(wasm_engine_t *);
extern void wasmtime_engine_increment_epoch(wasm_engine_t *);

extern wasmtime_error_t *wasmtime_wat2wasm(const char *, size_t, wasm_byte_vec_t *);
extern wasmtime_error_t *wasmtime_module_new(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
extern wasmtime_error_t *wasmtime_module_serialize(wasmtime_module_t *, wasm_byte_vec_t *);
extern wasmtime_error_t *wasmtime_module_deserialize_file(wasm_engine_t *, const char *, wasmtime_module_t **);
extern void wasmtime_module_delete(wasmtime_module_t *);

extern wasm_valtype_t *wasm_valtype_new(uint8_t);
extern void wasm_valtype_vec_new_uninitialized(wasm_valtype_vec_t *, size_t);
extern wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *, wasm_valtype_vec_t *);
extern void wasm_functype_delete(wasm_functype_t *);

extern wasmtime_linker_t *wasmtime_linker_new(wasm_engine_t *);
extern void wasmtime_linker_delete(wasmtime_linker_t *);
extern wasmtime_error_t *wasmtime_linker_define_func_unchecked(wasmtime_linker_t *, const char *, size_t, const char *, size_t,
    const wasm_functype_t *, wasmtime_func_unchecked_callback_t, void *, void (*)(void *));
extern wasmtime_error_t *wasmtime_linker_instantiate_pre(const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t **);
extern wasmtime_error_t *wasmtime_instance_pre_instantiate(const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, wasm_trap_t **);
extern void wasmtime_instance_pre_delete(wasmtime_instance_pre_t *);

extern wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void (*)(void *));
extern void wasmtime_store_delete(wasmtime_store_t *);
extern wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
extern void wasmtime_store_limiter(wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t);
extern void wasmtime_context_set_epoch_deadline(wasmtime_context_t *, uint64_t);
extern void wasmtime_store_epoch_deadline_callback(wasmtime_store_t *,
    wasmtime_error_t *(*)(wasmtime_context_t *, void *, uint64_t *, uint8_t *), void *, void (*)(void *));
extern void *wasmtime_context_get_data(const wasmtime_context_t *);
extern wasmtime_context_t *wasmtime_caller_context(wasmtime_caller_t *);
extern bool wasmtime_caller_export_get(wasmtime_caller_t *, const char *, size_t, wasmtime_extern_t *);
extern bool wasmtime_instance_export_get(wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t, wasmtime_extern_t *);
extern uint8_t *wasmtime_memory_data(const wasmtime_context_t *, const wasmtime_memory_t *);
extern size_t wasmtime_memory_data_size(const wasmtime_context_t *, const wasmtime_memory_t *);
extern wasmtime_error_t *wasmtime_func_call(wasmtime_context_t *, const wasmtime_func_t *, const void *, size_t, void *, size_t, wasm_trap_t **);

extern wasmtime_error_t *wasmtime_error_new(const char *);
extern void wasmtime_error_message(const wasmtime_error_t *, wasm_byte_vec_t *);
extern void wasmtime_error_wasm_trace(const wasmtime_error_t *, wasm_frame_vec_t *);
extern void wasmtime_error_delete(wasmtime_error_t *);
extern wasm_trap_t *wasmtime_trap_new(const char *, size_t);
extern bool wasmtime_trap_code(const wasm_trap_t *, uint8_t *);
extern void wasm_trap_message(const wasm_trap_t *, wasm_byte_vec_t *);
extern void wasm_trap_trace(const wasm_trap_t *, wasm_frame_vec_t *);
extern void wasm_trap_delete(wasm_trap_t *);
extern uint32_t wasm_frame_func_index(const wasm_frame_t *);
extern size_t wasm_frame_module_offset(const wasm_frame_t *);
extern const wasm_byte_vec_t *wasmtime_frame_func_name(const wasm_frame_t *);
extern void wasm_frame_vec_delete(wasm_frame_vec_t *);
extern void wasm_byte_vec_delete(wasm_byte_vec_t *);

// guest is one run, in C memory: what the functions below need without asking Go.
typedef struct {
  size_t run;               // Go's number of it
  int stop;                 // its context has ended; set by another thread
  bool stopped;             // it was ended by that, or by a host function
  bool has_memory;          // memory is known
  wasmtime_memory_t memory; // the exported one
} guest_t;

// define makes a host function importable. Its number and signature are packed into the pointer that Wasmtime hands back with
// each call: nothing to allocate, and nothing that belongs to one run.
extern wasmtime_error_t *wasmoci_define(wasmtime_linker_t *, const char *module, size_t module_len, const char *name, size_t name_len,
    const wasm_functype_t *, uint32_t index, uint32_t params, uint32_t wide, bool result);
// new_store makes a store for g, which stops at the next epoch after wasmoci_stop if epochs is true.
extern wasmtime_store_t *wasmoci_new_store(wasm_engine_t *, guest_t *g, bool epochs);
// stop ends g at its next check of the epoch, as far as it has not missed it: repeat until it has ended.
extern void wasmoci_stop(wasm_engine_t *, guest_t *g);
// find_memory looks for the memory that an instance exports.
extern void wasmoci_find_memory(wasmtime_context_t *, const wasmtime_instance_t *, guest_t *g);
// call calls an exported function of type () -> (). That there is none is an error: the module's file, which says so, may have become
// another since.
extern wasmtime_error_t *wasmoci_call(wasmtime_context_t *, const wasmtime_instance_t *, const char *name, size_t name_len, wasm_trap_t **);
// stack_room is how many bytes of stack the calling thread has left.
extern size_t wasmoci_stack_room(void);
// start_thread starts a thread that calls wasmociWasmtimeThread with thread, on a stack of stack bytes, and ends when that
// returns. It gives an errno.
extern int wasmoci_start_thread(size_t stack, size_t thread);
