# Two commands matter: `make run` and `make test`. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# A Node.js of our own, where the system's is too old (scripts/install.sh).
export PATH := $(CURDIR)/.deps/node/bin:$(PATH)

SOTTO := $(or $(CARGO_TARGET_DIR),target)/release/sotto
PAGE := web/dist/index.html
PAGE_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/test -prune -o -type f -print)
ARGS ?=
FEATURES ?=

.PHONY: help
help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The key that protects what people said: outside the data folder, so that no copy of that holds both.
KEY_FILE ?= $(or $(XDG_CONFIG_HOME),$(HOME)/.config)/sotto/secret.key

.PHONY: run
run: build ## Installs what is missing, builds, fetches models and starts on http://localhost:8080.
ifeq ($(SECRET_KEYS)$(SECRET_KEY)$(SECRET_KEY_FILE),)
run: export SECRET_KEY_FILE := $(KEY_FILE)
run: $(KEY_FILE)
endif
run:
	@$(SOTTO) models pull || echo 'Some models are not here yet; going on with what is.' >&2
	@exec $(SOTTO) serve $(ARGS)

$(KEY_FILE): | build
	@mkdir -p $(@D) && $(SOTTO) keys new --file $@

.PHONY: test
test: web/node_modules ## Installs what is missing and runs every check and test.
	@scripts/test.sh

.PHONY: build
build: install $(PAGE) ## Builds the program with its page (FEATURES=cuda or metal for a GPU).
	$(if $(filter cuda,$(FEATURES)),scripts/cuda.sh build,cargo build --release --locked $(if $(FEATURES),--features $(FEATURES)))

.PHONY: cuda
cuda: ## Builds it for NVIDIA GPUs; the same program runs where there is none (CUDA_COMPUTE_CAP=90: for one kind).
	@$(MAKE) --no-print-directory build FEATURES=cuda

.PHONY: check-cuda
check-cuda: ## Compiles the GPU kernels and checks the code that uses them; needs no GPU.
	@scripts/cuda.sh check

.PHONY: web
web: $(PAGE) ## Builds the page.

$(PAGE): web/node_modules $(PAGE_SOURCES)
	cd web && npm run --silent build
	@touch $@

web/node_modules: web/package.json web/package-lock.json | install
	cd web && npm ci --silent
	@touch $@

.PHONY: models
models: build ## Fetches the models that this machine needs.
	$(SOTTO) models pull

# The latency bench has options and no parts, so it is not given the names of any.
.PHONY: bench
bench: install $(PAGE) ## Measures stages and whole calls (ARGS picks some: make bench ARGS=latency).
	cargo bench --locked --bench stages -- $(ARGS)
	cargo bench --locked --bench recognition -- $(ARGS)
	cargo bench --locked --bench calls -- $(ARGS)
	$(if $(filter latency,$(or $(ARGS),latency)),cargo bench --locked --bench latency)
	cargo bench --locked --bench vault -- $(ARGS)
	cargo bench --locked --bench history -- $(ARGS)
	cargo bench --locked --bench telemetry -- $(ARGS)
	cargo bench --locked --bench scaling -- $(or $(ARGS),capacity balance)

.PHONY: bench-load
bench-load: install $(PAGE) ## Measures how many calls hold (ARGS: hundred, knee, recognised).
	cargo bench --locked --bench load -- $(ARGS)

.PHONY: counts
counts: ## Counts the instructions of the pure stages anew, when more or fewer are meant (docs/benchmarks.md).
	cargo run --locked --example instructions -- --renew

.PHONY: fmt
fmt: ## Formats the code.
	cargo fmt --all

.PHONY: clean
clean: ## Removes what was built. Models stay.
	cargo clean
	rm -rf web/dist web/node_modules .deps

.PHONY: install
install: ## Installs what is missing, or says what to install.
	@scripts/install.sh $(if $(filter test,$(MAKECMDGOALS)),test,run)
