//go:build wasmtime && cgo

package wasmtime

// #include <stdlib.h>
// #include "component.h"
import "C"

import (
	"context"
	"strings"
	"unsafe"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi/preview2"
)

// component is a component of Wasmtime's with what it imports. It is used concurrently.
type component struct {
	native           *C.wasmtime_component_t
	linker           *C.wasmtime_component_linker_t
	run              *C.wasmtime_component_export_index_t // nil where it is no command
	imports, exports []engine.Extern
}

// compileComponent compiles a component.
func (l *library) compileComponent(binary []byte) (*component, error) {
	var native *C.wasmtime_component_t
	if err := C.wasmtime_component_new(l.engine, bytesOf(binary), C.size_t(len(binary)), &native); err != nil {
		return nil, failed(err, nil)
	}
	return l.linkComponent(native)
}

// deserializeComponent makes a component of the file that has what serialize wrote, which is trusted. It stays mapped.
func (l *library) deserializeComponent(path string) (*component, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var native *C.wasmtime_component_t
	if err := C.wasmtime_component_deserialize_file(l.engine, name, &native); err != nil {
		return nil, failed(err, nil)
	}
	return l.linkComponent(native)
}

// serialize hands the machine code to use, which must not keep it.
func (c *component) serialize(use func(code []byte) error) error {
	var out C.wasm_byte_vec_t
	if err := C.wasmtime_component_serialize(c.native, &out); err != nil {
		return failed(err, nil)
	}
	defer C.wasm_byte_vec_delete(&out)
	return use(unsafe.Slice((*byte)(unsafe.Pointer(out.data)), int(out.size)))
}

func (c *component) close() {
	if c.run != nil {
		C.wasmtime_component_export_index_delete(c.run)
	}
	if c.linker != nil {
		C.wasmtime_component_linker_delete(c.linker)
	}
	C.wasmtime_component_delete(c.native)
}

// linkComponent finds out what a component imports and exports, and defines what the host provides of it.
func (l *library) linkComponent(native *C.wasmtime_component_t) (*component, error) {
	c := &component{native: native}
	c.imports, c.exports = l.describe(native)
	c.linker = C.wasmtime_component_linker_new(l.engine)
	if err := c.define(); err != nil {
		c.close()
		return nil, err
	}
	if instance := core.RunFunction(c.exports); instance != "" {
		if outer := C.wasmtime_component_get_export_index(native, nil, chars(instance), C.size_t(len(instance))); outer != nil {
			c.run = C.wasmtime_component_get_export_index(native, outer, chars("run"), 3)
			C.wasmtime_component_export_index_delete(outer)
		}
	}
	return c, nil
}

// define defines what the component imports, as far as the host has it.
func (c *component) define() error {
	root := C.wasmtime_component_linker_root(c.linker)
	defer C.wasmtime_component_linker_instance_delete(root)
	for rest := c.imports; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Module == rest[0].Module {
			n++
		}
		if err := defineInstance(root, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// defineInstance defines one instance that a component imports, of which these are the functions and resources.
func defineInstance(root *C.wasmtime_component_linker_instance_t, members []engine.Extern) error {
	name := members[0].Module
	if name == "" { // no instance: nothing that the host has
		return nil
	}
	var instance *C.wasmtime_component_linker_instance_t
	if err := C.wasmtime_component_linker_instance_add_instance(root, chars(name), C.size_t(len(name)), &instance); err != nil {
		return failed(err, nil)
	}
	defer C.wasmtime_component_linker_instance_delete(instance)
	for _, m := range members {
		if _, ok := core.Provided(m); !ok {
			continue
		}
		var err *C.wasmtime_error_t
		if m.Kind == "resource" {
			i, _ := preview2.FindResource(m.Module, m.Name)
			err = C.wasmoci_component_resource(instance, chars(m.Name), C.size_t(len(m.Name)), C.uint32_t(i))
		} else {
			i, _ := preview2.Find(m.Module, m.Name)
			err = C.wasmoci_component_function(instance, chars(m.Name), C.size_t(len(m.Name)), C.size_t(i))
		}
		if err != nil {
			return failed(err, nil)
		}
	}
	return nil
}

// runComponent runs the component on the calling thread, which must be one with a large stack.
func (l *library) runComponent(ctx context.Context, c *component, cr *core.Run, b bounds, d demand) error {
	return l.guarded(ctx, cr, b, d, -1, func(r *core.Run, store *C.wasmtime_store_t, guest *C.guest_t) error {
		return l.callComponent(c, r, C.wasmtime_store_context(store), guest)
	})
}

func (l *library) callComponent(c *component, r *core.Run, ctx *C.wasmtime_context_t, guest *C.guest_t) error {
	ended := func(err *C.wasmtime_error_t, begun bool) error {
		failure := failed(err, nil)
		if v := r.Component.Violation(); v != nil {
			return &engine.TrapError{Kind: engine.TrapOther, Message: v.Error()}
		}
		if guest.stopped {
			return core.ErrStopped
		}
		return componentFailure(failure, begun)
	}
	var instance C.wasmtime_component_instance_t
	if err := C.wasmtime_component_linker_instantiate(c.linker, ctx, c.native, &instance); err != nil {
		return ended(err, false)
	}
	r.Begin()
	var function C.wasmtime_component_func_t
	if !C.wasmtime_component_instance_get_func(&instance, ctx, c.run, &function) {
		return &engine.MissingExportError{Name: "run"}
	}
	result := (*C.wasmtime_component_val_t)(C.calloc(1, C.sizeof_wasmtime_component_val_t)) // C keeps pointers in it
	defer C.free(unsafe.Pointer(result))
	if err := C.wasmtime_component_func_call(&function, ctx, nil, 0, result, 1); err != nil {
		return ended(err, true)
	}
	defer C.wasmtime_component_val_delete(result)
	if of[C.wasmtime_component_valresult_t](result).is_ok {
		return nil
	}
	return &engine.ExitError{Code: 1} // WASI 0.2: what run returns is success or failure
}

// wasmociWasmtimeComponentCall is every call of every component of its host. It is false for a guest that must end.
//
//export wasmociWasmtimeComponentCall
func wasmociWasmtimeComponentCall(n, index C.size_t, ctx *C.wasmtime_context_t, args *C.wasmtime_component_val_t, argsLen C.size_t,
	results *C.wasmtime_component_val_t, resultsLen C.size_t,
) C.bool {
	r := runOf(int(n))
	x := exchange{ctx: ctx}
	values := make([]preview2.Value, int(argsLen))
	for i := range values {
		values[i] = x.take(&unsafe.Slice(args, int(argsLen))[i])
	}
	if x.failed {
		return false
	}
	v, err := r.Component.Call(int(index), values)
	if err != nil {
		return false
	}
	if resultsLen == 1 {
		x.give(results, v)
	}
	return C.bool(!x.failed)
}

// wasmociWasmtimeComponentDrop is the end of every resource of the host that a component owned.
//
//export wasmociWasmtimeComponentDrop
func wasmociWasmtimeComponentDrop(n C.size_t, kind, rep C.uint32_t) {
	runOf(int(n)).Component.Drop(preview2.Resource{Type: uint32(kind), Rep: uint32(rep)})
}

// of is the value's content, as a C type.
func of[T any](v *C.wasmtime_component_val_t) *T { return (*T)(unsafe.Pointer(&v.of)) }

// exchange passes values to and from a component during one call.
type exchange struct {
	ctx    *C.wasmtime_context_t
	failed bool // a value was of a kind that no function of the host has
}

// take copies an argument. Resources of the host end their borrowing with it.
func (x *exchange) take(v *C.wasmtime_component_val_t) preview2.Value {
	switch v.kind {
	case C.WASMTIME_COMPONENT_BOOL:
		return bool(*of[C.bool](v))
	case C.WASMTIME_COMPONENT_U8:
		return uint8(*of[C.uint8_t](v))
	case C.WASMTIME_COMPONENT_U32:
		return uint32(*of[C.uint32_t](v))
	case C.WASMTIME_COMPONENT_U64:
		return uint64(*of[C.uint64_t](v))
	case C.WASMTIME_COMPONENT_STRING:
		return text(*of[C.wasm_byte_vec_t](v))
	case C.WASMTIME_COMPONENT_ENUM:
		return preview2.Enum(text(*of[C.wasm_byte_vec_t](v)))
	case C.WASMTIME_COMPONENT_LIST:
		list := of[C.wasmtime_component_vallist_t](v)
		if list.size > 0 && list.data.kind == C.WASMTIME_COMPONENT_U8 {
			b := make([]byte, int(list.size))
			x.failed = x.failed || !bool(C.wasmoci_component_copy(list, bytesOf(b)))
			return b
		}
		return preview2.List(x.takeAll(list))
	case C.WASMTIME_COMPONENT_TUPLE:
		return preview2.Tuple(x.takeAll(of[C.wasmtime_component_vallist_t](v)))
	case C.WASMTIME_COMPONENT_RECORD:
		record := of[C.wasmtime_component_valrecord_t](v)
		r := make(preview2.Record, int(record.size))
		for i := range r {
			e := &unsafe.Slice(record.data, int(record.size))[i]
			r[i] = preview2.Field{Name: text(e.name), Value: x.take(&e.val)}
		}
		return r
	case C.WASMTIME_COMPONENT_VARIANT:
		variant := of[C.wasmtime_component_valvariant_t](v)
		return preview2.Variant{Case: text(variant.discriminant), Value: x.takeIf(variant.val)}
	case C.WASMTIME_COMPONENT_OPTION:
		return preview2.Option{Value: x.takeIf(*of[*C.wasmtime_component_val_t](v))}
	case C.WASMTIME_COMPONENT_RESULT:
		result := of[C.wasmtime_component_valresult_t](v)
		return preview2.Result{Err: !bool(result.is_ok), Value: x.takeIf(result.val)}
	case C.WASMTIME_COMPONENT_FLAGS:
		flags := of[C.wasmtime_component_valflags_t](v)
		f := make(preview2.Flags, int(flags.size))
		for i, name := range unsafe.Slice(flags.data, int(flags.size)) {
			f[i] = text(name)
		}
		return f
	case C.WASMTIME_COMPONENT_RESOURCE:
		var host *C.wasmtime_component_resource_host_t
		if err := C.wasmtime_component_resource_any_to_host(x.ctx, *of[*C.wasmtime_component_resource_any_t](v), &host); err != nil {
			C.wasmtime_error_delete(err)
			break
		}
		defer C.wasmtime_component_resource_host_delete(host)
		return preview2.Resource{
			Type: uint32(C.wasmtime_component_resource_host_type(host)),
			Rep:  uint32(C.wasmtime_component_resource_host_rep(host)),
		}
	}
	x.failed = true
	return nil
}

func (x *exchange) takeIf(v *C.wasmtime_component_val_t) preview2.Value {
	if v == nil {
		return nil
	}
	return x.take(v)
}

func (x *exchange) takeAll(list *C.wasmtime_component_vallist_t) []preview2.Value {
	all := make([]preview2.Value, int(list.size))
	for i := range all {
		all[i] = x.take(&unsafe.Slice(list.data, int(list.size))[i])
	}
	return all
}

// give makes to the value v. Wasmtime frees it.
func (x *exchange) give(to *C.wasmtime_component_val_t, v preview2.Value) {
	switch v := v.(type) {
	case bool:
		to.kind = C.WASMTIME_COMPONENT_BOOL
		*of[C.bool](to) = C.bool(v)
	case uint8:
		to.kind = C.WASMTIME_COMPONENT_U8
		*of[C.uint8_t](to) = C.uint8_t(v)
	case uint32:
		to.kind = C.WASMTIME_COMPONENT_U32
		*of[C.uint32_t](to) = C.uint32_t(v)
	case uint64:
		to.kind = C.WASMTIME_COMPONENT_U64
		*of[C.uint64_t](to) = C.uint64_t(v)
	case string:
		to.kind = C.WASMTIME_COMPONENT_STRING
		setText(of[C.wasm_byte_vec_t](to), v)
	case preview2.Enum:
		to.kind = C.WASMTIME_COMPONENT_ENUM
		setText(of[C.wasm_byte_vec_t](to), string(v))
	case []byte:
		C.wasmoci_component_bytes(to, bytesOf(v), C.size_t(len(v)))
	case preview2.List:
		to.kind = C.WASMTIME_COMPONENT_LIST
		list := of[C.wasmtime_component_vallist_t](to)
		C.wasmtime_component_vallist_new_uninit(list, C.size_t(len(v)))
		x.giveAll(list, v)
	case preview2.Tuple:
		to.kind = C.WASMTIME_COMPONENT_TUPLE
		list := of[C.wasmtime_component_vallist_t](to)
		C.wasmtime_component_valtuple_new_uninit(list, C.size_t(len(v)))
		x.giveAll(list, v)
	case preview2.Record:
		to.kind = C.WASMTIME_COMPONENT_RECORD
		record := of[C.wasmtime_component_valrecord_t](to)
		C.wasmtime_component_valrecord_new_uninit(record, C.size_t(len(v)))
		for i, f := range v {
			e := &unsafe.Slice(record.data, len(v))[i]
			setText(&e.name, f.Name)
			x.give(&e.val, f.Value)
		}
	case preview2.Variant:
		to.kind = C.WASMTIME_COMPONENT_VARIANT
		variant := of[C.wasmtime_component_valvariant_t](to)
		setText(&variant.discriminant, v.Case)
		variant.val = x.giveIf(v.Value)
	case preview2.Option:
		to.kind = C.WASMTIME_COMPONENT_OPTION
		*of[*C.wasmtime_component_val_t](to) = x.giveIf(v.Value)
	case preview2.Result:
		to.kind = C.WASMTIME_COMPONENT_RESULT
		result := of[C.wasmtime_component_valresult_t](to)
		result.is_ok, result.val = C.bool(!v.Err), x.giveIf(v.Value)
	case preview2.Flags:
		to.kind = C.WASMTIME_COMPONENT_FLAGS
		flags := of[C.wasmtime_component_valflags_t](to)
		C.wasmtime_component_valflags_new_uninit(flags, C.size_t(len(v)))
		for i, name := range v {
			setText(&unsafe.Slice(flags.data, len(v))[i], name)
		}
	case preview2.Resource:
		host := C.wasmtime_component_resource_host_new(true, C.uint32_t(v.Rep), C.uint32_t(v.Type))
		defer C.wasmtime_component_resource_host_delete(host)
		if err := C.wasmtime_component_resource_host_to_any(x.ctx, host, of[*C.wasmtime_component_resource_any_t](to)); err != nil {
			C.wasmtime_error_delete(err)
			x.give(to, false)
			x.failed = true
			return
		}
		to.kind = C.WASMTIME_COMPONENT_RESOURCE
	default:
		x.give(to, false)
		x.failed = true
	}
}

// giveIf makes a value of its own, or none of nil.
func (x *exchange) giveIf(v preview2.Value) *C.wasmtime_component_val_t {
	if v == nil {
		return nil
	}
	p := (*C.wasmtime_component_val_t)(C.calloc(1, C.sizeof_wasmtime_component_val_t)) // C keeps pointers in it
	defer C.free(unsafe.Pointer(p))
	x.give(p, v)
	return C.wasmtime_component_val_new(p) // moves what is in it
}

func (x *exchange) giveAll(list *C.wasmtime_component_vallist_t, values []preview2.Value) {
	for i, v := range values {
		x.give(&unsafe.Slice(list.data, len(values))[i], v)
	}
}

func text(v C.wasm_byte_vec_t) string { return C.GoStringN(v.data, C.int(v.size)) }

// setText copies a string. Wasmtime ends the process for one that is not UTF-8.
func setText(to *C.wasm_byte_vec_t, s string) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	C.wasm_byte_vec_new(to, C.size_t(len(s)), chars(s))
}
