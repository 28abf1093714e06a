# The one entry point: `make` lists what there is. Everything lives in .venv, built from the lock files.

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=

BIN := .venv/bin
VENV := .venv/.installed
RUN := .venv/.installed-nostro
DEV := .venv/.installed-dev
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Where npm is missing the tests of the Node SDK skip themselves.
ifneq ($(shell command -v npm 2>/dev/null),)
NODE := tests/node/node_modules/.installed
endif

# Tests hand our journal to hledger, and share limits through Redis; where one is missing and cannot be installed they
# skip themselves.
ifneq ($(shell command -v apt-get 2>/dev/null),)
ifeq ($(shell command -v hledger 2>/dev/null),)
HLEDGER := .venv/.tried-hledger
endif
ifeq ($(shell command -v redis-server 2>/dev/null),)
REDIS := .venv/.tried-redis-server
endif
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(RUN) ## start the development server (ARGS="--port 4242")
	$(BIN)/nostro dev $(ARGS)

.PHONY: test
test: $(RUN) $(DEV) $(NODE) $(HLEDGER) $(REDIS) ## run every test, and the scenarios on PostgreSQL again (ARGS="-k refund")
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)
ifeq ($(ARGS),)
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal tests/scenarios --engine postgresql
endif

.PHONY: check
check: $(RUN) $(DEV) $(NODE) $(HLEDGER) $(REDIS) ## formatting, lint, types, layers, and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_tidy.py
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not slow" --ignore tests/test_tidy.py

.PHONY: format
format: $(RUN) $(DEV) ## format the code, and repair what lint can repair
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(RUN) $(DEV) ## measure rates and p99 beside peers, write docs/performance (ARGS="--only ledger")
	$(BIN)/python -m bench $(ARGS)

.PHONY: growth
growth: $(RUN) $(DEV) ## measure latency as the data grows (ARGS="--to 1000000 --engine postgresql")
	$(BIN)/python -m bench.growth $(ARGS)

.PHONY: mix
mix: $(RUN) $(DEV) ## measure a realistic mix at 1,500 requests a second for ten minutes (ARGS="--seconds 60")
	$(BIN)/python -m bench.mix $(ARGS)

.PHONY: reconcile
reconcile: $(RUN) $(DEV) ## reconcile a bank's month with known errors (ARGS="--lines 10000000 --engine postgresql")
	$(BIN)/python -m bench.reconcile $(ARGS)

.PHONY: month
month: $(RUN) $(DEV) $(HLEDGER) ## live through a marketplace's month and prove the books (ARGS="--sellers 50")
	$(BIN)/python tools/month.py $(ARGS)

.PHONY: simulate
simulate: $(RUN) $(DEV) ## run one history of the simulation with faults (SEED=7 STEPS=60)
	$(BIN)/python tools/simulate.py $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(ARGS)

.PHONY: soak
soak: $(RUN) $(DEV) ## run new histories for minutes (MINUTES=5; ARGS=--mutations looks for bugs put in on purpose)
	$(BIN)/python tools/simulate.py --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: prove
prove: $(RUN) $(DEV) ## engines against a model, money verbs against each other (HISTORIES=300 STEPS=200)
	NOSTRO_HISTORIES=$(or $(HISTORIES),300) NOSTRO_STEPS=$(or $(STEPS),200) \
		$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -o faulthandler_timeout=0 tests/engines/test_model.py tests/invariants/test_races.py $(ARGS)

.PHONY: fuzz
fuzz: $(RUN) $(DEV) ## send wrong input at scale for a long time (ARGS="--minutes 30")
	$(BIN)/python tools/fuzz.py $(ARGS)

.PHONY: failover
failover: $(RUN) $(DEV) ## kill workers, databases and primaries under load (ARGS="--rounds 100")
	$(BIN)/python tools/failover.py $(ARGS)

.PHONY: docs
docs: $(RUN) $(DEV) ## write the generated pages of the documentation
	$(BIN)/python tools/generate_docs.py $(ARGS)

.PHONY: setup
setup: $(RUN) $(DEV) $(NODE) ## install everything the other targets need

.PHONY: lock
lock: ## pin the dependencies anew (needs uv; ARGS="--upgrade")
	$(COMPILE) --group build $(ARGS) --output-file requirements.lock pyproject.toml
	$(COMPILE) --group dev --constraint requirements.lock $(ARGS) --output-file requirements-dev.lock pyproject.toml

.PHONY: clean
clean: ## remove everything that can be made again
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	rm -rf tests/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A changed lock starts from an empty environment, so that nothing dropped from it lingers.
$(VENV): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nostro needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(RUN): pyproject.toml $(VENV)
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(VENV)
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.tried-%: $(VENV)
	@if [ "$$(id -u)" = 0 ]; then \
	  apt-get install -qq --yes --no-install-recommends $* >/dev/null 2>&1 || \
	  { apt-get update -qq && apt-get install -qq --yes --no-install-recommends $*; } >/dev/null 2>&1 || \
	  echo "$* could not be installed: its tests are skipped"; fi
	@touch $@

tests/node/node_modules/.installed: tests/node/package.json tests/node/package-lock.json
	cd tests/node && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
