# The commands of this repository. CI runs the same ones.

# Where the real servers and clients that the tests run against are kept: the same
# place as in peers.sh, which says what is wrong with it where something is.
cache := $(or $(XDG_CACHE_HOME),$(if $(HOME),$(HOME)/.cache))
override SHOREPASS_PEERS := $(or $(SHOREPASS_PEERS),$(if $(cache),$(cache)/shorepass/peers))
export SHOREPASS_PEERS
# Go's own installer puts it where sudo's PATH does not lead.
export PATH := $(SHOREPASS_PEERS)/bin:$(PATH):/usr/sbin:/usr/local/go/bin

# Modules of their own, so that the product's go.mod stays lean.
VERIFIERS := internal/e2e/verify/v2_8 internal/e2e/verify/v3_0 internal/e2e/verify/v3_1
MODULES := . examples/quickstart examples/custom-connector internal/e2e $(VERIFIERS)

# How long each fuzz target runs.
FUZZTIME ?= 20s

# The first port of the lab, and its folder: labs at other ports have others.
PORT ?= 5020
LAB := data/lab$(if $(filter-out 5020,$(PORT)),-$(PORT))

# What an image is stamped with.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)

# How often "make bench" measures the broker and its floors, one after the other.
ROUNDS ?= 30

.PHONY: demo lab build image test quick unit e2e check lint bench microbench fuzz golden peers tools needs-go
.NOTPARALLEL:

demo: needs-go ## the quick start: broker, registry and directory on this machine
	@echo "Building the demo (the first time takes two minutes)"
	@cd examples/quickstart && mkdir -p -m 700 data && CGO_ENABLED=0 go build -trimpath -o data/quickstart . && exec data/quickstart -dir .

lab: needs-go ## broker, registry and slapd for those who work on Shorepass; PORT=6020 is another, beside it
	@./internal/e2e/peers.sh lab
	@go -C internal/e2e build -o ../../bin/lab ./lab
	@exec bin/lab -root . -dir $(LAB) -port $(PORT)

build: needs-go ## the program, static, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/shorepass ./cmd/shorepass

image: ## the container image, called shorepass
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t shorepass .

test: quick peers unit e2e ## every test, against real servers and clients, which it installs

quick: needs-go ## what fails within a minute if it fails: before anything is installed
	CGO_ENABLED=0 go vet ./...
	CGO_ENABLED=0 go test ./internal/arch

unit: needs-go ## the tests that need Go (and a C compiler, for the race detector) alone
	@# Compiled first, so that what meets a deadline does not compete with a compiler.
	@CGO_ENABLED=1 go test -race -run '^$$' ./... >/dev/null
	CGO_ENABLED=1 go test -race -shuffle=on -timeout=10m ./...

e2e: needs-go ## the tests against real servers and clients
	@set -e; for m in $(VERIFIERS) examples/quickstart examples/custom-connector internal/e2e; do \
		echo "== $$m"; (cd $$m && go test -count=1 -timeout=30m ./...); done

check: lint unit ## what a change must pass before it is proposed

lint: tools ## formatting, vet and golangci-lint, in every module
	@out=$$(gofumpt -l .); test -z "$$out" || { echo "not gofumpt'ed:"; echo "$$out"; exit 1; }
	@set -e; for m in $(MODULES); do \
		echo "== $$m"; (cd $$m && go vet ./... && golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done

bench: peers ## every figure of docs/performance.md beside its floor; UPDATE=1 writes them there; on a machine that does nothing else
	cd internal/e2e && SHOREPASS_BENCH_UPDATE=$(UPDATE) go test -run '^$$' -bench . -benchtime $(ROUNDS)x -timeout=30m ./bench

microbench: needs-go ## the benchmarks of each package, with their allocations
	go test -run '^$$' -bench . -benchmem ./...

fuzz: needs-go ## each fuzz target for FUZZTIME
	@set -e; packages=$$(go list ./...); for p in $$packages; do \
		list=$$(go test -list '^Fuzz' $$p) || { echo "$$list"; exit 1; }; \
		for f in $$(echo "$$list" | sed -n '/^Fuzz/p'); do \
			echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$p; done; done

golden: peers ## writes the golden files anew from what the code does now: read the diff
	go test ./internal/config ./cmd ./broker/server -update
	cd internal/e2e && go test -count=1 -timeout=30m . -update

peers: ## installs the servers and clients of the tests
	@./internal/e2e/peers.sh servers

tools: ## installs the tools of lint
	@./internal/e2e/peers.sh tools

needs-go:
	@command -v go >/dev/null || { echo "Go is missing: install it (https://go.dev/dl; go.mod says which version), then try again"; exit 1; }
