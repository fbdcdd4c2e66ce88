# The project's commands; `make` lists them. Needs Python 3.11, 3.12 or 3.13 and make, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
export PYTHON
# Without byte code each process that a test or a server starts would compile the project's 130 modules anew: 0.3 s.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv (all other targets do it as well)

$(READY): requirements.lock pyproject.toml infra/setup.sh
	@infra/setup.sh
	@touch $@

demo: $(READY) ## Show the whole chain on real data
	@$(BIN)/python -m orchestration.demo

test: $(READY) ## Run the tests that protect every promise in small
	@$(BIN)/pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(READY) ## Run the long ones: many random examples, kills, the browser, other Pythons
	@HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -m "slow or thorough" -n 3 --dist loadfile

check: $(READY) ## Run what needs no server: format, lint, types, layers, SQL, lock, changelog
	@$(MAKE) --no-print-directory -j 2 check-types check-all-else

check-types: $(READY)
	@$(BIN)/mypy

check-all-else: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project/models
	@infra/check_lock.sh
	@infra/check_changelog.sh

docs: $(READY) ## Build the documentation into site/; a broken link or a public name without a docstring fails
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs site
	@echo "site/index.html"

bench: $(READY) ## Measure the times and print them
	@$(BIN)/python -m benchmarks

bench-faults: $(READY) ## Kill clients and servers 200 times, and more, and count what is lost; docs/faults.md has a result
	@$(BIN)/python -m tests.library.faults

up: $(READY) ## Start the servers; parts="ui sql" adds Dagster, MLflow and Trino
	@$(BIN)/lakehouse up $(parts)

down: $(READY) ## Stop the servers
	@$(BIN)/lakehouse down

dbt: $(READY) ## Run dbt build alone against the running servers
	@$(BIN)/lakehouse dbt build

lock: $(READY) ## Make requirements.lock anew from pyproject.toml; upgrade=1 takes newer releases
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links $(if $(upgrade),--upgrade) --output-file requirements.lock

.PHONY: help setup demo test test-slow check check-types check-all-else docs bench bench-faults up down dbt lock
