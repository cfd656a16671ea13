# Everything that is done to this tree by hand, in the CI and by newcomers.
# Results go to .build/, what the local runner keeps to .local/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:

BUILD := .build
BIN := $(BUILD)/bin
STAMP := $(BUILD)/stamp
VENV := $(BUILD)/venv

LINT_VERSION := v2.14.0
SAM_VERSION := 1.170.0
CFN_LINT_VERSION := 1.58.0
# An AWS account on this machine; it wants another botocore than SAM does.
EMULATOR_VERSION := 1.5.33
TRANSLATOR_VERSION := 1.115.0
EMULATOR := $(BUILD)/emulator

# The table engine that `run` and the tests use: dynoxide or dynamodb-local.
ENGINE ?= dynoxide
export ENGINE
export SAM_CLI_TELEMETRY := 0

# Which packages test, race and bench look at.
PKGS ?= ./...
BENCH ?= .
FUZZTIME ?= 20s
ARCHS ?= arm64 amd64

# How every function is built that is deployed, or run as if it were: what comes of a
# commit depends on its sources alone, not on the folder, the machine or git.
LAMBDA_FLAGS := -trimpath -buildvcs=false -tags=lambda.norpc '-ldflags=-s -w'
LAMBDA_ENV := CGO_ENABLED=0 GOFLAGS="$(LAMBDA_FLAGS)"

# ---------------------------------------------------------------- people

.PHONY: help
help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup runner ## Run everything on this machine: API, WebSocket, tables, console
	@exec $(BIN)/rapport

.PHONY: dev
dev: setup runner ## Like run, and build and start again when a source file changes
	@exec bash infra/dev.sh

.PHONY: seed
seed: need-go ## Put a few people, meetings and notes into the runner that is running
	@go run ./infra/seed

# ---------------------------------------------------------------- setup

.PHONY: setup
setup: need-go engine console ## Fetch and build what run and test need; quick when nothing changed

.PHONY: engine
engine: engine-$(ENGINE)

# npm writes node_modules/.package-lock.json when it is done.
%/node_modules/.package-lock.json: %/package-lock.json
	@$(MAKE) need-node
	npm ci --prefix $* --loglevel=error
	@touch $@

# The first engine is a binary inside an npm package; DYNAMODB_ENDPOINT names
# one that already runs, and then none is needed.
.PHONY: engine-dynoxide engine-dynamodb-local
engine-dynoxide: $(if $(DYNAMODB_ENDPOINT),,infra/engine/node_modules/.package-lock.json)
engine-dynamodb-local: $(if $(DYNAMODB_ENDPOINT),,$(STAMP)/engine-dynamodb-local)

engine-%:
	@echo "ENGINE is dynoxide or dynamodb-local, not $*" >&2; exit 1

$(STAMP)/engine-dynamodb-local: infra/engine/pom.xml | $(STAMP)
	@$(MAKE) need-java
	mvn -q -B dependency:copy-dependencies -f infra/engine/pom.xml -DoutputDirectory=$(CURDIR)/$(BUILD)/dynamodb-local
	@touch $@

.PHONY: web
web: web/node_modules/.package-lock.json ## Install the dependencies of the TypeScript client and the console

# A second implementation of operations, for the tests of shared/core/ot.
.PHONY: oracle
oracle: infra/oracle/node_modules/.package-lock.json

WEB_SOURCES := $(shell find web/client/src web/console -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test/*' -not -path '*/.vitest/*')

.PHONY: console
console: web/console/dist/index.html

web/console/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	npm run build --prefix web -w console --silent
	@touch $@

.PHONY: runner
runner: need-go
	@go build -o $(BIN)/rapport ./infra/local

$(STAMP):
	@mkdir -p $@ $(BIN)

# ---------------------------------------------------------------- tests

.PHONY: test
test: setup oracle ## All tests: Go on the real engine, TypeScript, and the browser where there is one
	go vet ./...
	go test $(PKGS)
	@$(MAKE) typecheck
	npm test --prefix web --silent
	@$(MAKE) e2e

.PHONY: typecheck
typecheck: web ## The TypeScript compiler over the client and the console
	npm run typecheck --prefix web --silent

.PHONY: race
race: setup oracle ## The Go tests with the race detector (PKGS=./shared/core/log/... for some)
	@command -v gcc >/dev/null || { echo "race: the race detector needs a C compiler (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }
	CGO_ENABLED=1 go test -race $(PKGS)

CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || true)
export CHROMIUM

.PHONY: e2e
e2e: export RUNNER = $(CURDIR)/$(BIN)/rapport
e2e: setup runner ## The client, and windows in Chromium, on the real runner: two, four and more write together (FULL=1: for a minute)
	npm run e2e --prefix web -w @rapport/client --silent
	@if [ -z "$(CHROMIUM)" ]; then echo "e2e: skipped, no Chromium (Debian: apt-get install chromium; or set CHROMIUM to its path)"; \
	else npm run e2e --prefix web -w console --silent; fi

.PHONY: prove-notes
prove-notes: export RUNNER = $(CURDIR)/$(BIN)/rapport
prove-notes: setup runner ## Leave the page after the last letter, 50 times in each way, in a short and a long text; rewrites docs/reports/leave-page.md
	@[ -n "$(CHROMIUM)" ] || { echo "prove-notes: no Chromium (Debian: apt-get install chromium; or set CHROMIUM to its path)" >&2; exit 1; }
	RUNS=50 KEYS=300 REPORT=$(CURDIR)/docs/reports/leave-page.md npm run prove-notes --prefix web -w console --silent

.PHONY: fuzz
fuzz: need-go ## Run every fuzz target for FUZZTIME (20s)
	@grep -rlE '^func Fuzz' --include='*_test.go' shared functions infra 2>/dev/null | while read -r file; do \
	  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$$file" | sed 's/^func //' | while read -r target; do \
	    echo "== $$(dirname "$$file") $$target"; \
	    go test "./$$(dirname "$$file")" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
	  done || exit 1; \
	done

.PHONY: bench
bench: setup ## Benchmarks (PKGS=./shared/core/ot BENCH=Transform for some)
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(PKGS)

# ---------------------------------------------------------------- load

# SECONDS is a clock to bash, so it goes under another name.
LOAD = LOAD_SECONDS=$(SECONDS) $(BIN)/load

.PHONY: load
load: setup runner driver ## Drive a runner as the objective says, and report (MEETINGS= CLIENTS= RATE= SECONDS= MODE= URL= …; docs/load.md)
	@$(LOAD)

.PHONY: load-small
load-small: SECONDS = 10
load-small: setup runner driver ## The same for half a minute, with few people: correctness alone decides
	@SLO=report RAMP=3s HEARTBEATS=5s MEETINGS=10 CLIENTS=3 RATE=10 TRANSCRIPTS=5 QUERIES=5 TEXTS=5 $(LOAD)

.PHONY: driver
driver: need-go
	@go build -o $(BIN)/load ./infra/load

# ---------------------------------------------------------------- checks

.PHONY: check
check: parity shell templates lint ## Parity, import directions, generated files, policies, modules, templates, scripts, lint

.PHONY: parity
parity: setup
	go test ./infra/check/... ./infra/codegen/...
	go mod tidy -diff
	@go run ./infra/codegen -check

.PHONY: codegen
codegen: need-go ## Rewrite what follows from the declarations: stacks, routes, alarms, OpenAPI document, TypeScript types
	@go run ./infra/codegen

.PHONY: lint
lint: need-go console $(BIN)/golangci-lint-$(LINT_VERSION) ## golangci-lint
	$(BIN)/golangci-lint-$(LINT_VERSION) run

$(BIN)/golangci-lint-$(LINT_VERSION): | $(STAMP)
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(BIN)/golangci-lint $@

.PHONY: format
format: need-go ## gofmt every Go file
	@gofmt -w $$(git ls-files -co --exclude-standard '*.go')

.PHONY: templates
templates: ## sam validate, cfn-lint and the resource count of the templates
	@if ! $(HAS_VENV); then \
	  echo "templates: skipped, no Python with venv (Debian: apt-get install python3-venv)"; \
	else $(MAKE) venv && bash infra/check/templates.sh $(VENV)/bin; fi

VENV_STAMP := $(STAMP)/venv-$(SAM_VERSION)-$(CFN_LINT_VERSION)

.PHONY: venv
venv: $(VENV_STAMP)

$(VENV_STAMP): | $(STAMP)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check aws-sam-cli==$(SAM_VERSION) cfn-lint==$(CFN_LINT_VERSION)
	@touch $@

.PHONY: shell
shell:
	@for script in $$(git ls-files -co --exclude-standard '*.sh' .ci/run); do bash -n "$$script"; done

# ---------------------------------------------------------------- Lambdas

# One call of go for each domain: functions of two domains may have one name. What
# was linked stays under that name too, so that go sees what is up to date.
DOMAINS = $(sort $(foreach main,$(wildcard functions/*/*/main.go),$(word 2,$(subst /, ,$(main)))))

.PHONY: build
build: need-go ## Build every Lambda for linux/arm64 and amd64 into .build/lambda
	@for arch in $(ARCHS); do \
	  for domain in $(DOMAINS); do \
	    $(LAMBDA_ENV) GOOS=linux GOARCH=$$arch go build -o $(BUILD)/linked/$$arch/$$domain/ $$(dirname ./functions/$$domain/*/main.go); \
	  done; \
	  rm -rf $(BUILD)/lambda/$$arch; \
	  for main in functions/*/*/main.go; do \
	    folder=$$(dirname $$main); mkdir -p $(BUILD)/lambda/$$arch/$$folder; \
	    ln $(BUILD)/linked/$$arch/$${folder#functions/} $(BUILD)/lambda/$$arch/$$folder/bootstrap; \
	  done; \
	  wc -c $(BUILD)/lambda/$$arch/functions/*/*/bootstrap | awk -v arch=$$arch '$$2 != "total" { n++; sum += $$1; if ($$1 > most) most = $$1 } \
	    END { printf "%s: %d functions, %.1f MB on average, %.1f MB the largest\n", arch, n, sum / n / 1e6, most / 1e6 }'; \
	done

.PHONY: invoke
invoke: need-go engine ## Build one Lambda and run it: FN=meetings/start [EVENT=events/meetings/start.json]
	@[ -n "$(FN)" ] || { echo "invoke: say which: make invoke FN=meetings/start" >&2; exit 2; }
	@go run ./infra/invoke -fn $(FN) -event $(or $(EVENT),events/$(FN).json)

.PHONY: sam-invoke
sam-invoke: need-go engine venv ## The same in AWS's container, by sam local invoke; needs Docker: FN=meetings/start [EVENT=...]
	@[ -n "$(FN)" ] || { echo "sam-invoke: say which: make sam-invoke FN=meetings/start" >&2; exit 2; }
	@go run ./infra/invoke -fn $(FN) -event $(or $(EVENT),events/$(FN).json) -sam $(VENV)/bin/sam

.PHONY: invoke-all
invoke-all: need-go engine ## Build and run every Lambda with its event
	@go run ./infra/invoke -all

.PHONY: package
package: need-go venv ## sam build, with the flags of this tree; `sam deploy` comes after it
	$(LAMBDA_ENV) $(VENV)/bin/sam build --region us-east-1

.PHONY: reproducible
reproducible: need-go ## Build every Lambda again, elsewhere and after another commit: byte for byte what make build and make package built
	@$(MAKE) build ARCHS=arm64
	bash infra/check/reproducible.sh $(BUILD)/lambda/arm64 .aws-sam/build

# Something that changed after the last make package, or what says that there was none.
NOT_PACKAGED = $(shell if [ -f .aws-sam/build/template.yaml ]; then \
	find template.yaml infra/stacks functions shared go.mod go.sum -newer .aws-sam/build/template.yaml -type f -not -name '*_test.go' -print -quit; \
	else echo .aws-sam; fi)

HAS_VENV = python3 -c 'import venv, ensurepip' 2>/dev/null

.PHONY: prune-versions
prune-versions: venv ## Delete old versions of a deployed stack's functions: STACK=rapport-staging [KEEP=5]
	@[ -n "$(STACK)" ] || { echo "prune-versions: say which: make prune-versions STACK=rapport-staging" >&2; exit 2; }
	@$(VENV)/bin/python infra/versions/prune.py --stack $(STACK) --keep $(or $(KEEP),5)

# Tokens go by the environment: a list of processes doesn't show them.
.PHONY: verify
verify: export TOKEN := $(TOKEN)
verify: export TOKEN2 := $(TOKEN2)
verify: need-go ## Hold a meeting at a deployed stack, or at make run: URL=https://... TOKEN=... [TOKEN2=another person's] [REPEATS=3]
	@go run ./infra/verify -url "$(URL)" -repeats $(or $(REPEATS),3)

.PHONY: deploy
deploy: venv ## Deploy what make package built, unless it would replace or delete what is kept: ENV=staging [ALLOW=LogicalId]
	@[ -n "$(ENV)" ] || { echo "deploy: say where: make deploy ENV=staging" >&2; exit 2; }
	bash infra/changes/deploy.sh $(VENV)/bin $(ENV) $(ALLOW)

.PHONY: deploy-rehearsal
deploy-rehearsal: need-go ## Deploy what make package built to an emulator of AWS, and hold a meeting there: docs/deploy.md
	@if ! $(HAS_VENV); then \
	  echo "deploy-rehearsal: skipped, no Python with venv (Debian: apt-get install python3-venv)"; \
	else \
	  $(MAKE) --silent venv $(STAMP)/emulator-$(EMULATOR_VERSION)-$(TRANSLATOR_VERSION) && \
	  { [ -z "$(NOT_PACKAGED)" ] || $(MAKE) package; } && \
	  for tested in rehearsal versions changes; do $(VENV)/bin/python -m unittest discover -q -s infra/$$tested -p '*_test.py' || exit 1; done && \
	  go run ./infra/rehearsal -sam $(VENV)/bin -emulator $(EMULATOR)/bin; \
	fi

$(STAMP)/emulator-$(EMULATOR_VERSION)-$(TRANSLATOR_VERSION): | $(STAMP)
	python3 -m venv $(EMULATOR)
	$(EMULATOR)/bin/pip install -q --disable-pip-version-check ministack==$(EMULATOR_VERSION) aws-sam-translator==$(TRANSLATOR_VERSION)
	@touch $@

.PHONY: clean
clean: ## Remove everything that was built; what the runner keeps (.local) stays
	rm -rf $(BUILD) .aws-sam web/client/dist
	find web/console/dist -mindepth 1 -not -name .keep -delete
	rm -rf web/node_modules web/*/node_modules infra/engine/node_modules infra/oracle/node_modules

# ---------------------------------------------------------------- what must be there

.PHONY: need-go need-node need-java
need-go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer from go.dev/dl" >&2; exit 1; }

need-node:
	@command -v npm >/dev/null || { echo "Node is missing: install Node 20 or newer from nodejs.org (it brings the table engine and builds the console)" >&2; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' || { echo "Node $$(node -v) is too old: 20 or newer is needed" >&2; exit 1; }

need-java:
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "ENGINE=dynamodb-local needs Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven)" >&2; exit 1; }
