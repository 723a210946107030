# One command for each thing one does here. Needs: Python 3.11 (with pip and venv) and make.

PYTHON ?= python3.11
# Passed on to the command that the target runs: make bench ARGS="--quick"
ARGS ?=

VENV := .venv
# Written last, so a set-up that was interrupted is never taken for a finished one.
COMPLETE := $(VENV)/.complete

# Two set-ups at once would each clear what the other installs, so the second waits and looks again, where it can.
LOCK := $(and $(shell command -v flock),flock Makefile)

COMPILE := ../$(VENV)/bin/uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup bench gate test test-all lint types format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PYTHON=path of a Python 3.11, ARGS="arguments for the command"'

setup: $(COMPLETE) ## build .venv from the pinned, hashed requirements; nothing to do when it is up to date

# Whatever was there is cleared: a half-installed package would look installed to uv. Its cache makes that cheap.
# uv installs torch, not pip: pip prefers a "+cpu" build where one is offered, which does not fit torchvision.
$(COMPLETE): requirements/bootstrap.txt requirements/requirements.txt
ifdef LOCK
	@$(LOCK) $(MAKE) --no-print-directory LOCK= $@
else
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo 'cnn-dyno needs Python 3.11: set PYTHON=..., for example make setup PYTHON=/path/to/python3.11' >&2; \
	    exit 1; }
	@test ! -L $(VENV) || { echo '$(VENV) is a link: setting it up would empty what it leads to; remove it' >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(VENV)/bin/uv pip sync --python $(VENV)/bin/python --require-hashes requirements/requirements.txt
	@touch $@
endif

bench: $(COMPLETE) ## measure: pytest bench $(ARGS)
	$(VENV)/bin/pytest bench $(ARGS)

gate: $(COMPLETE) ## is this checkout worse than origin/main? another revision: ARGS="--base REF"
	$(VENV)/bin/python .github/scripts/gate.py $(ARGS)

test: $(COMPLETE) ## the suite's own tests, without those that are too long for every change: pytest -m "not slow" $(ARGS)
	$(VENV)/bin/pytest -m "not slow" $(ARGS)

test-all: $(COMPLETE) ## all of them, both ends of every framework's proven releases too: pytest $(ARGS)
	$(VENV)/bin/pytest $(ARGS)

lint: $(COMPLETE) ## ruff check, ruff format --check, mypy --strict; changes nothing
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

types: $(COMPLETE) ## mypy --strict alone
	$(VENV)/bin/mypy

format: $(COMPLETE) ## let ruff format and fix what it safely can
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

lock: $(COMPLETE) ## pin requirements/*.in again; newer versions with ARGS=--upgrade
	cd requirements && $(COMPILE) $(ARGS) requirements.in --output-file requirements.txt
	cd requirements && $(COMPILE) --constraints requirements.txt --upgrade bootstrap.in --output-file bootstrap.txt
	cd requirements && $(COMPILE) $(ARGS) tf-estimator.in --output-file tf-estimator.txt
	cd requirements && $(COMPILE) $(ARGS) otava.in --output-file otava.txt

clean: ## remove .venv and what tools left behind; saved results stay
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
