# What a newcomer and a build machine run. Needs make and Python 3.11 or newer; everything else goes into .venv.
# Another interpreter: make demo PYTHON=python3.12

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

# Files that say what has to be installed; each is made by the recipe below that installs it.
RUN := $(VENV)/.installed-run
TEST := $(VENV)/.installed-test

.PHONY: help demo test bench lint format clean

help: ## show this list
	@echo "Tidings: from a click to the right e-mail. Run make with one of:"
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

demo: $(RUN) ## a shop with its real history, an inbox and the console, on this machine; Ctrl-C ends it
	@$(BIN)/tidings demo

test: $(TEST) lint ## lint, types and the whole test suite
	@$(BIN)/python -m tests.suite

bench: $(TEST) ## measure, each figure beside its limit
	@$(BIN)/python -m benchmarks

lint: $(TEST) ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(TEST) ## put the code into shape
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

clean: ## remove .venv, installed node packages and caches; demo-data stays (delete it to start the demo afresh)
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find . -name node_modules -type d -prune -exec rm -rf {} +

# The virtual environment, of the first interpreter that is new enough and can make one.
$(BIN)/python:
	@for python in $(CANDIDATES); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "error: $$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	  fi; \
	  echo "making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); exit 1; \
	done; \
	echo "error: Tidings needs Python 3.11 or newer; looked for: $(CANDIDATES)" >&2; \
	found=$$(python3 --version 2>&1) && echo "       python3 here is $$found" >&2; \
	echo "       install one (apt install python3, brew install python), or name it: make demo PYTHON=/path/to/python3" >&2; \
	exit 1

# Locked dependencies, each checked against its hash, then the package itself from this folder. Made again only when
# the lock or pyproject.toml changes. The tests' lock holds all that running needs, so it counts for both.
$(RUN): requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "installing what Tidings needs into $(VENV) (once; half a minute)"
	@rm -f $(TEST)
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(TEST): requirements/test.txt pyproject.toml | $(BIN)/python
	@echo "installing what the tests need into $(VENV) (once; a minute)"
	@$(PIP) install --require-hashes -r requirements/test.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(RUN) $@
