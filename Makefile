# Targets of this project. Every one runs with Go alone, save those that help says otherwise of.

GO       ?= go
FUZZTIME ?= 5s
# What make build stamps; empty: what the go command records of the commit.
VERSION  ?=

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
EMBEDDER  := testdata/embedder

# What the race detector sees of the conformance suite where a whole run would take too long: cases with much at once.
BUSY := (Concurrent|Streams|Interrupt|Close|Cache)

.DEFAULT_GOAL := help
.PHONY: help build build-static build-runner build-runner-wazero build-runner-wasmtime build-runner-wasmedge build-runner-wasmer install dist test-dist test test-user test-root test-faults test-race test-tags test-wasmtime test-runner test-wasmedge test-wasmer test-native test-validation test-clients test-clients-trixie test-gc test-real test-std vet-all lint generate generate-check api api-check matrix fuzz bench bench-peers deps deps-trixie deps-wasmedge ci

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

build-static: ## build bin/wasmoci with Wasmtime in it, linked statically: it runs in an empty root directory (needs a C compiler)
	CGO_ENABLED=1 $(GO) build -trimpath -tags wasmtime,netgo,osusergo -ldflags "-s -w -linkmode external -extldflags -static -X main.stamp=$(VERSION)" -o bin/wasmoci-static ./examples/wasmoci

build-runner: build-runner-wazero build-runner-wasmtime ## build bin/runner-wazero and, with Wasmtime in it, bin/runner-wasmtime: the processes of containers, static (needs a C compiler)

build-runner-wazero:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/runner-wazero ./examples/runner

build-runner-wasmtime:
	CGO_ENABLED=1 $(GO) build -trimpath -tags wasmtime,netgo,osusergo -ldflags "-s -w -linkmode external -extldflags -static" -o bin/runner-wasmtime ./examples/runner

# Runners of libraries that are not static: they find theirs, and the loader, where containers have them, and nowhere else.
place  := /dev/.wasmoci/.lib
linked := -Wl,--disable-new-dtags -Wl,-rpath,$(place) -Wl,--allow-shlib-undefined -Wl,--dynamic-linker=$(place)/ld.so

build-runner-wasmedge: deps-wasmedge
	lib=$$(dirname "$$PWD"/.cache/wasmedge/usr/lib/*/libwasmedge.so); \
	CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$$PWD/.cache/wasmedge/usr/include" CGO_LDFLAGS="-L$$lib -Wl,-rpath-link,$$lib $(linked)" \
		$(GO) build -trimpath -tags wasmedge,netgo,osusergo -ldflags "-s -w -linkmode external" -o bin/runner-wasmedge ./examples/runner && \
	./.ci/runner-libraries bin/runner-wasmedge bin/lib-wasmedge "$$lib"

build-runner-wasmer:
	lib=$$($(GO) list -m -f '{{.Dir}}' github.com/wasmerio/wasmer-go)/wasmer/packaged/lib/linux-$$($(GO) env GOARCH); \
	CGO_ENABLED=1 $(GO) build -trimpath -tags wasmer,netgo,osusergo -ldflags "-s -w -linkmode external -extldflags '$(linked)'" -o bin/runner-wasmer ./examples/runner && \
	./.ci/runner-libraries bin/runner-wasmer bin/lib-wasmer "$$lib"

build: ## build bin/wasmoci, without engines: they are in runners, which make install installs beside it
	CGO_ENABLED=0 $(GO) build -trimpath -tags apart -ldflags "-s -w -X main.stamp=$(VERSION)" -o bin/wasmoci ./examples/wasmoci

# Where make install puts what it made. RUNNERS are the engines for containers: wazero, and where a C compiler is wasmtime, wasmedge, wasmer.
PREFIX  ?= /usr/local
RUNNERS ?= wazero
libexec := $(DESTDIR)$(PREFIX)/libexec/wasmoci

install: build build-runner-wazero ## install the program, its runners, manual page and completion (PREFIX, DESTDIR, RUNNERS, FORCE=1 for crun-wasm)
	@set -e; for engine in $(RUNNERS); do test -x bin/runner-$$engine || $(MAKE) build-runner-$$engine; done
	install -D -m 755 bin/wasmoci $(DESTDIR)$(PREFIX)/bin/wasmoci
	@mkdir -p $(libexec)
	@# In small writes: the kernel keeps a file in pages as large as what was written, and an idle runner holds whole ones.
	set -e; for engine in $(RUNNERS); do \
		dd if=bin/runner-$$engine of=$(libexec)/.new bs=16k status=none; \
		chmod 755 $(libexec)/.new; \
		rm -rf $(libexec)/lib-$$engine; if test -d bin/lib-$$engine; then cp -r bin/lib-$$engine $(libexec)/; fi; \
		mv $(libexec)/.new $(libexec)/runner-$$engine; done
	install -D -m 644 examples/wasmoci/wasmoci.1 $(DESTDIR)$(PREFIX)/share/man/man1/wasmoci.1
	@mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	bin/wasmoci completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/wasmoci
	@if test -n "$(FORCE)" || ! { test -e $(DESTDIR)$(PREFIX)/bin/crun-wasm || test -L $(DESTDIR)$(PREFIX)/bin/crun-wasm; }; then \
		ln -sfv wasmoci $(DESTDIR)$(PREFIX)/bin/crun-wasm; \
	else echo "$(DESTDIR)$(PREFIX)/bin/crun-wasm is there already: FORCE=1 replaces it"; fi

dist: ## make a release of the commit in dist: archives, Debian packages, checksums, an SBOM (Debian; RUNNERS, VERSION, MAINTAINER)
	rm -rf dist
	RUNNERS="$(if $(filter file,$(origin RUNNERS)),,$(RUNNERS))" VERSION="$(VERSION)" ./.ci/dist dist

test-dist: ## a release is the same wherever it is made, and what it installs runs containers; the guide to it (Linux, as root; needs make deps)
	./.ci/test-dist

test: ## all tests: needs Go only, no root, no native library
	$(GO) test ./...
	cd $(EMBEDDER) && $(GO) test ./...

test-race: ## tests under the race detector: all but those of the conformance suite itself (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race $$($(GO) list ./... | grep -v -e /engine/enginetest -e /engine/subprocess -e /examples/runner)
	CGO_ENABLED=1 $(GO) test -race -run 'Test[^C]|TestConformance/wazero/$(BUSY)' ./engine/subprocess
	CGO_ENABLED=1 $(GO) test -race -run 'TestEnds|TestSignals|TestStreams' ./examples/runner

test-tags: ## an engine's tag without cgo: its own tests fail, and say what they need
	@set -e; for tag in wasmtime wasmedge wasmer; do \
		echo "CGO_ENABLED=0 -tags $$tag"; \
		CGO_ENABLED=0 $(GO) vet -tags $$tag ./...; \
		CGO_ENABLED=0 $(GO) test -tags $$tag . ./engine/all ./internal/house; \
		if out=$$(CGO_ENABLED=0 $(GO) test -tags $$tag -run TestConformance ./engine/$$tag 2>&1); then \
			echo "engine/$$tag passes without cgo"; exit 1; fi; \
		echo "$$out" | grep "CGO_ENABLED=1"; \
	done

# What a native engine's tag changes: the engine's own package, and those that use what engines there are.
tagged = . ./engine/all ./engine/$(1) ./internal/house ./examples/wasmoci
native = CGO_ENABLED=1 $(GO) vet -tags $(1) ./... && \
	CGO_ENABLED=1 $(GO) run $(STATICCHECK) -tags $(1) ./engine/$(1) ./engine/all && \
	CGO_ENABLED=1 $(GO) test -tags $(1) $(call tagged,$(1)) && \
	CGO_ENABLED=1 $(GO) test -tags $(1) -run 'TestConformance/$(1)|TestRandomCancellation/$(1)' ./engine/subprocess && \
	CGO_ENABLED=1 $(GO) test -race -tags $(1) -run 'Test[^C]|TestConformance/(Concurrent|Close|Cache)' ./engine/$(1) && \
	CGO_ENABLED=1 $(GO) test -tags "real $(1)" -count 1 -run TestDifferential ./examples/wasmoci

test-wasmtime: ## Wasmtime, in process and in a child, and forty guests on it and wazero (needs make deps)
	$(call native,wasmtime)
	CGO_ENABLED=1 $(GO) test -tags "real wasmtime" -count 1 -timeout 30m -run TestStd/wasmtime ./examples/wasmoci

test-runner: ## the processes of containers with Wasmtime in them, as make build-runner links them, and the program without engines (Linux, as root; needs make deps)
	CGO_ENABLED=1 $(GO) vet -tags "root wasmtime apart" ./examples/runner ./examples/wasmoci
	CGO_ENABLED=1 $(GO) test -tags "root wasmtime netgo osusergo" -ldflags "-linkmode external -extldflags -static" -count 1 ./examples/runner
	CGO_ENABLED=1 $(GO) test -tags "root wasmtime apart" -count 1 -run 'TestRootContainers|TestRootLarge' ./examples/wasmoci
	$(GO) test -tags apart -count 1 ./examples/wasmoci

# Containers whose runner brings its library along.
containers = CGO_ENABLED=1 $(GO) vet -tags "root $(1)" ./examples/wasmoci && CGO_ENABLED=1 $(GO) test -tags "root $(1)" -count 1 -run TestRootContainers/crun ./examples/wasmoci

test-wasmedge: deps-wasmedge ## the same with WasmEdge and its library, and containers (Linux, as root)
	. .cache/wasmedge/env.sh && $(call native,wasmedge) && $(call containers,wasmedge)

test-wasmer: ## the same with Wasmer
	$(call native,wasmer) && $(call containers,wasmer)

test-native: deps-wasmedge ## the four engines at once, from a program without any of them
	. .cache/wasmedge/env.sh && $(GO) test -tags native -count 1 -run 'TestFour|TestClash' ./examples/engine

test-gc: ## the conformance suite while Go's collector never rests
	GOGC=1 $(GO) test -count 1 -run TestConformance ./engine/wazero

test-user: ## all tests as a user who is not root, also where make runs as root (Linux)
	$(GO) test -exec "$(CURDIR)/.ci/as-user" -skip TestConformanceUnchecked $$($(GO) list ./... | grep -v /internal/sbom) # which reads root's modules

test-root: ## attempts to escape that need root: devices, mounts, no /proc, no openat2, another user; containers (Linux, as root; needs make deps)
	$(GO) vet -tags root ./engine/enginetest ./engine/subprocess ./examples/runner ./examples/wasmoci
	$(GO) test -tags root -count 1 -run TestRoot ./engine/enginetest ./engine/subprocess
	CGO_ENABLED=0 $(GO) test -tags root -count 1 -run TestRoot ./examples/runner
	CGO_ENABLED=0 $(GO) test -tags root -count 1 -run 'TestRootContainers|TestRootLarge' ./examples/wasmoci

test-validation: ## the OCI runtime validation suite: native containers through wasmoci against crun and runc alone (Linux, as root; needs make deps)
	CGO_ENABLED=0 $(GO) test -tags root -count 1 -parallel 8 -timeout 30m -v -run TestRootValidation ./examples/wasmoci

EVERY ?= 8
test-faults: ## containers whose commands are killed at every EVERY-th call that changes something, full disks, damaged files, upgrades (Linux, as root; needs make deps)
	CGO_ENABLED=0 $(GO) test -tags root -count 1 -timeout 40m -v -run TestRootFaults ./examples/wasmoci -every $(EVERY)

test-clients: ## the program under real podman and containerd with crun and runc: commands, pods, escapes, the guides (Linux, as root; needs make deps)
	$(GO) test -tags clients -count 1 -parallel 4 -timeout 30m ./examples/wasmoci/clients

test-clients-trixie: deps-trixie ## the same under Debian trixie's podman, containerd, crun and runc, unpacked
	$(GO) test -tags clients -count 1 -parallel 4 -timeout 30m ./examples/wasmoci/clients -system "$(CURDIR)/.cache/trixie"

test-std: ## the tests of Go's own standard library as guests (minutes)
	$(GO) test -tags real -count 1 -timeout 30m -run TestStd ./examples/wasmoci

test-real: ## programs of Go, C, C++, Rust, CPython and SQLite from bundles, a server under load (needs make deps)
	$(GO) test -tags real -count 1 -run TestReal ./examples/wasmoci

vet-all: ## build and vet everything, tests too, for every platform without cgo
	@for p in $(PLATFORMS); do \
		echo "vet $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./... || exit 1; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./... || exit 1; \
	done

lint: ## formatting, go vet, staticcheck, rules of the house
	@out=$$($(GO) run $(GOFUMPT) -l .); test -z "$$out" || { echo "not formatted, run $(GO) run $(GOFUMPT) -w .:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags real ./examples/wasmoci
	$(GO) vet -tags apart ./examples/wasmoci
	$(GO) vet -tags "clients dist" ./examples/wasmoci/clients
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(STATICCHECK) -tags real ./examples/wasmoci
	$(GO) run $(STATICCHECK) -tags apart ./examples/wasmoci
	$(GO) run $(STATICCHECK) -tags "clients dist" ./examples/wasmoci/clients
	$(GO) test ./internal/house

generate: ## make what is generated: modules of .wat sources, README's matrix, api.txt (needs wat2wasm)
	$(GO) generate ./...
	$(MAKE) matrix api

generate-check: generate ## fail where generating changes a committed file
	git diff --exit-code

matrix: ## write the capability matrix into README.md
	$(GO) test ./internal/house -run TestMatrix -count 1 -update

api: ## record the exported surface in api.txt
	$(GO) run ./internal/apisurface -o api.txt

api-check: ## fail where the exported surface is not the recorded one
	@$(GO) run ./internal/apisurface | diff -u api.txt - || { echo "the exported API changed: run make api, and name the change in CHANGELOG.md"; exit 1; }

fuzz: ## every fuzz target for FUZZTIME
	./.ci/fuzz $(FUZZTIME)

bench: deps-wasmedge ## what is promised about speed, and all engines side by side, as a table of ratios (needs make deps)
	@for engine in wazero wasmtime wasmer; do CGO_ENABLED=1 $(GO) build -tags $$engine -o .cache/engines/$$engine ./examples/engine || exit; done
	@. .cache/wasmedge/env.sh && CGO_ENABLED=1 $(GO) build -tags wasmedge -o .cache/engines/wasmedge ./examples/engine
	CGO_ENABLED=0 $(GO) run ./examples/bench -engines .cache/engines

bench-peers: deps-trixie ## containers against those of Debian trixie's crun with WasmEdge (Linux, as root; needs make deps)
	./.ci/peers

deps: ## install what other targets need beyond Go (Debian, as root)
	./.ci/deps

deps-trixie: ## fetch Debian trixie's podman, containerd, crun and WasmEdge into .cache, for test-clients-trixie and bench-peers (Debian)
	./.ci/deps-trixie

deps-wasmedge: ## fetch libwasmedge into .cache for this repository alone, and say how to build with it (Debian)
	./.ci/deps-wasmedge

CI := lint vet-all test test-user test-root test-faults test-race test-tags test-wasmtime test-runner test-wasmedge test-wasmer test-native test-validation test-clients test-dist test-gc test-real test-std api-check generate-check fuzz bench

ci: ## everything, with a line for each step at the end (needs make deps)
	@result=PASS; lines=; for step in $(CI); do \
		echo "=== $$step"; begin=$$(date +%s); \
		if $(MAKE) --no-print-directory $$step; then verdict=ok; else verdict=FAIL; result=FAIL; fi; \
		lines="$$lines$$verdict\t$$step\t$$(($$(date +%s) - begin))s\n"; \
	done; printf "\n$$lines$$result\n"; test $$result = PASS
