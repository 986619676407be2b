.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
# Files among three processes: most of the time one of them waits for a host.
SHARED_OUT := -n 3 --dist loadfile --no-loadscope-reorder
SETUP := .venv/.ready node_modules/.ready
# The Bicep compiler, for the tests of infra/.
BICEP ?= $(shell command -v bicep)
export BICEP

.PHONY: help run test coverage check bench faults explore mutants lint format clean .venv

help:  ## what can be done here
	@grep -hE '^[.a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(SETUP)  ## everything on this machine: Azurite, both simulators, the host and the page
	@$(PY) -m local

test: $(SETUP) .venv/.browser  ## the whole test suite
	@$(PY) -m pytest $(SHARED_OUT) $(PYTEST_ARGS)

coverage: $(SETUP) .venv/.browser  ## the whole test suite, and which lines it has run (takes longer)
	@$(PY) -m pytest $(SHARED_OUT) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

lint: $(SETUP)  ## style, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

check: lint  ## what continuous integration runs: lint, types, import rules, tests
	@test -n "$(BICEP)" || echo "no Bicep compiler: infra/ will not be checked (put bicep on PATH, or run make check BICEP=...)"
	@$(MAKE) --no-print-directory test

bench: $(SETUP)  ## the benchmarks, as ratios against a baseline of the same run
	@$(PY) -m bench

faults: $(SETUP)  ## every documented failure of the providers, played, as a table
	@$(PY) -m tests.faults

explore: $(SETUP)  ## seeded stories with everything that can break, each judged by what was billed (SEEDS=5000)
	@$(PY) -m tests.explore --seeds $(or $(SEEDS),5000)

mutants: $(SETUP)  ## hand-made faults in the rules of money, trust and owner: each must turn a fast test red
	@$(PY) -m tests.mutants

format: $(SETUP)  ## put the code into its one format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.venv: .venv/.ready  ## the virtual environment with all that development needs

.venv/.ready: requirements.txt requirements-dev.txt
	@echo "setting up .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps blackforest==0.1.3
	@touch $@

node_modules/.ready: package.json package-lock.json
	@echo "setting up node_modules ..."
	@npm ci --silent --no-audit --no-fund
	@touch $@

# A browser for the page's tests. Installing it takes root; without it those tests say what is missing.
.venv/.browser: .venv/.ready
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || test -n "$$CHROMIUM" || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing chromium ..." && \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
	  echo "no chromium: the browser tests will be skipped (apt-get install chromium fonts-noto-cjk, or set CHROMIUM)"
	@touch $@

clean:  ## remove what was set up and all local state
	rm -rf .venv node_modules .devhost
