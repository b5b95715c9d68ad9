//go:build wasmtime && cgo

#include "component.h"

// What Go exports (component_native.go).
extern bool wasmociWasmtimeComponentCall(size_t run, size_t index, wasmtime_context_t *, wasmtime_component_val_t *args, size_t args_len,
    wasmtime_component_val_t *results, size_t results_len);
extern void wasmociWasmtimeComponentDrop(size_t run, uint32_t type, uint32_t rep);

// What else of Wasmtime's C API only this file uses.
extern wasmtime_error_t *wasmtime_component_linker_instance_add_func(wasmtime_component_linker_instance_t *, const char *, size_t,
    wasmtime_error_t *(*)(void *, wasmtime_context_t *, const wasmtime_component_func_type_t *, wasmtime_component_val_t *, size_t,
        wasmtime_component_val_t *, size_t),
    void *, void (*)(void *));
extern wasmtime_error_t *wasmtime_component_linker_instance_add_resource(wasmtime_component_linker_instance_t *, const char *, size_t,
    const wasmtime_component_resource_type_t *, wasmtime_error_t *(*)(void *, wasmtime_context_t *, uint32_t), void *, void (*)(void *));

static wasmtime_error_t *function(void *index, wasmtime_context_t *ctx, const wasmtime_component_func_type_t *type,
    wasmtime_component_val_t *args, size_t args_len, wasmtime_component_val_t *results, size_t results_len) {
  guest_t *g = wasmtime_context_get_data(ctx);
  if (wasmociWasmtimeComponentCall(g->run, (size_t)index, ctx, args, args_len, results, results_len))
    return NULL;
  g->stopped = true;
  return wasmtime_error_new("stopped");
}

static wasmtime_error_t *drop(void *type, wasmtime_context_t *ctx, uint32_t rep) {
  guest_t *g = wasmtime_context_get_data(ctx);
  wasmociWasmtimeComponentDrop(g->run, (uint32_t)(size_t)type, rep);
  return NULL;
}

wasmtime_error_t *wasmoci_component_function(wasmtime_component_linker_instance_t *instance, const char *name, size_t name_len, size_t index) {
  return wasmtime_component_linker_instance_add_func(instance, name, name_len, function, (void *)index, NULL);
}

wasmtime_error_t *wasmoci_component_resource(wasmtime_component_linker_instance_t *instance, const char *name, size_t name_len, uint32_t type) {
  wasmtime_component_resource_type_t *t = wasmtime_component_resource_type_new_host(type);
  wasmtime_error_t *err = wasmtime_component_linker_instance_add_resource(instance, name, name_len, t, drop, (void *)(size_t)type, NULL);
  wasmtime_component_resource_type_delete(t);
  return err;
}

void wasmoci_component_bytes(wasmtime_component_val_t *v, const uint8_t *data, size_t size) {
  v->kind = WASMTIME_COMPONENT_LIST;
  wasmtime_component_vallist_new_uninit(&v->of.list, size);
  for (size_t i = 0; i < size; i++) {
    v->of.list.data[i].kind = WASMTIME_COMPONENT_U8;
    v->of.list.data[i].of.u8 = data[i];
  }
}

bool wasmoci_component_copy(const wasmtime_component_vallist_t *list, uint8_t *out) {
  for (size_t i = 0; i < list->size; i++) {
    if (list->data[i].kind != WASMTIME_COMPONENT_U8)
      return false;
    out[i] = list->data[i].of.u8;
  }
  return true;
}
