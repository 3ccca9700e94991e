# Bouncedesk. `make help` lists the targets; `make run` and `make test` need nothing but git, make and Python.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
CODE := bot tests $(wildcard bench)
UV_VERSION := 0.13.9

# Words for a command line: make run ARGS="--lang nb", make test ARGS="-k backscatter".
ARGS ?=
# The Python to build on; by default the first of CANDIDATES that is new enough and can make a virtualenv.
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)

RUNTIME := $(VENV)/.project
DEV := $(VENV)/.dev
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help setup run test check audit bench e2e soak test-rt draw manifest lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(RUNTIME) $(DEV) ## install everything, for running and for developing, into .venv

run: $(RUNTIME) ## start the bot here: a chat in the terminal, SQLite, no account anywhere
	@$(BIN)/bouncedesk chat $(ARGS)

test: $(RUNTIME) $(DEV) ## run the whole test suite, on every core
	$(BIN)/python -m pytest --numprocesses logical $(ARGS)

check: $(RUNTIME) $(DEV) ## check style, types, architecture, security and content
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(CODE) .ci/advisories.py
	$(BIN)/lint-imports --no-logo
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive bot .ci
	$(BIN)/python .ci/advisories.py requirements.lock requirements-dev.lock
	$(BIN)/bouncedesk lint

audit: $(DEV) ## ask an advisory service about every locked version; needs the network
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.lock

bench: $(RUNTIME) $(DEV) ## measure against the stock SDK, side by side
	$(BIN)/python -m bench $(ARGS)

e2e: $(RUNTIME) $(DEV) ## run only the tests that drive the whole program from outside
	$(BIN)/python -m pytest tests/e2e $(ARGS)

soak: $(RUNTIME) $(DEV) ## run the long tests: kills under load, two instances, ten minutes of everything going wrong
	$(BIN)/python -m pytest tests/soak -s $(ARGS)

test-rt: $(RUNTIME) $(DEV) ## test against a real Request Tracker 5; as root on Debian, installs its packages
	$(BIN)/python -m pytest tests/rt -p no:xdist $(ARGS)

test-deploy: $(RUNTIME) $(DEV) ## walk the guides on a Debian with systemd, build and run the image; as root on Debian, installs what it needs
	$(BIN)/python -m pytest tests/machine -p no:xdist $(ARGS)

draw: $(RUNTIME) ## draw a dialog as a picture: make draw ARGS=5.1.10
	@$(BIN)/bouncedesk draw $(ARGS)

manifest: $(RUNTIME) ## build and check the Teams app package
	@$(BIN)/bouncedesk manifest $(ARGS)

# Keeps the versions that still satisfy pyproject.toml; ARGS=--upgrade takes the newest, ARGS="--upgrade-package aiohttp"
# one of them. The last step is explained at [tool.uv] in pyproject.toml.
lock: $(VENV)/.made ## resolve the dependencies again, into requirements*.lock
	$(BIN)/python -m venv .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check install --quiet uv==$(UV_VERSION)
	.venv-lock/bin/uv pip compile $(LOCK_FLAGS) --group build $(ARGS) --output-file requirements.lock
	.venv-lock/bin/uv pip compile $(LOCK_FLAGS) --group build --group dev --constraint requirements.lock $(ARGS) \
	  --output-file requirements-dev.lock
	for lock in requirements.lock requirements-dev.lock; do \
	  sed "s/ ; $(LOCK_MARKER) / /" "$$lock" >"$$lock.new" && mv "$$lock.new" "$$lock" || exit 1; \
	done
LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links pyproject.toml
LOCK_MARKER := python_full_version < '3.15' and implementation_name == 'cpython' and platform_python_implementation \
  == 'CPython' and (sys_platform == 'darwin' or sys_platform == 'linux')

clean: ## remove what was built or installed here; tickets and other data stay
	rm -rf $(VENV) .venv-lock build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is newer than what it was made from, so a second run starts at once.

$(VENV)/.made:
	@for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "Setting up $(VENV) with $$("$$candidate" --version); the first time takes a minute."; \
	    "$$candidate" -m venv --clear $(VENV) && touch $@ && exit 0; \
	    exit 1; \
	  fi; \
	done; \
	for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "$$("$$candidate" --version) ($$candidate) cannot make a virtualenv: its venv or ensurepip module is missing." >&2; \
	    echo "On Debian and Ubuntu: apt install python3-venv. Then run make again." >&2; \
	    exit 1; \
	  fi; \
	done; \
	echo "Bouncedesk needs Python 3.11 or later; tried: $(CANDIDATES)." >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3." >&2; \
	exit 1

$(VENV)/.runtime: requirements.lock $(VENV)/.made
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@touch $@

$(RUNTIME): pyproject.toml $(VENV)/.runtime
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(VENV)/.runtime
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@
