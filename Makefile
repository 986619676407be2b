.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
# What Azure runs: 3.12 now, 3.13 next. Others than those on PATH and pyenv's: make versions PYTHON312=... PYTHON313=...
find_python = $(shell for p in python$(1) $(HOME)/.pyenv/versions/$(1).*/bin/python; do \
  "$$p" -c "" 2>/dev/null && echo "$$p" && break; done)
ifndef PYTHON312
PYTHON312 := $(call find_python,3.12)
endif
ifndef PYTHON313
PYTHON313 := $(call find_python,3.13)
endif
VERSIONS := $(if $(PYTHON312),12) $(if $(PYTHON313),13)
# Quick, and between them all that the app does but drawing: what a Python may do otherwise shows here.
QUICK := tests/activities tests/contract tests/triggers tests/orchestrators tests/unit --ignore-glob=tests/unit/test_picture_* \
  --ignore=tests/unit/test_inline_encoding.py
# Of these on 3.12 what calls the app, on 3.13 less beside tests/worker, which runs the whole app there; make fast runs all on both.
QUICK_ON_12 := tests/activities tests/contract tests/triggers tests/orchestrators
QUICK_ON_13 := tests/activities
# The same, and the rest that is quick.
FAST := tests/unit tests/contract tests/orchestrators tests/activities tests/triggers tests/providers tests/integration tests/simulators \
  tests/histories tests/devhost
# What a minute on two cores has room for, by folder of tests/, and all that it leaves out: a test holds both against what is there.
MINUTE := activities clients contract triggers unit
LEFT_OUT := corpus devhost drills e2e explore faults former forms histories infra integration mutants ops orchestrators page providers rare \
  simulators studio worker unit/test_inline_encoding.py unit/test_multipart.py unit/test_picture_* unit/test_queue_messages.py
# What cannot be looked up is no pass. Releases are taken in when they are a week old.
# On 3.13, where there is one: some packages are for that side only.
TOOLS_PYTHON ?= $(or $(PYTHON313),$(PYTHON))
AUDIT := .venv-tools/bin/pip-audit --strict --progress-spinner off
PUR := .venv-tools/bin/pur --cooldown-days 7
A_WEEK_AGO := $(PYTHON) -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta(7)).isoformat())'
# Every package of package.json; Node of the line with long-term support.
NPM_LATEST := @kusto/language-service-next@latest axe-core@latest azurite@latest client-zip@latest idb-keyval@latest oauth4webapi@latest typescript@latest node@22
# Of these packages web/vendor has a file and the licence.
VENDORED := client-zip:index.js:LICENSE.txt idb-keyval:dist/index.js:LICENCE oauth4webapi:build/index.js:LICENSE.md
# Files among five processes: most of the time three of them wait for a host.
SHARED_OUT := -n 5 --dist loadfile --no-loadscope-reorder
# What is imported is compiled then: pip would compile the rest as well, for a third of its time.
PIP_INSTALL := install --quiet --disable-pip-version-check --no-compile
SETUP := .venv/.ready node_modules/.ready
# The Bicep compiler, for the tests of infra/.
BICEP ?= $(shell command -v bicep)
export BICEP

# Else each of the many processes of a run compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test quick collect coverage check worker set-up-versions versions on-3.12 on-3.13 fast e2e e2e-settings bench faults explore mutants \
  audit update vendor lint format clean .venv

help:  ## what can be done here
	@grep -hE '^[.a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(SETUP)  ## everything on this machine: Azurite, both simulators, the host and the page
	@$(PY) -m local

test: $(SETUP) .venv/.browser  ## the whole test suite
	@$(PY) -m pytest $(SHARED_OUT) $(PYTEST_ARGS)

quick: $(SETUP)  ## in a minute, what needs no host and no browser; says what it leaves out
	@$(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(MINUTE:%=tests/%) \
	  $(foreach each,$(filter %.py,$(LEFT_OUT)),--ignore=tests/$(each)) $(foreach each,$(filter %*,$(LEFT_OUT)),--ignore-glob='tests/$(each)')
	@echo "left out, make test runs them: $(LEFT_OUT)"

collect: $(SETUP)  ## see whether every test can be imported; compiles them all
	@said=$$($(PY) -m pytest --collect-only -qq) || { echo "$$said"; exit 1; }

coverage: $(SETUP) .venv/.browser  ## the whole test suite, and which lines it has run (takes longer)
	@$(PY) -m pytest $(SHARED_OUT) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

lint: $(SETUP)  ## style, types (of the page's scripts too), import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	node_modules/.bin/tsc --project .

check: lint  ## what continuous integration runs: lint, types, import rules, tests
	@test -n "$(BICEP)" || echo "no Bicep compiler: infra/ will not be checked (put bicep on PATH, or run make check BICEP=...)"
	@$(MAKE) --no-print-directory test

worker: .venv313/.ready node_modules/.ready  ## the app behind Microsoft's worker library, compared with the devhost (Python 3.13)
	@.venv313/bin/python -m pytest tests/worker

set-up-versions: $(VERSIONS:%=.venv3%/.ready)

versions: on-3.12 on-3.13  ## quick tests on the Pythons that Azure runs, 3.12 and 3.13, and worker

on-3.12: set-up-versions node_modules/.ready
	@test -n "$(PYTHON312)" || echo "no Python 3.12: its tests are not run (pyenv install 3.12, or make versions PYTHON312=...)"
	@$(if $(PYTHON312),.venv312/bin/python -m pytest -q -n 2 --dist loadfile $(QUICK_ON_12))

on-3.13: set-up-versions node_modules/.ready
	@test -n "$(PYTHON313)" || echo "no Python 3.13: its tests and tests/worker are not run (pyenv install 3.13, or PYTHON313=...)"
	@$(if $(PYTHON313),.venv313/bin/python -m pytest -q $(QUICK_ON_13) && $(MAKE) --no-print-directory worker)

fast: set-up-versions node_modules/.ready  ## every fast test on 3.12 and 3.13, and worker: what the checks workflow runs
	@for v in $(VERSIONS); do \
	  .venv3$$v/bin/python -m pytest -n 2 --dist loadfile $(FAST) || exit 1; done
	@$(if $(PYTHON313),$(MAKE) --no-print-directory worker)

e2e: $(SETUP)  ## end-to-end tests; of a host that is already there: make e2e HOST=http://127.0.0.1:7071 (see e2e-settings)
	@E2E_HOST="$(HOST)" $(PY) -m pytest -p no:randomly -rs --no-fold-skipped tests/e2e

e2e-settings: .venv/.ready  ## what a host needs for make e2e HOST=..., a line each (SIM_PORT=7090)
	@$(PY) -m tests.given_host

bench: $(SETUP) .venv-baseline/.ready  ## figures beside the service this replaces (NAMES="cpu submit", LONG=1, WRITE=1)
	@$(PY) -m bench $(NAMES) $(if $(LONG),--long) $(if $(WRITE),--write)

faults: $(SETUP)  ## every documented failure of the providers, played, as a table
	@$(PY) -m tests.faults

explore: $(SETUP)  ## seeded stories with everything that can break, each judged by what was billed (SEEDS=5000)
	@$(PY) -m tests.explore --seeds $(or $(SEEDS),5000)

mutants: $(SETUP)  ## hand-made faults in the rules of money, trust and owner: each must turn a fast test red
	@$(PY) -m tests.mutants

audit: .venv-tools/.ready  ## known vulnerabilities of what is pinned and of all that comes along; asks PyPI and the npm registry
	@$(AUDIT) -r requirements-dev.txt
	@$(AUDIT) --no-deps -r requirements-no-deps.txt
	@$(AUDIT) -r requirements-tools.txt
	@$(AUDIT) --disable-pip --no-deps -r requirements-uv.txt
	@$(AUDIT) -r bench/baseline/requirements.txt
	@npm audit --audit-level=high

update: .venv-tools/.ready  ## newer versions of all that is pinned and of web/vendor, then lint and the quick tests
	@$(PUR) --minor azure-functions,azure-functions-durable -r requirements-dev.txt
	@$(PUR) -r requirements-no-deps.txt
	@$(PUR) -r requirements-tools.txt
	@$(PUR) -r requirements-uv.txt
	@$(PUR) -r bench/baseline/requirements.txt
	@npm install --package-lock-only --save-exact --ignore-scripts --no-audit --no-fund --before="$$($(A_WEEK_AGO))" $(NPM_LATEST)
	@$(MAKE) --no-print-directory vendor lint
	@$(PY) -m pytest -q -n 2 --dist loadfile $(QUICK)
	@git --no-pager diff --stat

vendor: node_modules/.ready  ## web/vendor anew, from the packages that package.json names and from clients/js
	@for each in $(VENDORED); do set -- $$(echo $$each | tr : ' '); from=node_modules/$$1; \
	  of() { sed -n "s/^  \"$$1\": \"\(.*\)\",*$$/\1/p" $$from/package.json; }; \
	  { echo "// $$1 $$(of version), $$(of license) licence (LICENSE.$$1 in this folder), https://www.npmjs.com/package/$$1; $$2 as published."; \
	  grep -v '^//# sourceMappingURL=' $$from/$$2; } > web/vendor/$$1.js; \
	  cp $$from/$$3 web/vendor/LICENSE.$$1; done
	@cp clients/js/toonconnect.js web/vendor/toonconnect.js

format: $(SETUP)  ## put the code into its one format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# $(call environment,.venv,python3): a new one where there is none or half of one, and its uv.
environment = $(1)/bin/python -m pip --version >/dev/null 2>&1 || $(2) -m venv --clear $(1) && $(1)/bin/python -m pip $(PIP_INSTALL) -r requirements-uv.txt
# $(call beside,.venv312,python3.12): another without them.
beside = $(1)/bin/python -c "" 2>/dev/null || $(2) -m venv --clear --without-pip $(1)
# $(call install,.venv312,-r requirements.txt): by the uv of .venv, or of the environment that comes third. Of pip's settings it is
# told the index alone; where that is not enough, pip itself does it.
install = in=$(or $(3),.venv)/bin; index=$${PIP_INDEX_URL:-$$($$in/python -m pip config get global.index-url 2>/dev/null)}; \
  $$in/uv pip install --quiet --python $(1)/bin/python $${index:+--default-index "$$index"} $(2) || { echo "so pip does it ..."; \
  $$in/python -m pip --python $(1)/bin/python $(PIP_INSTALL) $(2); }

.venv: .venv/.ready  ## the virtual environment with all that development needs

.venv/.ready: requirements.txt requirements-dev.txt requirements-no-deps.txt requirements-uv.txt
	@echo "setting up .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(call environment,.venv,$(PYTHON))
	@$(call install,.venv,-r requirements-dev.txt)
	@$(call install,.venv,--no-deps -r requirements-no-deps.txt)
	@touch $@

.venv3%/.ready: .venv/.ready
	@echo "setting up .venv3$* ..."
	@test -n "$(PYTHON3$*)" || { echo "Python 3.$* is needed: pyenv install 3.$*, or make PYTHON3$*=..."; exit 1; }
	@$(call beside,.venv3$*,$(PYTHON3$*))
	@$(call install,.venv3$*,-r requirements-dev.txt)
	@$(call install,.venv3$*,--no-deps -r requirements-no-deps.txt)
	@touch $@

# Apart from what they look at.
.venv-tools/.ready: requirements-tools.txt requirements-uv.txt
	@echo "setting up .venv-tools ..."
	@$(call environment,.venv-tools,$(TOOLS_PYTHON))
	@$(call install,.venv-tools,-r requirements-tools.txt,.venv-tools)
	@touch $@

# On the same Python as what it is compared with.
.venv-baseline/.ready: bench/baseline/requirements.txt .venv/.ready
	@echo "setting up .venv-baseline ..."
	@$(call beside,.venv-baseline,$(PY))
	@$(call install,.venv-baseline,-r bench/baseline/requirements.txt)
	@touch $@

node_modules/.ready: package.json package-lock.json
	@echo "setting up node_modules ..."
	@npm ci --silent --no-audit --no-fund
	@touch $@

# A browser for the page's tests. Installing it takes root; without it those tests say what is missing.
.venv/.browser: .venv/.ready
	@command -v chromium >/dev/null || command -v chromium-headless-shell >/dev/null || command -v google-chrome >/dev/null || test -n "$$CHROMIUM" || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing chromium ..." && \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
	  echo "no chromium: the browser tests will be skipped (apt-get install chromium fonts-noto-cjk, or set CHROMIUM)"
	@touch $@

clean:  ## remove what was set up and all local state
	rm -rf .venv .venv312 .venv313 .venv-tools .venv-baseline node_modules .devhost
