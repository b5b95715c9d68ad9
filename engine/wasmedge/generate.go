package wasmedge

//go:generate wat2wasm --enable-tail-call --debug-names testdata/control.wat -o testdata/control.wasm
//go:generate wat2wasm --enable-tail-call --debug-names testdata/stack.wat -o testdata/stack.wasm
