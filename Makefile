# Clearway. Needs Python 3.11 or newer, make and git; everything else comes from the hash-locked requirements.txt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CLEARWAY_DATA ?= ../shared/data
export CLEARWAY_DATA
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEMO_SEED ?= 1
CHECKED := build/check.db

.DEFAULT_GOAL := help
.PHONY: help install run demo test test-long test-crash test-chain test-interop test-verifier check format bench figures mutation lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv from the lock; does nothing while the lock is unchanged

$(STAMP): requirements.txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	"$(PYTHON)" -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

run: install ## run the service on http://127.0.0.1:8000 (PORT=): API, auctioneer, embedded world in data/
	@$(BIN)/clearway run

demo: install ## clear the seeded demo auction from files and show the result
	@mkdir -p out
	@$(BIN)/clearway demo --seed $(DEMO_SEED) -o out/demo-problem.json
	@$(BIN)/clearway auction out/demo-problem.json --work 300000 -o out/demo-record.json
	@$(BIN)/clearway replay out/demo-record.json

# Compiled modules are kept even where the environment says otherwise: the tests start a hundred programs.
test: install ## run all tests, three at a time, as some wait
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 3 --dist worksteal

test-long: install ## the tests that take long: README stories against a whole service, recorded instances, a death at every hook
	PYTHONDONTWRITEBYTECODE= CLEARWAY_LONG=1 $(BIN)/python -m pytest -q -n 3 --dist worksteal -m long

test-crash: install ## kill the service 200 times between commit and reply; 200 settlements with deaths at every step
	CLEARWAY_CRASHES=200 $(BIN)/python -m pytest -q tests/api_http/test_crash.py
	CLEARWAY_SETTLEMENTS=200 $(BIN)/python -m pytest -q tests/settlement/test_one_effect.py

test-chain: install ## the venues against contract bytecode in an EVM (needs node and npm; keeps what it downloads in build/chain)
	@$(BIN)/python -m tests.chain.install
	CLEARWAY_CHAIN=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/chain

test-interop: install ## the log against verifiers that others wrote, which it installs in build/interop
	tests/interop/install.sh
	CLEARWAY_INTEROP=1 $(BIN)/python -m pytest -q tests/interop

test-verifier: install ## the verifier alone on every Python from 3.11 on that is here: the same bytes
	tests/verifier/install.sh
	CLEARWAY_VERIFIER=1 $(BIN)/python -m pytest -q tests/verifier

check: install ## format, lint, types, one-way imports, migrations against tables; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p build && rm -f $(CHECKED)*
	DATABASE_URL=sqlite:///$(CHECKED) $(BIN)/alembic upgrade head
	DATABASE_URL=sqlite:///$(CHECKED) $(BIN)/alembic check

format: install ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## the benchmarks: rewrite docs/benchmarks.md, print the figures on the recorded data as JSON
	$(BIN)/python -m docs.benchmarks
	$(BIN)/clearway bench cow $(CLEARWAY_DATA)/cow/mainnet_2023/instance_7400681.json.gz --json
	$(BIN)/clearway bench deribit $(CLEARWAY_DATA)/options/deribit_btc_book_2020-05-21.csv.gz --json

figures: install ## rerun the commands of the README and rewrite their output and figures
	$(BIN)/python docs/figures.py

mutation: install ## mutation run over verification and selection
	$(BIN)/mutmut run

lock: ## resolve requirements.txt anew (needs a package registry)
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install pip-tools==7.6.2
	CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --extra solvers --extra client --extra server --extra postgres --extra network --extra dev \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
		--output-file requirements.txt pyproject.toml

clean: ## remove the environment and everything made
	rm -rf $(VENV) build out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
