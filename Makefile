# The two commands: `make run` (a working gateway) and `make test` (everything that must hold). `make help` lists the rest.
# Behind them: CMakePresets.json (how it is compiled) and tools/ (one script per job).

JOBS ?= $(shell nproc)
export GOTTHARD_JOBS ?= $(JOBS)

.DEFAULT_GOAL := build
.PHONY: help deps build run test test-unit test-tools test-e2e asan tsan fuzz bench soak format lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install the Debian packages that are missing
	@tools/install-dependencies

build: ## the release binary, at build/gotthard
	@tools/install-dependencies build
	@tools/build release gotthard
	@ln -sfn release/gotthard build/gotthard

run: build ## build and start; brings a small real model when no other is found
	@tools/run

test: deps build ## everything: house rules, unit tests, end-to-end, a short fuzz run (SUITES="..." to choose)
	@SUITES="$(SUITES)" tools/test

test-unit: deps ## unit tests only (dev preset)
	@tools/test unit

test-tools: ## house rules only: who includes whom, sizes
	@tools/test house

test-e2e: deps build ## real clients and a real model against the release binary
	@tools/test e2e

asan: deps ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/test asan

tsan: deps ## unit tests under ThreadSanitizer
	@tools/test tsan

fuzz: deps ## every fuzz target for FUZZ_SECONDS (default 60) each
	@tools/fuzz $${FUZZ_SECONDS:-60}

bench: deps build ## beside nginx on the same core; writes bench/RESULTS.md
	@bench/run

soak: deps build ## 60 seconds of load, reloads, aborts and upstream faults; then everything must be back where it was
	@tools/test soak

format: ## clang-format over all C++ sources
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

lint: deps ## clang-format and clang-tidy as errors
	@tools/lint

clean: ## remove build/ (the local model is kept in ~/.cache/gotthard)
	@rm -rf build
