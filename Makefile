# Two commands matter: `make run` and `make test`. Both work from a bare checkout.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= .folkmoot
PYTEST_ARGS ?= -n auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run test check bench wheel clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: $(VENV)/.runs ## the server with the demo assembly (HOST=, PORT=, DATA=)
	@exec env FOLKMOOT_DATA_DIR="$(DATA)" $(BIN)/python -m server serve --demo --host "$(HOST)" --port "$(PORT)"

test: $(VENV)/.tests chromium ## the whole suite
	@exec env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.tests ## formatting, lints, types, import contracts, what is built equals what is committed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python web/build.py --check

bench: $(VENV)/.tests ## ratios, measured side by side in one run
	@exec env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m evals.performance

wheel: $(VENV)/.tests ## the wheel, in dist/
	@exec $(BIN)/python -m build --wheel

clean: ## forget what was installed and built; the data stays
	@rm -rf $(VENV) .venv-bench dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Folkmoot needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runs: $(BIN)/python pyproject.toml constraints.txt requirements.py
	@echo "Installing what the server needs (once) …"
	@$(BIN)/python requirements.py > $(VENV)/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r $(VENV)/requirements.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.runs
	@echo "Installing what the tests need (once) …"
	@$(BIN)/python requirements.py dev > $(VENV)/requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r $(VENV)/requirements-dev.txt
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium for the browser tests (once) …"; \
			apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		else \
			echo "Chromium is not installed: the browser tests will be left out."; \
		fi; }
