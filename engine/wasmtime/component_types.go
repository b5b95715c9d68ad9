//go:build wasmtime && cgo

package wasmtime

// #include "component.h"
import "C"

import (
	"strings"
	"unsafe"

	"github.com/wasmoci/wasmoci/engine"
)

// describe lists what a component imports and exports. The functions and resources of an instance have its name as their Module.
func (l *library) describe(c *C.wasmtime_component_t) (imports, exports []engine.Extern) {
	t := C.wasmtime_component_type(c)
	defer C.wasmtime_component_type_delete(t)
	var name *C.char
	var size C.size_t
	var item C.wasmtime_component_item_t
	for i := range C.wasmtime_component_type_import_count(t, l.engine) {
		if C.wasmtime_component_type_import_nth(t, l.engine, i, &name, &size, &item) {
			imports = append(imports, l.externs(C.GoStringN(name, C.int(size)), &item)...)
			C.wasmtime_component_item_delete(&item)
		}
	}
	for i := range C.wasmtime_component_type_export_count(t, l.engine) {
		if C.wasmtime_component_type_export_nth(t, l.engine, i, &name, &size, &item) {
			exports = append(exports, l.externs(C.GoStringN(name, C.int(size)), &item)...)
			C.wasmtime_component_item_delete(&item)
		}
	}
	return imports, exports
}

// externs are what an import or export of a component stands for: itself, or what an instance has. Types other than resources
// are no more than names.
func (l *library) externs(name string, item *C.wasmtime_component_item_t) []engine.Extern {
	if item.kind != C.WASMTIME_COMPONENT_ITEM_COMPONENT_INSTANCE {
		if kind := kindOf(item); kind != "" {
			return []engine.Extern{{Name: name, Kind: kind, Type: scope{}.typeOf(item)}}
		}
		return nil
	}
	t := (*C.wasmtime_component_instance_type_t)(inside(item))
	n := int(C.wasmtime_component_instance_type_export_count(t, l.engine))
	names := make([]string, n)
	items := make([]C.wasmtime_component_item_t, n)
	resources := scope{}
	for i := range n {
		var p *C.char
		var size C.size_t
		if !C.wasmtime_component_instance_type_export_nth(t, l.engine, C.size_t(i), &p, &size, &items[i]) {
			items[i].kind = noItem
			continue
		}
		defer C.wasmtime_component_item_delete(&items[i])
		names[i] = C.GoStringN(p, C.int(size))
		if items[i].kind == C.WASMTIME_COMPONENT_ITEM_RESOURCE {
			resources[names[i]] = (*C.wasmtime_component_resource_type_t)(inside(&items[i]))
		}
	}
	var list []engine.Extern
	for i := range items {
		if kind := kindOf(&items[i]); kind != "" {
			list = append(list, engine.Extern{Module: name, Name: names[i], Kind: kind, Type: resources.typeOf(&items[i])})
		}
	}
	return list
}

const noItem = 255

// kindOf is the [engine.Extern]'s; "" for a type and for what is not there.
func kindOf(item *C.wasmtime_component_item_t) string {
	switch item.kind {
	case C.WASMTIME_COMPONENT_ITEM_COMPONENT:
		return "component"
	case C.WASMTIME_COMPONENT_ITEM_COMPONENT_INSTANCE:
		return "instance"
	case C.WASMTIME_COMPONENT_ITEM_MODULE:
		return "module"
	case C.WASMTIME_COMPONENT_ITEM_COMPONENT_FUNC:
		return "func"
	case C.WASMTIME_COMPONENT_ITEM_RESOURCE:
		return "resource"
	case C.WASMTIME_COMPONENT_ITEM_CORE_FUNC:
		return "core func"
	}
	return ""
}

// inside is what an item that is no type points to.
func inside(item *C.wasmtime_component_item_t) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&item.of))
}

// scope are the resource types of an instance by name.
type scope map[string]*C.wasmtime_component_resource_type_t

// typeOf is a function's type as [preview2.Func] has it, and "" for anything else.
func (s scope) typeOf(item *C.wasmtime_component_item_t) string {
	if item.kind != C.WASMTIME_COMPONENT_ITEM_COMPONENT_FUNC {
		return ""
	}
	f := (*C.wasmtime_component_func_type_t)(inside(item))
	var b strings.Builder
	if C.wasmtime_component_func_type_async(f) {
		b.WriteString("async ")
	}
	b.WriteByte('(')
	var p *C.char
	var size C.size_t
	for i := range C.wasmtime_component_func_type_param_count(f) {
		if i > 0 {
			b.WriteString(", ")
		}
		var t C.wasmtime_component_valtype_t
		b.WriteString(s.known(bool(C.wasmtime_component_func_type_param_nth(f, i, &p, &size, &t)), &t))
	}
	b.WriteString(") -> ")
	var t C.wasmtime_component_valtype_t
	if C.wasmtime_component_func_type_result(f, &t) {
		b.WriteString(s.name(&t))
	} else {
		b.WriteString("()")
	}
	return b.String()
}

// primitives are the types that have no more than a kind, by it.
var primitives = [...]string{"bool", "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64", "f32", "f64", "char", "string"}

// known is name for a type that is there; where none is, it is one that the host never has.
func (s scope) known(there bool, t *C.wasmtime_component_valtype_t) string {
	if !there {
		return "?"
	}
	return s.name(t)
}

// name writes a type out, and frees it.
func (s scope) name(t *C.wasmtime_component_valtype_t) string {
	defer C.wasmtime_component_valtype_delete(t)
	if int(t.kind) < len(primitives) {
		return primitives[t.kind]
	}
	var p *C.char
	var size C.size_t
	var inner C.wasmtime_component_valtype_t
	list := func(n C.size_t, nth func(i C.size_t) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(nth(i))
		}
		return b.String()
	}
	switch t.kind {
	case C.WASMTIME_COMPONENT_VALTYPE_LIST:
		C.wasmtime_component_list_type_element(t.of, &inner)
		return "list<" + s.name(&inner) + ">"
	case C.WASMTIME_COMPONENT_VALTYPE_RECORD:
		return "record{" + list(C.wasmtime_component_record_type_field_count(t.of), func(i C.size_t) string {
			there := bool(C.wasmtime_component_record_type_field_nth(t.of, i, &p, &size, &inner))
			return C.GoStringN(p, C.int(size)) + ": " + s.known(there, &inner)
		}) + "}"
	case C.WASMTIME_COMPONENT_VALTYPE_TUPLE:
		return "tuple<" + list(C.wasmtime_component_tuple_type_types_count(t.of), func(i C.size_t) string {
			return s.known(bool(C.wasmtime_component_tuple_type_types_nth(t.of, i, &inner)), &inner)
		}) + ">"
	case C.WASMTIME_COMPONENT_VALTYPE_VARIANT:
		return "variant{" + list(C.wasmtime_component_variant_type_case_count(t.of), func(i C.size_t) string {
			var payload C.bool
			there := bool(C.wasmtime_component_variant_type_case_nth(t.of, i, &p, &size, &payload, &inner))
			name := C.GoStringN(p, C.int(size))
			if payload {
				name += "(" + s.known(there, &inner) + ")"
			}
			return name
		}) + "}"
	case C.WASMTIME_COMPONENT_VALTYPE_ENUM:
		return "enum{" + list(C.wasmtime_component_enum_type_names_count(t.of), func(i C.size_t) string {
			C.wasmtime_component_enum_type_names_nth(t.of, i, &p, &size)
			return C.GoStringN(p, C.int(size))
		}) + "}"
	case C.WASMTIME_COMPONENT_VALTYPE_FLAGS:
		return "flags{" + list(C.wasmtime_component_flags_type_names_count(t.of), func(i C.size_t) string {
			C.wasmtime_component_flags_type_names_nth(t.of, i, &p, &size)
			return C.GoStringN(p, C.int(size))
		}) + "}"
	case C.WASMTIME_COMPONENT_VALTYPE_OPTION:
		C.wasmtime_component_option_type_ty(t.of, &inner)
		return "option<" + s.name(&inner) + ">"
	case C.WASMTIME_COMPONENT_VALTYPE_RESULT:
		ok, failure := "", ""
		if C.wasmtime_component_result_type_ok(t.of, &inner) {
			ok = s.name(&inner)
		}
		if C.wasmtime_component_result_type_err(t.of, &inner) {
			failure = s.name(&inner)
		}
		switch {
		case ok == "" && failure == "":
			return "result"
		case failure == "":
			return "result<" + ok + ">"
		case ok == "":
			return "result<_, " + failure + ">"
		}
		return "result<" + ok + ", " + failure + ">"
	case C.WASMTIME_COMPONENT_VALTYPE_OWN:
		return "own<" + s.resource(t.of) + ">"
	case C.WASMTIME_COMPONENT_VALTYPE_BORROW:
		return "borrow<" + s.resource(t.of) + ">"
	}
	return "?" // a future, a stream, an error context or a map
}

// resource is the name that the instance has for a resource type.
func (s scope) resource(t unsafe.Pointer) string {
	for name, r := range s {
		if C.wasmtime_component_resource_type_equal(r, (*C.wasmtime_component_resource_type_t)(t)) {
			return name
		}
	}
	return "?"
}
