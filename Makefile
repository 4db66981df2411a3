# The interpreter that makes .venv: any Python from 3.11 on. `make setup PYTHON=python3.12`
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo serve ministack test test-every test-fast e2e check audit bench bench-peers mutants clean

help: ## what there is to make
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with everything in it, and the command .venv/bin/deskweave

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Deskweave needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing. On Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: setup ## play a working day: customers, agents, outages, and then the books
	$(BIN)/deskweave demo

serve: setup ## run Deskweave on this machine until Ctrl-C
	$(BIN)/deskweave serve

ministack: setup ## run an AWS on this machine to deploy to, until Ctrl-C
	$(BIN)/python -m tests.deploy.ministack

test: setup ## every test
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-every: setup ## every test, with every call point and every order: an hour
	DESKWEAVE_EVERY=1 $(BIN)/python -m pytest -n 3 --dist worksteal

test-fast: setup ## the tests that take no patience
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow"

e2e: setup ## the demo's day over a deployed stage, for three seeds, beside the local one
	$(BIN)/python -m tests.e2e

check: setup ## style, types, import rules, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy chalicelib connectors infra app.py
	$(BIN)/python -m pytest tests/test_import_rules.py
	$(BIN)/deskweave docs --check
	$(BIN)/python -m tests.audit

audit: setup ## ask the advisory database about every package; "not run" where it cannot be reached
	$(BIN)/python -m tests.audit

bench: setup ## measure the budgets and write bench.json
	$(BIN)/python -m bench

bench-peers: setup ## our way in beside aiohttp, slack-bolt and n8n: speed, and what is lost when workers are killed
	$(BIN)/python -m bench.peers --markdown

mutants: setup ## break each promise's code and see the tests fail
	$(BIN)/python -m tests.mutants

clean: ## remove what was made, .venv included
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .deskweave bench.json bench-peers.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
