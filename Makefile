# Everything here is a shortcut: `go build ./...` and `go test ./...` work
# without make.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
ARGS    ?=
FUZZ    ?= 60
TORTURE ?= 60s

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/rowlock and bin/rowperf: static, with the version from git
	$(GOBUILD) -o bin/rowlock ./cmd/rowlock
	$(GOBUILD) -o bin/rowperf ./cmd/rowperf

.PHONY: run
run: build ## build and run the server: make run ARGS='--config FILE'
	bin/rowlock serve $(ARGS)

.PHONY: demo
demo: build ## show it at work in a minute: no root, no database needed; make demo ARGS=--keep
	bin/rowlock demo $(ARGS)

.PHONY: test
test: ## run every test on throw-away databases of all kinds, real clients included (Debian, root)
	.ci/test

.PHONY: bench
bench: ## measure the store, then the server beside Kea and as things grow: 5 minutes (Debian, root)
	.ci/bench short

.PHONY: bench-full
bench-full: ## the same with more cases and medians of 5 runs, into sqlstore/README.md: 40 minutes
	.ci/bench full

.PHONY: torture
torture: ## kill frontends, connections and databases under load, and prove that nothing went wrong, TORTURE=60s on each engine
	.ci/torture $(TORTURE)

.PHONY: fuzz
fuzz: ## fuzz every target, FUZZ=60 seconds in all
	.ci/fuzz $(FUZZ)

.PHONY: gen
gen: ## write what is made from the code and committed: admin/openapi.json, admin/site/schema.json
	go generate ./admin ./admin/site

.PHONY: man
man: build ## write the manual pages into bin/man/man1, the completions into bin/completion
	bin/rowlock man bin/man/man1
	mkdir -p bin/completion
	bin/rowlock completion bash >bin/completion/rowlock.bash
	bin/rowlock completion zsh >bin/completion/_rowlock
	bin/rowlock completion fish >bin/completion/rowlock.fish

.PHONY: dist
dist: ## make an archive for each platform in dist/: programs, manual pages, completions, samples
	.ci/dist

.PHONY: lint
lint: ## run golangci-lint and check the shell scripts' syntax
	.ci/lint
