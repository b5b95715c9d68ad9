package main

//go:generate wat2wasm --debug-names testdata/guests/guest.wat -o testdata/guests/guest.wasm
//go:generate wat2wasm --debug-names testdata/guests/import.wat -o testdata/guests/import.wasm
//go:generate wat2wasm ../bundles/hello/hello.wat -o ../bundles/hello/rootfs/hello.wasm
