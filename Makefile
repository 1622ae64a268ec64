# Needs Python 3.11 or later, make, and the network for the first run; everything lands in this folder.
#
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
#
# takes PyTorch's CPU build on Linux (about 200 MB instead of several GB); without it everything comes from PyPI. It
# matters for the first set-up only: after `make clean` one may choose anew.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# Neither the demo nor the tests touch the store in the user's data folder.
STORES := $(CURDIR)/.demo

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint types clean

help:
	@echo 'make demo      set up, then search a network for the digits that scikit-learn carries (about two minutes)'
	@echo 'make test      set up, then run the tests'
	@echo 'make test-all  the tests with the longer checks'
	@echo 'make lint      style of the code'
	@echo 'make types     types of the code'
	@echo 'make clean     remove the virtual environment, caches and the store of the demo (not runs/)'
	@echo 'TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the CPU build of PyTorch on Linux'

$(INSTALLED): pyproject.toml constraints.txt
	@test -n '$(PYTHON)' || { echo 'MetaNAS needs Python 3.11 or later with its venv module (Debian, Ubuntu: apt install python3-venv);' \
		'install it, or name one: make PYTHON=/path/to/python3'; exit 1; }
	'$(PYTHON)' -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
		echo '$(PYTHON) is older than Python 3.11 or lacks its venv module; name another: make PYTHON=/path/to/python3'; exit 1; }
	test -x $(BIN)/python || '$(PYTHON)' -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt -e . --group dev
	@touch $@

demo: $(INSTALLED)
	@mkdir -p "$(STORES)" runs
	METANAS_STORE="$(STORES)/store.db" $(BIN)/metanas search digits --budget 60s --max-params 50k --out runs/demo-$$(date +%Y%m%d-%H%M%S)

test: $(INSTALLED)
	@mkdir -p "$(STORES)"
	METANAS_STORE="$(STORES)/tests.db" $(BIN)/python -m pytest

test-all: $(INSTALLED)
	@mkdir -p "$(STORES)"
	METANAS_STORE="$(STORES)/tests.db" $(BIN)/python -m pytest -m 'slow or not slow' --timeout 3600

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .demo build dist src/metanas.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
