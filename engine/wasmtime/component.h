// What the adapter uses of Wasmtime's C API for components, version 44, and its own functions in C for them. As in native.h, types
// and functions keep their names and meaning.

#pragma once

#include "native.h"

typedef struct wasmtime_component_t wasmtime_component_t;
typedef struct wasmtime_component_export_index_t wasmtime_component_export_index_t;
typedef struct wasmtime_component_linker_t wasmtime_component_linker_t;
typedef struct wasmtime_component_linker_instance_t wasmtime_component_linker_instance_t;
typedef struct wasmtime_component_type_t wasmtime_component_type_t;
typedef struct wasmtime_component_instance_type wasmtime_component_instance_type_t;
typedef struct wasmtime_component_func_type_t wasmtime_component_func_type_t;
typedef struct wasmtime_component_resource_type wasmtime_component_resource_type_t;
typedef struct wasmtime_component_resource_any wasmtime_component_resource_any_t;
typedef struct wasmtime_component_resource_host wasmtime_component_resource_host_t;

typedef struct { uint64_t store_id; uint32_t index; } wasmtime_component_instance_t;
typedef struct { struct { uint64_t store_id; uint32_t one; } part; uint32_t two; } wasmtime_component_func_t;

// Values. A vector of each kind has a size and its elements.
typedef struct wasmtime_component_val wasmtime_component_val_t;
typedef struct wasmtime_component_valrecord_entry wasmtime_component_valrecord_entry_t;
typedef struct { size_t size; wasmtime_component_val_t *data; } wasmtime_component_vallist_t;
typedef struct { size_t size; wasmtime_component_valrecord_entry_t *data; } wasmtime_component_valrecord_t;
typedef struct { size_t size; wasm_byte_vec_t *data; } wasmtime_component_valflags_t;
typedef struct { wasm_byte_vec_t discriminant; wasmtime_component_val_t *val; } wasmtime_component_valvariant_t;
typedef struct { bool is_ok; wasmtime_component_val_t *val; } wasmtime_component_valresult_t;
struct wasmtime_component_val {
  uint8_t kind;
  union {
    bool boolean;
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    wasm_byte_vec_t string; // and the case of an enum
    wasmtime_component_vallist_t list; // and a tuple
    wasmtime_component_valrecord_t record;
    wasmtime_component_valvariant_t variant;
    wasmtime_component_val_t *option;
    wasmtime_component_valresult_t result;
    wasmtime_component_valflags_t flags;
    wasmtime_component_resource_any_t *resource;
  } of;
};
struct wasmtime_component_valrecord_entry { wasm_byte_vec_t name; wasmtime_component_val_t val; };
_Static_assert(sizeof(wasmtime_component_val_t) == 32, "a value is as Wasmtime has it");

enum {
  WASMTIME_COMPONENT_BOOL = 0,
  WASMTIME_COMPONENT_U8 = 2,
  WASMTIME_COMPONENT_U32 = 6,
  WASMTIME_COMPONENT_U64 = 8,
  WASMTIME_COMPONENT_STRING = 12,
  WASMTIME_COMPONENT_LIST = 13,
  WASMTIME_COMPONENT_RECORD = 14,
  WASMTIME_COMPONENT_TUPLE = 15,
  WASMTIME_COMPONENT_VARIANT = 16,
  WASMTIME_COMPONENT_ENUM = 17,
  WASMTIME_COMPONENT_OPTION = 18,
  WASMTIME_COMPONENT_RESULT = 19,
  WASMTIME_COMPONENT_FLAGS = 20,
  WASMTIME_COMPONENT_RESOURCE = 21,
};

extern void wasmtime_component_vallist_new_uninit(wasmtime_component_vallist_t *, size_t);
extern void wasmtime_component_valtuple_new_uninit(wasmtime_component_vallist_t *, size_t);
extern void wasmtime_component_valrecord_new_uninit(wasmtime_component_valrecord_t *, size_t);
extern void wasmtime_component_valflags_new_uninit(wasmtime_component_valflags_t *, size_t);
extern wasmtime_component_val_t *wasmtime_component_val_new(wasmtime_component_val_t *);
extern void wasm_byte_vec_new(wasm_byte_vec_t *, size_t, const char *);

// Types. That of a value has a kind and, as the case may be, a type of its own, which is freed with it.
typedef struct { uint8_t kind; void *of; } wasmtime_component_valtype_t;
typedef struct { uint8_t kind; union { void *any; wasmtime_component_valtype_t type; } of; } wasmtime_component_item_t;

enum {
  WASMTIME_COMPONENT_ITEM_COMPONENT = 0,
  WASMTIME_COMPONENT_ITEM_COMPONENT_INSTANCE = 1,
  WASMTIME_COMPONENT_ITEM_MODULE = 2,
  WASMTIME_COMPONENT_ITEM_COMPONENT_FUNC = 3,
  WASMTIME_COMPONENT_ITEM_RESOURCE = 4,
  WASMTIME_COMPONENT_ITEM_CORE_FUNC = 5,
  WASMTIME_COMPONENT_ITEM_TYPE = 6,

  WASMTIME_COMPONENT_VALTYPE_LIST = 13,
  WASMTIME_COMPONENT_VALTYPE_RECORD = 14,
  WASMTIME_COMPONENT_VALTYPE_TUPLE = 15,
  WASMTIME_COMPONENT_VALTYPE_VARIANT = 16,
  WASMTIME_COMPONENT_VALTYPE_ENUM = 17,
  WASMTIME_COMPONENT_VALTYPE_OPTION = 18,
  WASMTIME_COMPONENT_VALTYPE_RESULT = 19,
  WASMTIME_COMPONENT_VALTYPE_FLAGS = 20,
  WASMTIME_COMPONENT_VALTYPE_OWN = 21,
  WASMTIME_COMPONENT_VALTYPE_BORROW = 22,
};

extern wasmtime_component_type_t *wasmtime_component_type(const wasmtime_component_t *);
extern void wasmtime_component_type_delete(wasmtime_component_type_t *);
extern size_t wasmtime_component_type_import_count(const wasmtime_component_type_t *, const wasm_engine_t *);
extern bool wasmtime_component_type_import_nth(const wasmtime_component_type_t *, const wasm_engine_t *, size_t, const char **, size_t *, wasmtime_component_item_t *);
extern size_t wasmtime_component_type_export_count(const wasmtime_component_type_t *, const wasm_engine_t *);
extern bool wasmtime_component_type_export_nth(const wasmtime_component_type_t *, const wasm_engine_t *, size_t, const char **, size_t *, wasmtime_component_item_t *);
extern size_t wasmtime_component_instance_type_export_count(const wasmtime_component_instance_type_t *, const wasm_engine_t *);
extern bool wasmtime_component_instance_type_export_nth(const wasmtime_component_instance_type_t *, const wasm_engine_t *, size_t, const char **, size_t *, wasmtime_component_item_t *);
extern void wasmtime_component_item_delete(wasmtime_component_item_t *);
extern void wasmtime_component_valtype_delete(wasmtime_component_valtype_t *);
extern bool wasmtime_component_func_type_async(const wasmtime_component_func_type_t *);
extern size_t wasmtime_component_func_type_param_count(const wasmtime_component_func_type_t *);
extern bool wasmtime_component_func_type_param_nth(const wasmtime_component_func_type_t *, size_t, const char **, size_t *, wasmtime_component_valtype_t *);
extern bool wasmtime_component_func_type_result(const wasmtime_component_func_type_t *, wasmtime_component_valtype_t *);
extern void wasmtime_component_list_type_element(const void *, wasmtime_component_valtype_t *);
extern size_t wasmtime_component_record_type_field_count(const void *);
extern bool wasmtime_component_record_type_field_nth(const void *, size_t, const char **, size_t *, wasmtime_component_valtype_t *);
extern size_t wasmtime_component_tuple_type_types_count(const void *);
extern bool wasmtime_component_tuple_type_types_nth(const void *, size_t, wasmtime_component_valtype_t *);
extern size_t wasmtime_component_variant_type_case_count(const void *);
extern bool wasmtime_component_variant_type_case_nth(const void *, size_t, const char **, size_t *, bool *, wasmtime_component_valtype_t *);
extern size_t wasmtime_component_enum_type_names_count(const void *);
extern bool wasmtime_component_enum_type_names_nth(const void *, size_t, const char **, size_t *);
extern void wasmtime_component_option_type_ty(const void *, wasmtime_component_valtype_t *);
extern bool wasmtime_component_result_type_ok(const void *, wasmtime_component_valtype_t *);
extern bool wasmtime_component_result_type_err(const void *, wasmtime_component_valtype_t *);
extern size_t wasmtime_component_flags_type_names_count(const void *);
extern bool wasmtime_component_flags_type_names_nth(const void *, size_t, const char **, size_t *);
extern bool wasmtime_component_resource_type_equal(const wasmtime_component_resource_type_t *, const wasmtime_component_resource_type_t *);

// Resources.
extern wasmtime_component_resource_type_t *wasmtime_component_resource_type_new_host(uint32_t);
extern void wasmtime_component_resource_type_delete(wasmtime_component_resource_type_t *);
extern wasmtime_component_resource_host_t *wasmtime_component_resource_host_new(bool, uint32_t, uint32_t);
extern uint32_t wasmtime_component_resource_host_rep(const wasmtime_component_resource_host_t *);
extern uint32_t wasmtime_component_resource_host_type(const wasmtime_component_resource_host_t *);
extern void wasmtime_component_resource_host_delete(wasmtime_component_resource_host_t *);
extern wasmtime_error_t *wasmtime_component_resource_any_to_host(wasmtime_context_t *, const wasmtime_component_resource_any_t *, wasmtime_component_resource_host_t **);
extern wasmtime_error_t *wasmtime_component_resource_host_to_any(wasmtime_context_t *, const wasmtime_component_resource_host_t *, wasmtime_component_resource_any_t **);

// Components and their linking.
extern wasmtime_error_t *wasmtime_component_new(const wasm_engine_t *, const uint8_t *, size_t, wasmtime_component_t **);
extern wasmtime_error_t *wasmtime_component_serialize(const wasmtime_component_t *, wasm_byte_vec_t *);
extern wasmtime_error_t *wasmtime_component_deserialize_file(const wasm_engine_t *, const char *, wasmtime_component_t **);
extern void wasmtime_component_delete(wasmtime_component_t *);
extern wasmtime_component_export_index_t *wasmtime_component_get_export_index(const wasmtime_component_t *, const wasmtime_component_export_index_t *, const char *, size_t);
extern void wasmtime_component_export_index_delete(wasmtime_component_export_index_t *);
extern wasmtime_component_linker_t *wasmtime_component_linker_new(const wasm_engine_t *);
extern void wasmtime_component_linker_delete(wasmtime_component_linker_t *);
extern wasmtime_component_linker_instance_t *wasmtime_component_linker_root(wasmtime_component_linker_t *);
extern void wasmtime_component_linker_instance_delete(wasmtime_component_linker_instance_t *);
extern wasmtime_error_t *wasmtime_component_linker_instance_add_instance(wasmtime_component_linker_instance_t *, const char *, size_t, wasmtime_component_linker_instance_t **);
extern wasmtime_error_t *wasmtime_component_linker_instantiate(const wasmtime_component_linker_t *, wasmtime_context_t *, const wasmtime_component_t *, wasmtime_component_instance_t *);
extern bool wasmtime_component_instance_get_func(const wasmtime_component_instance_t *, wasmtime_context_t *, const wasmtime_component_export_index_t *, wasmtime_component_func_t *);
extern wasmtime_error_t *wasmtime_component_func_call(const wasmtime_component_func_t *, wasmtime_context_t *, const wasmtime_component_val_t *, size_t, wasmtime_component_val_t *, size_t);
extern void wasmtime_component_val_delete(wasmtime_component_val_t *);

// component_function makes function index of Go's table importable by that name.
extern wasmtime_error_t *wasmoci_component_function(wasmtime_component_linker_instance_t *, const char *name, size_t name_len, size_t index);
// component_resource makes a resource type of the host importable by that name. Go drops what is of it.
extern wasmtime_error_t *wasmoci_component_resource(wasmtime_component_linker_instance_t *, const char *name, size_t name_len, uint32_t type);
// component_bytes makes v a list of those bytes.
extern void wasmoci_component_bytes(wasmtime_component_val_t *v, const uint8_t *data, size_t size);
// component_copy copies the elements of a list of bytes; false where one is none.
extern bool wasmoci_component_copy(const wasmtime_component_vallist_t *, uint8_t *out);
