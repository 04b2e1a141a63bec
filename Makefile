# Everything a newcomer or a reviewer runs. Each target does its own set-up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PHAS_VENV := .venv-phas
# Tests wait more than they compute.
TEST_PROCESSES ?= 3

.PHONY: install demo test lint bench bench-peers docs soak chromium clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("wsi-lab needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@# It asks for an old marshmallow, which it never imports and which others cannot live with.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps slidescore-sdk
	@# It pins an old shapely and an old Python, and works with the present ones.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps --ignore-requires-python cytomine-python-client
	touch $@

# PHAS's released client brings a whole web server along, in its own versions.
$(PHAS_VENV)/.installed: $(VENV)/bin/python constraints-phas.txt
	$(PYTHON) -m venv $(PHAS_VENV)
	$(PHAS_VENV)/bin/python -m pip install --quiet --constraint constraints-phas.txt phas openslide-bin
	touch $@

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Browser tests drive the system's Chromium; it is installed once, where it is missing.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
	  || echo "Chromium is missing and could not be installed; browser tests will be skipped."

demo: $(VENV)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/wsi-lab demo $(DEMO_FLAGS)

test: $(VENV)/.installed-test $(PHAS_VENV)/.installed node_modules/.installed chromium
	@# What measures times runs first, with nothing beside it.
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m 'quiet and not soak' tests $(PYTEST_FLAGS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m 'not quiet and not soak' -n $(TEST_PROCESSES) --dist loadfile $(PYTEST_FLAGS)

soak: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m soak --timeout 3600 $(PYTEST_FLAGS)

lint: $(VENV)/.installed-test node_modules/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent lint

# wrk and the peers written in C come from the system; what is missing is left out of the run.
bench-peers:
	@{ command -v wrk && command -v sqlite3 && { command -v nginx || test -x /usr/sbin/nginx; } && test -x /usr/lib/iipimage-server/iipsrv.fcgi; } >/dev/null 2>&1 \
	  || { apt-get update -qq && apt-get install -y -qq --no-install-recommends wrk sqlite3 nginx-light iipimage-server >/dev/null; } \
	  || echo "wrk, sqlite3, nginx-light or iipimage-server could not be installed; what needs them is left out."

bench: $(VENV)/.installed-test bench-peers
	$(BIN)/python -m bench $(BENCH_FLAGS)

docs: $(VENV)/.installed-test
	$(BIN)/python -m pytest --doctest-modules tests/test_docs.py tests/test_notebooks.py wsi_lab

clean:
	rm -rf $(VENV) $(PHAS_VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
