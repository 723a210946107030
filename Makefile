# One command for each thing one does here. Needs: Python 3.11 to 3.14 (with pip and venv) and make.

# Which Python; the newest that works here unless it is given.
PYTHON ?=
# What bench sets up and measures: FRAMEWORKS="pytorch jax"
FRAMEWORKS ?=
# Passed on to the command that the target runs: make bench ARGS="--quick"
ARGS ?=

VENV := .venv
SETUP := PYTHON="$(PYTHON)" .github/scripts/setup.sh
# The same pins for every Python, with markers where they differ.
COMPILE := ../$(VENV)/bin/uv pip compile --generate-hashes --no-emit-index-url --no-header
EVERY := --universal --python-version 3.11

# The default of pytest bench; make bench installs no more than it measures.
STUDIED := pytorch tensorflow keras-tensorflow
# Whoever names others, or a program, in ARGS gets everything.
MEASURED := $(if $(findstring --framework,$(ARGS))$(findstring --program,$(ARGS)),,$(STUDIED))

comma := ,
empty :=
CHOSEN := $(if $(strip $(FRAMEWORKS)),--framework $(subst $(empty) $(empty),$(comma),$(strip $(FRAMEWORKS))) )

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup everything bench gate test test-all known-answers lint types format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PYTHON=path of a Python, FRAMEWORKS="pytorch jax" (setup, bench), ARGS="arguments for the command"'

setup: ## build .venv from the pinned, hashed requirements: of all frameworks, or of FRAMEWORKS
	@$(SETUP) $(FRAMEWORKS)

everything:
	@$(SETUP)

bench: ## set up the default frameworks, or FRAMEWORKS, and measure them: pytest bench $(ARGS)
	@$(SETUP) $(or $(strip $(FRAMEWORKS)),$(MEASURED))
	$(VENV)/bin/pytest bench $(CHOSEN)$(ARGS)

gate: everything ## is this checkout worse than origin/main? another revision: ARGS="--base REF"
	$(VENV)/bin/python .github/scripts/gate.py $(ARGS)

test: everything ## the suite's own tests, without those that are too long for every change: pytest -m "not slow" $(ARGS)
	$(VENV)/bin/pytest -m "not slow" $(ARGS)

test-all: everything ## all of them, both ends of every framework's proven releases too: pytest $(ARGS)
	$(VENV)/bin/pytest $(ARGS)

known-answers: everything ## search real regressions whose release is known, for an hour: a part of them: ARGS="jax-cpu-step"
	$(VENV)/bin/python -m tests.figures.known_answers $(ARGS)

lint: everything ## ruff check, ruff format --check, mypy --strict; changes nothing
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

types: everything ## mypy --strict alone
	$(VENV)/bin/mypy

format: everything ## let ruff format and fix what it safely can
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

lock: everything ## pin requirements/*.in again; newer versions with ARGS=--upgrade
	cd requirements && $(COMPILE) $(EVERY) $(ARGS) requirements.in --output-file requirements.txt
	cd requirements && $(COMPILE) $(EVERY) --constraints requirements.txt --upgrade bootstrap.in --output-file bootstrap.txt
	cd requirements && $(COMPILE) --python-version 3.11 $(ARGS) tf-estimator.in --output-file tf-estimator.txt
	cd requirements && $(COMPILE) $(EVERY) $(ARGS) otava.in --output-file otava.txt

clean: ## remove .venv and what tools left behind; saved results stay
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
