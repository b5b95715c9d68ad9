#!/bin/sh
# Makes the components beside this script: crab.wasm of crab.rs, by rustc with its target wasm32-wasip1 (before Rust 1.84 it is
# called wasm32-wasi) and the adapter from preview 1 to WASI 0.2 that jco brings (npm install @bytecodealliance/jco). JCO and
# RUSTC name other programs, TARGET the target.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${RUSTC:-rustc}" --edition 2021 --target "${TARGET:-wasm32-wasip1}" -C opt-level=z -C lto -C strip=symbols -C panic=abort \
	-C link-arg=--export=cabi_realloc -o "$dir/crab.wasm" crab.rs
"${JCO:-jco}" new "$dir/crab.wasm" --wasi-command -o crab.wasm
sha256sum crab.rs crab.wasm >digests # so that a test can tell when one was changed without the other
