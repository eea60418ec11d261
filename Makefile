# Everything that is done to this tree. "make help" lists it.

GO      ?= go
# Without a tag, the version is the one in velos.go.
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null | sed 's/^v//')
# Transparent huge pages would triple the daemon's resident memory. With
# adaptive stacks each of up to 64 ended goroutines keeps the 8 KiB that the
# average one needed: 600 KiB after the start of 300 apps. Only this form of
# the settings is honoured without the environment.
LDFLAGS := -s -w -X=runtime.godebugDefault=disablethp=1,adaptivestackstart=0
# The collector of Go 1.26 keeps its marks at the end of each 8 KiB of small
# objects, so that both pages of it are resident: 60 KiB of 1,060 in velosd.
# Where the setting is not known any more, this is empty.
COLLECTOR := $(shell GOEXPERIMENT=nogreenteagc $(GO) env GOEXPERIMENT 2>/dev/null)
ifneq ($(VERSION),)
LDFLAGS += -X=github.com/velospm/velos.Version=$(VERSION)
endif

PREFIX   ?= $(HOME)/.local
FUZZTIME ?= 5s
DEPS     ?= docs/velosd.deps
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.DEFAULT_GOAL := build
.PHONY: build install uninstall demo test test-mcp test-page race vet cross fuzz golden deps ci help

build: ## the programs into bin/
	CGO_ENABLED=0 GOEXPERIMENT=$(COLLECTOR) $(GO) build -trimpath -buildvcs=false -ldflags='$(LDFLAGS)' -o bin/ ./cmd/velosd ./cmd/velos ./cmd/velos-mcp ./cmd/velos-doors

# Completions go where bash, zsh and fish look for them.
install: build ## programs, manual pages and completions under PREFIX (~/.local)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
		"$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	install bin/velos bin/velosd bin/velos-mcp bin/velos-doors "$(DESTDIR)$(PREFIX)/bin"
	bin/velos man --dir "$(DESTDIR)$(PREFIX)/share/man/man1"
	bin/velos completion bash >"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/velos"
	bin/velos completion zsh >"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_velos"
	bin/velos completion fish >"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/velos.fish"

uninstall: ## take away what install has put there; VELOS_HOME stays
	cd "$(DESTDIR)$(PREFIX)" && rm -f bin/velos bin/velosd bin/velos-mcp bin/velos-doors share/man/man1/velos.1 share/man/man1/velos-*.1 \
		share/bash-completion/completions/velos share/zsh/site-functions/_velos share/fish/vendor_completions.d/velos.fish

demo: build ## bring up the examples, crash one, show what Velos says about it
	./examples/demo.sh

# A busy machine may take longer than the usual ten minutes for one package.
test: vet ## every test, with the race detector, in random order
	$(GO) test -race -shuffle=on -timeout=40m ./...

test-mcp: build ## the MCP server against the official suite and SDK, from npm
	./internal/mcp/testdata/peers/run bin

test-page: build ## the page in a real Chromium, driven by puppeteer from npm
	./internal/page/testdata/browser/run bin

race: ## the rooms where goroutines meet, ten times over
	$(GO) test -race -shuffle=on -count=10 ./internal/supervise ./internal/journal ./internal/client ./internal/logs ./internal/poll

vet: ## go vet for this system
	$(GO) vet ./...

cross: ## vet and build for every system
	@set -e; for p in $(PLATFORMS); do echo "$$p"; \
		export CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/}; \
		$(GO) vet ./...; $(GO) build -o /dev/null ./...; \
	done

fuzz: ## each fuzz target for FUZZTIME
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
		for t in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' $$f); do \
			echo "$$(dirname $$f) $$t"; \
			$(GO) test -run='^$$' -fuzz="^$$t\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=10x "$$(dirname $$f)"; \
		done; \
	done

golden: ## rewrite the goldens and the documents made from them: look at the diff
	@set -e; for d in $$(grep -rlE 'flag\.Bool\("update"' --include='*_test.go' . | xargs -rn1 dirname | sort -u); do \
		$(GO) test "$$d" -update; \
	done

# The list is the same wherever it is made: one system, no cgo.
deps: ## write the list of packages that velosd links
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOFLAGS= $(GO) list -deps ./cmd/velosd | LC_ALL=C sort > $(DEPS)

ci: ## what a change must pass
	./.ci/run

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16
