# `make` lists what can be made. A Python of your own: make PYTHON=python3.12 run
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Files that decide what is installed; the code itself is used in place.
PINS := pyproject.toml constraints.txt
# Arguments for ladera (run) and for pytest (test).
ARGS ?=
TESTS ?=
# Test processes at a time: tests of the real program wait a good part of their time.
WORKERS ?= 3
# Tests start the program some hundred times: compiled modules are kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run setup test check format screenshots bench soak clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## Open the lab (headless where there is no terminal); ARGS="run digits" for a command
	@$(BIN)/ladera $(ARGS)

setup: $(VENV)/.installed-dev  ## Install what development needs into .venv

test: setup  ## Run all tests; TESTS="tests/engine -k adam" for some
	$(BIN)/pytest -n $(WORKERS) $(TESTS)

check: setup  ## Everything a change must pass: lint, format, types, import rules, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS) $(TESTS)

format: setup  ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

screenshots: setup  ## Draw the pictures of the README anew
	$(BIN)/python scripts/screenshots.py

bench: setup  ## Measure everything that benchmarks/README.md tells; on a quiet machine, twenty minutes
	for each in step startup screen screen_share redraw recording list_runs watch_log; do echo "== $$each"; $(BIN)/python benchmarks/$$each.py || exit 1; done

soak: setup  ## The long proofs
	$(BIN)/pytest -m soak $(TESTS)

clean:  ## Remove build output and caches; .venv and runs stay
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find engine presets tui tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ladera needs Python 3.11 or newer, $(PYTHON) is `$(PYTHON) -V`: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(PINS) | $(BIN)/python
	@echo "installing ladera and its libraries into $(VENV); torch is large, this takes a minute or more" >&2
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(PINS) | $(BIN)/python
	@echo "installing ladera and what its development needs into $(VENV)" >&2
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.installed
