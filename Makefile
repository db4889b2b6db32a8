# Every verb works alone on a fresh machine with Python 3.11, pip and make: it makes the environments that it needs,
# from locked and hashed requirements.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ARGS ?=
BIN := .venv/bin
PIP_INSTALL := install --quiet --disable-pip-version-check --no-input
# Machines that forbid Python to keep what it compiled would compile this project anew for every server of every test.
export PYTHONDONTWRITEBYTECODE :=
# Coverage measures the servers that tests start, too, so it must find its configuration from any directory.
COVERAGE := $(BIN)/python -m coverage

.PHONY: help install serve test contract mutants environments clients crash soak bench check docs clean lock

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/.dev ## Make .venv with everything that development needs

serve: .venv/.runtime ## Run the server in the foreground, with options in ARGS="--port 9000"
	@exec $(BIN)/tinker-mock serve $(ARGS)

test: .venv/.dev ## Run all tests in parallel and report coverage, with options of pytest in ARGS
	@$(COVERAGE) erase
	@status=0; $(COVERAGE) run -m pytest -n auto $(ARGS) || status=$$?; \
	  $(COVERAGE) combine --quiet; $(COVERAGE) report --format=total | sed 's/^/coverage of mock_server, percent: /'; \
	  exit $$status

EFFORT ?= full

contract: .venv/.dev ## Judge a fresh server by the contract, with the suite's options in ARGS, EFFORT=short for less; and test the suite
	@mkdir -p build
	@$(BIN)/tinker-mock run -- sh -c \
	  'exec $(BIN)/tinker-mock check server "$$TINKER_BASE_URL" --effort $(EFFORT) --html build/contract.html $(ARGS)'
	@$(BIN)/python -m pytest -n auto tests/contracts

mutants: .venv/.dev ## Show that each broken server is caught by the check that is to catch it, or those in ARGS
	@$(BIN)/python -m tests.mutants $(ARGS)

environments: $(patsubst requirements/clients/%.txt,.venvs/%,$(wildcard requirements/clients/*.txt)) ## Make the environments of all clients, which tests make at their first need

SDK_VERSIONS ?= $(patsubst requirements/clients/sdk-%.txt,%,$(filter-out %-torch.txt,$(wildcard requirements/clients/sdk-*.txt)))

clients: .venv/.dev $(SDK_VERSIONS:%=.venvs/sdk-%) ## Train with every version of the official SDK, or those in SDK_VERSIONS="0.3.0 0.38.0"
	@SDK_VERSIONS="$(SDK_VERSIONS)" $(BIN)/python -m pytest -q -n auto client_tests/versions $(ARGS)

# Not in parallel: the two that matter use both cores, and a quiet machine gives the server more to do between two kills.
crash: .venv/.dev ## Kill the server 50 times while real clients train, weigh it over 100,000 operations and 15 GB
	@CRASH_KILLS=$${CRASH_KILLS:-50} FLAT_OPERATIONS=$${FLAT_OPERATIONS:-100000} ARCHIVE_GIGABYTES=$${ARCHIVE_GIGABYTES:-10} \
	  $(BIN)/python -m pytest -s client_tests/crash tests/runtime/test_flat.py $(ARGS)

soak: .venv/.dev ## Play all scenarios at once 200 times, or RUNS=20, with seeds of their own: nothing hangs or is left behind
	@RUNS="$${RUNS:-200}" $(BIN)/python -m client_tests.scenarios.soak

bench: .venv/.dev ## Measure the server against a bare app that answers from memory
	@$(BIN)/python -m benchmarks $(ARGS)

check: .venv/.dev ## Lint, formats, types, and whether the generated pages are current
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python docs/generate.py --check

docs: .venv/.dev ## Write the pages of docs/ that come from the code
	@$(BIN)/python docs/generate.py

clean: ## Remove environments, caches and reports; data directories stay
	rm -rf .venv .venvs build dist htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are written last, so an interrupted install is done again.
.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "tinker-mock needs Python 3.11 or newer: install it, or set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("tinker-mock needs Python 3.11 or newer, not %d.%d: set PYTHON=..." % sys.version_info[:2])'
	@$(PYTHON) -m venv .venv

.venv/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | .venv/bin/python
	@echo "installing the server into .venv" >&2
	@$(BIN)/python -m pip $(PIP_INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(BIN)/python -m pip $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.runtime
	@echo "installing the development tools into .venv" >&2
	@$(BIN)/python -m pip $(PIP_INSTALL) --no-compile --require-hashes -r requirements/dev.txt
	@touch $@

# A pip for each environment would take a third of the time of making it, and to compile all of it, of which a program
# imports a part, another third.
PIP_INTO := $(PYTHON) -m pip --python
# Client libraries of different versions exclude each other, so each has an environment: make .venvs/sdk-0.38.0
# torch is the one package without a hash: which of its builds there is differs from machine to machine.
.venvs/%: requirements/clients/%.txt
	@echo "installing $* into $@" >&2
	@rm -rf $@ && mkdir -p .venvs && $(PYTHON) -m venv --without-pip $@
	@mkdir -p $@/share && touch -t 197001020000 $@ # until all is in it, it is older than its lock, and so made again
	@torch=$$(grep -o '^torch==[0-9.]*' $(<:.txt=.in) || true); \
	  $(PYTHON) client_tests/harness/linking.py $@ $< $$torch && \
	  { [ -z "$$torch" ] || $(PIP_INTO) $@ $(PIP_INSTALL) --no-compile "$$torch"; } && \
	  $(PIP_INTO) $@ $(PIP_INSTALL) --no-compile --no-deps --require-hashes -r $< || { rm -rf $@; exit 1; }
	@touch $@

# Nothing in a lock may name a host: whoever installs has their own index.
LOCKS := runtime build dev $(patsubst requirements/%.in,%,$(wildcard requirements/clients/*.in))
COMPILE := -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

lock: .venv/.dev ## Lock the requirements anew, after a change of pyproject.toml or requirements/*.in
	@for lock in $(LOCKS); do \
	  source=requirements/$$lock.in; [ $$lock = runtime ] && source=pyproject.toml; \
	  $(BIN)/python $(COMPILE) $(ARGS) -o requirements/$$lock.txt $$source; \
	  { echo '# Made by `make lock`; edit pyproject.toml or the .in file beside this one instead.'; \
	    grep -v '^#' requirements/$$lock.txt | sed '/^torch==/,/[^\\]$$/d'; } > requirements/$$lock.new; \
	  mv requirements/$$lock.new requirements/$$lock.txt; \
	done
