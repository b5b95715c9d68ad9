#!/bin/sh
# Makes program.wasm of program.rs, by rustc with its target wasm32-wasip2, a linker of core modules, and jco, which makes a
# component of one (npm install @bytecodealliance/jco). RUSTC, LINKER and JCO name other programs.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${RUSTC:-rustc}" --edition 2021 --target wasm32-wasip2 -C linker="${LINKER:-wasm-ld}" -C linker-flavor=wasm-ld \
	-C opt-level=z -C lto -C debuginfo=0 -C panic=abort -C link-arg=--strip-debug -o "$dir/program.wasm" program.rs
"${JCO:-jco}" new "$dir/program.wasm" --wasi-command -o program.wasm
sha256sum program.rs program.wasm >digests # so that a test can tell when one was changed without the other
