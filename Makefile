# Everything runs in .venv, which the first command makes; nothing else has to be prepared.

.DEFAULT_GOAL := help
SHELL := /bin/bash

# The first Python of at least 3.11 that can make a virtual environment.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$python -c 'import sys, venv, ensurepip, sqlite3; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
DEMO := .venv/.demo-installed
DEV := .venv/.dev-installed
PATHS := eventlog projections adapters alembic tests benchmarks examples
JOBS ?= 2

.PHONY: help fix lint types test test-pythons test-lowest test-newest test-browser torture mutation wheel check bench demo demo-web lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

fix: $(DEV) ## format the code, repair what ruff can repair, generate statements and docs/cli.md
	$(BIN)/ruff format $(PATHS)
	$(BIN)/ruff check --fix $(PATHS)
	$(BIN)/python -m tests.databases.generate
	$(BIN)/python -m tests.adapters.cli.generate

lint: $(DEV) ## ruff, and the layers
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/ruff check $(PATHS)
	$(BIN)/lint-imports

types: $(DEV) ## mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

test: $(DEV) ## the tests, on SQLite and on a PostgreSQL and a Redis that they start themselves
	$(BIN)/pytest -n $(JOBS) $(ARGS)

test-pythons: $(DEV) ## the tests of code and adapters on every other Python that is supported and here
	$(BIN)/python -m tests.environments pythons -n $(JOBS) $(ARGS)

test-lowest: $(DEV) ## the same with the lowest versions that pyproject.toml allows
	$(BIN)/python -m tests.environments lowest -n $(JOBS) $(ARGS)

test-newest: $(DEV) ## the same with the newest releases of today
	$(BIN)/python -m tests.environments newest -n $(JOBS) $(ARGS)

test-browser: $(DEV) ## the viewer in a real Chromium, which is installed where that is allowed
	@.ci/servers || { echo "There is no Chromium here, and it could not be installed: see above."; exit 1; }
	$(BIN)/pytest -n $(JOBS) tests/browser tests/web $(ARGS)

torture: $(DEV) ## the long forms of the fault tests, strict about time: one by one, on a quiet machine
	EVENTLOG_TORTURE=1 $(BIN)/pytest --timeout=1800 -o faulthandler_timeout=2000 tests/faults tests/contract/feed/test_subscribe.py $(ARGS)

mutation: $(DEV) ## change the code that verifies, one place at a time: a test must notice each
	$(BIN)/python -m tests.mutation $(ARGS)

wheel: $(DEV) ## build the wheel and test it in an environment of its own
	$(BIN)/python tests/packaging/check_wheel.py

check: lint types test wheel ## all that CI runs

bench: $(DEV) ## measure against the SDK's own session; QUICK=1 for a short run, ONLY=name for a part
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)")

demo: $(DEMO) ## an agent runs on the log; LIVE=1 asks a real model
	@$(BIN)/python -m examples.demo $(if $(LIVE),--live)

demo-web: $(DEMO) ## the demo's log in the viewer, until Ctrl-C
	@test -e demo-output/conversations.db || $(BIN)/python -m examples.demo >/dev/null
	@$(BIN)/eventlog --db demo-output/conversations.db web

lock: $(DEV) ## pin the newest versions, for every platform
	$(BIN)/python requirements/lock.py

clean: ## remove what make made
	rm -rf .venv .venv-* build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python of at least 3.11 with venv was found. Install one, or say make PYTHON=..."; exit 1; }
	@echo "Making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv

$(DEMO): requirements/demo.txt pyproject.toml | .venv/bin/python
	@echo "Installing what the demo needs into .venv (once, about a minute)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | .venv/bin/python
	@echo "Installing what the tests and tools need into .venv (once, a minute or two)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
