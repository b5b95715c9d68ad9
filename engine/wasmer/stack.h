// The stack of a guest: a mapping of its own, whose end is a trap wherever a guest meets it.

#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	char *mapped;
	uintptr_t limit; // what is below is for the end of a guest
	void *outside;   // where the stack is that the guest was called on
} wasmoci_wasmer_stack;

// wasmoci_wasmer_open_stacks makes the process ready for what is below, and must come before it. It may be called often. It
// returns NULL, or why it cannot be done.
extern const char *wasmoci_wasmer_open_stacks(void);

// wasmoci_wasmer_new_stack returns NULL, or why there is no stack.
extern const char *wasmoci_wasmer_new_stack(wasmoci_wasmer_stack *);
extern void wasmoci_wasmer_free_stack(wasmoci_wasmer_stack *);

// wasmoci_wasmer_enter calls a function on the stack.
extern void wasmoci_wasmer_enter(wasmoci_wasmer_stack *, void (*)(void *), void *);

// wasmoci_wasmer_leave, on the stack, calls a function on the one that was entered from. It returns false and does not where the
// guest has too little left of its own: then it must end.
extern bool wasmoci_wasmer_leave(wasmoci_wasmer_stack *, void (*)(void *), void *);
