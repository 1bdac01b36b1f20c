# The commands of this repository. CI runs the same ones.

# Where the real servers and clients that the tests run against are kept.
export SHOREPASS_PEERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/shorepass/peers
export PATH := $(SHOREPASS_PEERS)/bin:$(PATH):/usr/sbin

# Modules of their own, so that the product's go.mod stays lean.
VERIFIERS := internal/e2e/verify/v2_8 internal/e2e/verify/v3_0 internal/e2e/verify/v3_1
MODULES := . examples/quickstart internal/e2e $(VERIFIERS)

# How long each fuzz target runs.
FUZZTIME ?= 20s

.PHONY: demo build test unit e2e check lint bench fuzz golden peers tools

demo: ## the quick start: broker, registry and directory on this machine
	cd examples/quickstart && exec go run .

build: ## the program, static, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/shorepass ./cmd/shorepass

test: peers unit e2e ## every test, against real servers and clients, which it installs

unit: ## the tests that need Go (and a C compiler, for the race detector) alone
	CGO_ENABLED=1 go test -race -shuffle=on ./...

e2e: ## the tests against real servers and clients
	@set -e; for m in $(VERIFIERS) examples/quickstart internal/e2e; do \
		echo "== $$m"; (cd $$m && go test -count=1 -timeout=20m ./...); done

check: lint unit ## what a change must pass before it is proposed

lint: tools ## formatting, vet and golangci-lint, in every module
	@out=$$(gofumpt -l .); test -z "$$out" || { echo "not gofumpt'ed:"; echo "$$out"; exit 1; }
	@set -e; for m in $(MODULES); do \
		echo "== $$m"; (cd $$m && go vet ./... && golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done

bench: peers ## tokens per second beside a floor, and decisions per rule count
	go test -run '^$$' -bench . -benchmem ./policy ./broker/... ./internal/audit
	cd internal/e2e && go test -run '^$$' -bench . -benchmem -timeout=20m ./...

fuzz: ## each fuzz target for FUZZTIME
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

golden: ## writes the golden files anew from what the code does now: read the diff
	go test ./internal/config ./cmd -update
	cd internal/e2e && go test -count=1 . -update

peers: ## installs the servers and clients of the tests
	@./internal/e2e/peers.sh servers

tools: ## installs the tools of lint
	@./internal/e2e/peers.sh tools
