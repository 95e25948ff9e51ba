# Go, git and make are all that `make run` and `make test` need. `make check` needs what `make tools` fetches into .tools.

GOLANGCI_VERSION := 2.15.0
ASYNCAPI_VERSION := 3.6.3
DOCKERFILELINT_VERSION := 1.8.0
GOVULNCHECK_VERSION := 1.1.4
HELM_VERSION := 4.3.1

TOOLS    := $(CURDIR)/.tools
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
ASYNCAPI := $(TOOLS)/asyncapi-$(ASYNCAPI_VERSION)/node_modules/@asyncapi/parser/package.json
DOCKERFILELINT := $(TOOLS)/dockerfilelint-$(DOCKERFILELINT_VERSION)/node_modules/.bin/dockerfilelint
HELM           := $(TOOLS)/helm-$(HELM_VERSION)/helm
GOVULNCHECK    := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck

# Prometheus and Alertmanager as the distribution has them, unpacked and not installed.
PROMETHEUS_TOOLS := $(TOOLS)/debian/usr/bin
PROMTOOL := $(PROMETHEUS_TOOLS)/promtool
AMTOOL   := $(PROMETHEUS_TOOLS)/amtool

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 6s
TIMEOUT  ?= 8m
ENGINE   ?= docker
RACE_WHOLE ?=
SEEDS    ?= 100

export ONLY PROFILE REQUESTS WORKERS BROKERS SEED LIMITS FACTOR LEASE NODES FLIGHT CONFIG

# The race detector needs a C compiler. Where there is none the tests run without it, and say so; CI sets RACE=-race and fails.
CC_FOUND := $(shell command -v $$(go env CC | cut -d' ' -f1) 2>/dev/null)
RACE     ?= $(if $(and $(CC_FOUND),$(filter 1,$(shell go env CGO_ENABLED))),-race)

# How the shipped binary is compiled. All that needs no race detector is compiled like it, so that nothing is compiled twice.
PLAIN := CGO_ENABLED=0 GOFLAGS="$(strip $(GOFLAGS) -trimpath)"

.DEFAULT_GOAL := help
.PHONY: help run test bench chaos simulate mutations check check-full build image sbom vuln reproducible tools fmt vet lint tidy generated fuzz asyncapi dockerfile deployments chart tools-full rules

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## broker, fake cloud and worker in one process, with samples
	@exec bin/imsworker dev

# Tests of whole workers, some of them in processes of their own: under the race detector they take as long as all the others.
# check-full runs them with it, and with LONG=1 the ones that take minutes. They mostly wait, so more of them run at a time than
# there are cores. (internal/otlp, which starts no goroutine of its own, is among them because the library that it wraps takes half a
# minute of processor time to compile for the race detector.)
WHOLE := ./cmd/... ./internal/app/... ./internal/bench/... ./internal/chaos/... ./internal/simulate/... ./internal/otlp/...
PARTS  = $(filter-out $(shell go list $(WHOLE)),$(shell go list ./...))

# Tests of the engine that count over thousands of jobs in virtual time, one goroutine at a time: under the race detector they take
# as long as the rest of their room, and it learns nothing from them that the others do not tell it.
FIGURES := ^(TestTargets|TestFailuresAmongMany|TestTargetsOfProgressAlone|TestNoWindowIsExceeded)$$

# Two things at a time, one that computes and one that waits.
AT_ONCE := $(MAKE) --no-print-directory -j2

test: ## all tests, with the race detector but for those of whole workers and of figures
	@test -n "$(RACE)" || echo "no C compiler found: the tests run without the race detector"
	@$(AT_ONCE) test-parts test-whole

# make check has vet look at all of it.
.PHONY: test-parts test-whole
test-parts:
	go test $(RACE) -vet=off -parallel 4 -timeout $(TIMEOUT) -skip '$(FIGURES)' $(PARTS)
test-whole:
	$(if $(RACE_WHOLE),,$(PLAIN)) go test $(RACE_WHOLE) -vet=off -parallel 8 -timeout $(TIMEOUT) $(WHOLE)
	$(if $(RACE_WHOLE),,$(PLAIN)) go test $(RACE_WHOLE) -vet=off -parallel 4 -timeout $(TIMEOUT) -run '$(FIGURES)' ./internal/engine

bench: ## figures of speed and memory; ONLY=name picks one scenario, PROFILE=dir keeps profiles
	go run ./internal/bench

chaos: ## kill, pause and cut off everything, then audit: REQUESTS= WORKERS= BROKERS=1|3 SEED= LIMITS=profile|off CONFIG=deployments/nats
	go run ./internal/chaos

simulate: ## the worker in virtual time, through everything that goes wrong: SEEDS=n plans, or SEED=n alone and in full
	cd internal/simulate && SEEDS=$(SEEDS) $(PLAIN) go test -count=1 -timeout 60m -run '^TestSimulate$$'

mutations: ## does the simulation notice every mistake that is made on purpose
	cd internal/simulate && $(PLAIN) go test -tags mutations -count=1 -timeout 60m -run '^TestMutations$$'

check: fmt vet tidy generated asyncapi dockerfile deployments reproducible check-last ## everything but the tests: format, lint, modules, generated files, schemas, the build, what is shipped, alert rules, a short fuzz, a short simulation, a short chaos

.PHONY: check-last
check-last:
	@$(AT_ONCE) rules fuzz chaos-short lint simulate

check-full: check chart mutations ## check with its long forms, and all tests under the race detector, for hours
	LONG=1 $(MAKE) --no-print-directory test RACE_WHOLE=-race TIMEOUT=60m
	$(MAKE) --no-print-directory simulate SEEDS=1000
	for seed in 1 2 3; do for brokers in 3 1; do \
	  $(MAKE) --no-print-directory chaos REQUESTS=10000 BROKERS=$$brokers SEED=$$seed || exit 1; done; done
	$(MAKE) --no-print-directory chaos REQUESTS=10000 CONFIG=deployments/nats SEED=4

build: ## a static binary, bin/imsworker
	$(PLAIN) go build -buildvcs=auto -ldflags "-s -w -buildid= -X main.version=$(VERSION)" -o bin/imsworker ./cmd/imsworker

image: ## a container image, imsworker:VERSION; ENGINE=podman for another engine than docker
	$(ENGINE) build -f deployments/Dockerfile -t imsworker:$(VERSION) --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) .

sbom: build ## what bin/imsworker is made of, as CycloneDX: bin/imsworker.cdx.json
	go run ./deployments/sbom bin/imsworker >bin/imsworker.cdx.json

reproducible: ## are two builds of this commit, in two places, the same bytes
	.ci/reproducible

vuln: $(GOVULNCHECK) ## known vulnerabilities in what is called, by govulncheck; says so where its database cannot be reached
	.ci/vuln $(GOVULNCHECK)

tools: $(GOLANGCI) $(ASYNCAPI) $(DOCKERFILELINT) $(PROMTOOL) $(AMTOOL) ## fetch what `make check` needs into .tools

tools-full: tools $(HELM) ## and what `make check-full` needs: helm, which takes minutes to build

fmt: ## is everything formatted
	@bad=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l 2>&1); \
	  test -z "$$bad" || { echo "not formatted, run gofmt -w on:"; echo "$$bad"; exit 1; }

vet: ## go vet
	$(PLAIN) go vet ./...

lint: ## golangci-lint, with the rules of who may import whom
	@test -x $(GOLANGCI) || { echo "golangci-lint $(GOLANGCI_VERSION) is missing: run make tools"; exit 1; }
	$(PLAIN) $(GOLANGCI) run ./...

tidy: ## are go.mod and go.sum what the code needs, and the modules what go.sum says
	go mod tidy -diff
	go mod verify

generated: ## are generated files what their generators make
	@before=$$(git status --porcelain; git diff); $(PLAIN) go generate ./... && \
	  test "$$before" = "$$(git status --porcelain; git diff)" || { echo "generated files were not up to date: commit what go generate made"; exit 1; }

asyncapi: ## is schemas/asyncapi.yaml valid AsyncAPI
	@command -v node >/dev/null || { echo "node is missing: install Node.js 20 or newer"; exit 1; }
	@test -f $(ASYNCAPI) || { echo "the AsyncAPI parser $(ASYNCAPI_VERSION) is missing: run make tools"; exit 1; }
	NODE_PATH=$(TOOLS)/asyncapi-$(ASYNCAPI_VERSION)/node_modules node .ci/asyncapi.cjs schemas/asyncapi.yaml

rules: ## do alert rules and dashboard hold: their form, their unit tests, and on what real workers show
	@for tool in $(PROMTOOL) $(AMTOOL); do test -x $$tool || { echo "$${tool##*/} is missing: run make tools"; exit 1; }; done
	cd deployments/prometheus && $(PROMTOOL) check config prometheus.yml && $(AMTOOL) check-config alertmanager.yml && \
	  $(PROMTOOL) test rules imsworker.rules.test.yml imsworker.slow.test.yml
	@PROMETHEUS_TOOLS=$(PROMETHEUS_TOOLS) $(PLAIN) go test -vet=off -tags rules -count=1 -parallel 8 -run '^Test(Alert|Dashboard)' ./internal/promtest ./internal/notify ./internal/app ./cmd/imsworker & whole=$$!; \
	  PROMETHEUS_TOOLS=$(PROMETHEUS_TOOLS) $(PLAIN) go test -vet=off -tags 'rules mutations' -count=1 -parallel 8 -run '^TestAlert' ./internal/simulate; virtual=$$?; \
	  wait $$whole && test $$virtual = 0   # the first mostly waits

dockerfile: ## has the Dockerfile no known mistake, and does the image's context leave out nothing that git has
	@test -x $(DOCKERFILELINT) || { echo "dockerfilelint $(DOCKERFILELINT_VERSION) is missing: run make tools"; exit 1; }
	$(DOCKERFILELINT) deployments/Dockerfile
	@lost=$$(git ls-files --cached --ignored --exclude-from=.dockerignore); \
	  test -z "$$lost" || { echo ".dockerignore leaves out tracked files, so that the image's version would say dirty:"; echo "$$lost"; exit 1; }

deployments: ## does what is shipped hold: the chart's renderings, its schema, the compose file, the unit, each judged by its own library
	cd deployments/check && go mod tidy -diff
	cd deployments/check && $(PLAIN) go test -count=1 -gcflags='k8s.io/...=-N -l' ./... # Kubernetes' types: compiled, hardly run
	$(PROMTOOL) check config --syntax-only deployments/compose/prometheus.yml
	.ci/unit

chart: ## does the chart render as it is kept, is it free of what helm finds, and its tests of what the linter finds
	cd deployments/check && $(PLAIN) $(GOLANGCI) run ./...
	@test -x $(HELM) || { echo "helm $(HELM_VERSION) is missing: run make tools-full"; exit 1; }
	.ci/chart $(HELM)

.PHONY: chaos-short
chaos-short:
	CONFIG=deployments/nats REQUESTS=300 LEASE=6s NODES=20s FACTOR=100 FLIGHT=100 $(PLAIN) go run ./internal/chaos

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

$(GOLANGCI):
	GOBIN=$(dir $@) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION)

$(ASYNCAPI):
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer"; exit 1; }
	npm install --prefix $(TOOLS)/asyncapi-$(ASYNCAPI_VERSION) --no-audit --no-fund --no-save --ignore-scripts --loglevel=error @asyncapi/parser@$(ASYNCAPI_VERSION)

$(PROMTOOL):
	.ci/debian prometheus $(TOOLS)/debian

$(AMTOOL): | $(PROMTOOL) # both unpack into one folder
	.ci/debian prometheus-alertmanager $(TOOLS)/debian

$(DOCKERFILELINT):
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer"; exit 1; }
	npm install --prefix $(TOOLS)/dockerfilelint-$(DOCKERFILELINT_VERSION) --no-audit --no-fund --no-save --ignore-scripts --loglevel=error dockerfilelint@$(DOCKERFILELINT_VERSION)

$(GOVULNCHECK):
	GOBIN=$(dir $@) go install golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK_VERSION)

$(HELM):
	GOBIN=$(dir $@) go install helm.sh/helm/v4/cmd/helm@v$(HELM_VERSION)
