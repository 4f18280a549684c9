# Two commands on a fresh machine: `make serve` and `make test`. Both install what they need into .venv.

PYTHON ?= python3
PORT ?= 5006
LEDGER ?= var/ledger.db
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test

SNAPSHOT ?= build/snapshot

.PHONY: serve snapshot test lint unit browser bench load thumbnails bundle lock clean

serve: $(STAMP)
	$(BIN)/mlsys-labs serve --port $(PORT) --ledger $(LEDGER)

# Every lab as static HTML: no server, no network, no Python.
snapshot: $(STAMP)
	$(BIN)/mlsys-labs snapshot --out $(SNAPSHOT)

test: lint unit browser

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(TEST_STAMP)
	$(BIN)/python -m pytest tests/unit tests/integration -n auto

browser: $(TEST_STAMP)
	$(BIN)/python -m pytest tests/browser -n 2

bench: $(TEST_STAMP) build/bench/.installed
	$(BIN)/python -m tests.benchmarks

# A class of 200 on nginx, two processes and PostgreSQL; takes a quarter of an hour.
load: $(TEST_STAMP)
	$(BIN)/python -m tests.load

# The peer of the page benchmark, apart from our own packages.
build/bench/.installed: constraints.txt
	$(PYTHON) -m venv build/bench
	build/bench/bin/pip install --quiet --constraint constraints.txt --editable . marimo plotly
	touch $@

thumbnails: $(TEST_STAMP)
	$(BIN)/python -m tests.browser.thumbnails

bundle: $(STAMP)
	$(BIN)/python -m components.bundle

# Writes the versions that a fresh resolution of pyproject.toml gives.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet '.[test]'
	build/lock/bin/pip freeze --exclude mlsys-labs > constraints.txt

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s; set PYTHON=" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(TEST_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	$(BIN)/python -m tests.install_system
	touch $@

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
