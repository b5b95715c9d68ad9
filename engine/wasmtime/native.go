//go:build wasmtime && cgo

package wasmtime

// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"context"
	"math"
	"runtime/cgo"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	_ "github.com/bytecodealliance/wasmtime-go/v44" // links Wasmtime's library

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// version is that of the library, for which native.h is made; a test compares it with go.mod.
const version = "44.0.0"

// library is an engine of Wasmtime's. It is used concurrently.
type library struct {
	engine *C.wasm_engine_t
	epochs bool // guests can be interrupted

	linking sync.Mutex
	linker  *C.wasmtime_linker_t // has the functions that modules have imported so far: to define one takes a while
	defined map[int]bool         // as indices into [preview1.Table]
}

// newLibrary makes an engine with the features of WebAssembly that Wasmtime has on by default: those that it calls finished.
func newLibrary(epochs bool) *library {
	config := C.wasm_config_new() // the engine takes it over
	C.wasmtime_config_epoch_interruption_set(config, C.bool(epochs))
	C.wasmtime_config_async_stack_size_set(config, stackSize+headroom) // not used, but it has to be the larger one
	C.wasmtime_config_max_wasm_stack_set(config, stackSize)
	l := &library{engine: C.wasm_engine_new_with_config(config), epochs: epochs, defined: make(map[int]bool)}
	l.linker = C.wasmtime_linker_new(l.engine)
	return l
}

func (l *library) close() {
	C.wasmtime_linker_delete(l.linker)
	C.wasm_engine_delete(l.engine)
}

// assemble translates the text format.
func assemble(text []byte) ([]byte, error) {
	var out C.wasm_byte_vec_t
	if err := C.wasmtime_wat2wasm((*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text)), &out); err != nil {
		return nil, failed(err, nil)
	}
	defer C.wasm_byte_vec_delete(&out)
	return copied(out), nil
}

// compiled is a module of Wasmtime's with its imports resolved. It is used concurrently.
type compiled struct {
	module *C.wasmtime_module_t
	pre    *C.wasmtime_instance_pre_t
}

// compile compiles a module that imports these functions of [preview1.Table].
func (l *library) compile(binary []byte, imports []int) (*compiled, error) {
	var module *C.wasmtime_module_t
	if err := C.wasmtime_module_new(l.engine, bytesOf(binary), C.size_t(len(binary)), &module); err != nil {
		return nil, failed(err, nil)
	}
	return l.link(module, imports)
}

// deserialize makes a module of the file that has what serialize wrote, which is trusted. It stays mapped, whatever becomes of its name.
func (l *library) deserialize(path string, imports []int) (*compiled, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var module *C.wasmtime_module_t
	if err := C.wasmtime_module_deserialize_file(l.engine, name, &module); err != nil {
		return nil, failed(err, nil)
	}
	return l.link(module, imports)
}

// serialize hands the machine code to use, which must not keep it.
func (c *compiled) serialize(use func(code []byte) error) error {
	var out C.wasm_byte_vec_t
	if err := C.wasmtime_module_serialize(c.module, &out); err != nil {
		return failed(err, nil)
	}
	defer C.wasm_byte_vec_delete(&out)
	return use(unsafe.Slice((*byte)(unsafe.Pointer(out.data)), int(out.size)))
}

// link resolves imports, once for all instances. Nil are those that the host does not provide, of a module that is never run.
func (l *library) link(module *C.wasmtime_module_t, imports []int) (*compiled, error) {
	c := &compiled{module: module}
	if imports == nil {
		return c, nil
	}
	l.linking.Lock()
	defer l.linking.Unlock()
	for _, i := range imports {
		if l.defined[i] {
			continue
		}
		if err := define(l.linker, i); err != nil {
			c.close()
			return nil, err
		}
		l.defined[i] = true
	}
	if err := C.wasmtime_linker_instantiate_pre(l.linker, module, &c.pre); err != nil {
		c.close()
		return nil, failed(err, nil)
	}
	return c, nil
}

func define(linker *C.wasmtime_linker_t, i int) error {
	f := preview1.Table()[i]
	var params, results C.wasm_valtype_vec_t
	C.wasm_valtype_vec_new_uninitialized(&params, C.size_t(len(f.Params)))
	wide := 0
	types := unsafe.Slice(params.data, len(f.Params))
	for k := range types {
		kind := C.uint8_t(C.WASM_I32)
		if f.Params[k] == 'I' {
			kind = C.WASM_I64
			wide |= 1 << k
		}
		types[k] = C.wasm_valtype_new(kind)
	}
	if f.Result {
		C.wasm_valtype_vec_new_uninitialized(&results, 1)
		*results.data = C.wasm_valtype_new(C.WASM_I32)
	} else {
		C.wasm_valtype_vec_new_uninitialized(&results, 0)
	}
	kind := C.wasm_functype_new(&params, &results) // takes both over
	defer C.wasm_functype_delete(kind)
	if err := C.wasmoci_define(linker, chars(f.Module), C.size_t(len(f.Module)), chars(f.Name), C.size_t(len(f.Name)), kind,
		C.uint32_t(i), C.uint32_t(len(f.Params)), C.uint32_t(wide), C.bool(f.Result)); err != nil {
		return failed(err, nil)
	}
	return nil
}

func (c *compiled) close() {
	if c.pre != nil {
		C.wasmtime_instance_pre_delete(c.pre)
	}
	C.wasmtime_module_delete(c.module)
}

// run runs the module on the calling thread, which must be one with a large stack.
func (l *library) run(ctx context.Context, c *compiled, r *core.Run, b bounds, d demand) error {
	return l.guarded(ctx, r, b, d, 1, func(r *core.Run, store *C.wasmtime_store_t, guest *C.guest_t) error {
		return l.call(c, r, store, guest)
	})
}

// guarded calls what runs a guest with a store of its own that has its bounds, of so many core instances, and ends it with ctx.
func (l *library) guarded(ctx context.Context, r *core.Run, b bounds, d demand, instances int,
	call func(r *core.Run, store *C.wasmtime_store_t, guest *C.guest_t) error,
) error {
	n := number(r)
	defer release(n)
	guest := (*C.guest_t)(C.calloc(1, C.sizeof_guest_t))
	defer C.free(unsafe.Pointer(guest))
	guest.run = C.size_t(n)
	store := C.wasmoci_new_store(l.engine, guest, C.bool(l.epochs))
	defer C.wasmtime_store_delete(store)
	memory := C.int64_t(4 << 30) // what wasi.Limits promises for none, also to a memory with addresses of 64 bits
	if b.memory != 0 || r.MemoryLimit != 0 {
		memory = C.int64_t(b.memory)
	}
	C.wasmtime_store_limiter(store, memory, C.int64_t(b.elements), C.int64_t(instances), C.int64_t(d.tables), C.int64_t(d.memories))
	if ctx.Done() != nil {
		over, stopped := make(chan struct{}), make(chan struct{})
		cancel := context.AfterFunc(ctx, func() {
			defer close(stopped)
			l.stop(guest, over)
		})
		defer func() {
			close(over)
			if !cancel() {
				<-stopped // it uses the guest
			}
		}()
	}
	return call(r, store, guest)
}

// stop ends a guest. Epochs are the engine's, so every other guest looks up and goes on; one that has looked just before its context
// ended sets its next deadline after this epoch, which is why there is a second one, and more, until it is over.
func (l *library) stop(guest *C.guest_t, over <-chan struct{}) {
	const most = 50 * time.Millisecond
	for wait := time.Millisecond; ; wait = min(2*wait, most) {
		C.wasmoci_stop(l.engine, guest)
		timer := time.NewTimer(wait)
		select {
		case <-over:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// call instantiates the module, which runs its start function, and calls the entrypoint.
func (l *library) call(c *compiled, r *core.Run, store *C.wasmtime_store_t, guest *C.guest_t) error {
	var instance C.wasmtime_instance_t
	var trap *C.wasm_trap_t
	ctx := C.wasmtime_store_context(store)
	ended := func(err *C.wasmtime_error_t) error {
		if guest.has_memory {
			r.Resized(uint64(C.wasmtime_memory_data_size(ctx, &guest.memory)))
		}
		failure := failed(err, trap)
		if guest.stopped {
			return core.ErrStopped
		}
		return failure
	}
	if err := C.wasmtime_instance_pre_instantiate(c.pre, ctx, &instance, &trap); err != nil || trap != nil {
		return ended(err)
	}
	C.wasmoci_find_memory(ctx, &instance, guest)
	if guest.has_memory {
		r.Resized(uint64(C.wasmtime_memory_data_size(ctx, &guest.memory)))
	}
	r.Begin()
	if r.Initialize {
		name := engine.InitializeFunction
		if err := C.wasmoci_call(ctx, &instance, chars(name), C.size_t(len(name)), &trap); err != nil || trap != nil {
			return ended(err)
		}
	}
	return ended(C.wasmoci_call(ctx, &instance, chars(r.Entrypoint), C.size_t(len(r.Entrypoint)), &trap))
}

// wasmociWasmtimeCall is every call of every guest of its host.
//
//export wasmociWasmtimeCall
func wasmociWasmtimeCall(n C.size_t, index C.uint32_t, memory *C.uint8_t, size C.size_t, args *C.uint64_t) C.uint32_t {
	r := runOf(int(n))
	r.Resized(uint64(size))
	f := &preview1.Table()[index]
	return C.uint32_t(r.Host.Call(int(index), unsafe.Slice((*byte)(memory), int(size)), unsafe.Slice((*uint64)(args), len(f.Params))))
}

// stackRoom is how many bytes of stack the calling thread has left.
func stackRoom() int { return int(min(C.wasmoci_stack_room(), math.MaxInt)) }

// startThread starts a thread with a stack of that many bytes, whose goroutine runs the function in handle and then ends, and the
// thread with it. The handle is the thread's.
func startThread(stack int, handle cgo.Handle) error {
	if errno := C.wasmoci_start_thread(C.size_t(stack), C.size_t(handle)); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// wasmociWasmtimeThread is the life of a thread.
//
//export wasmociWasmtimeThread
func wasmociWasmtimeThread(thread C.size_t) {
	handle := cgo.Handle(thread)
	serve := handle.Value().(func())
	handle.Delete()
	serve()
}

// failed copies an error or a trap of Wasmtime's, of which one at most is there, and frees it. It is nil without one.
func failed(err *C.wasmtime_error_t, trap *C.wasm_trap_t) error {
	var message C.wasm_byte_vec_t
	var trace C.wasm_frame_vec_t
	f := failure{code: -1}
	switch {
	case err != nil:
		C.wasmtime_error_message(err, &message)
		C.wasmtime_error_wasm_trace(err, &trace)
		defer C.wasmtime_error_delete(err)
	case trap != nil:
		f.trap = true
		var code C.uint8_t
		if C.wasmtime_trap_code(trap, &code) {
			f.code = int(code)
		}
		C.wasm_trap_message(trap, &message)
		C.wasm_trap_trace(trap, &trace)
		defer C.wasm_trap_delete(trap)
	default:
		return nil
	}
	defer C.wasm_byte_vec_delete(&message)
	defer C.wasm_frame_vec_delete(&trace)
	f.message = strings.TrimSuffix(string(copied(message)), "\x00") // a trap's has one
	for _, at := range unsafe.Slice(trace.data, int(trace.size)) {
		one := frame{index: uint32(C.wasm_frame_func_index(at)), offset: uint64(C.wasm_frame_module_offset(at))}
		if name := C.wasmtime_frame_func_name(at); name != nil {
			one.function = string(copied(*name))
		}
		f.trace = append(f.trace, one)
	}
	return f.err()
}

func copied(v C.wasm_byte_vec_t) []byte { return C.GoBytes(unsafe.Pointer(v.data), C.int(v.size)) }

// bytesOf and chars lend Go's memory to one call of C, which keeps nothing of it.
func bytesOf(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }

func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }
