# Everything below sets itself up inside this folder (.venv/, target/) and is quick the second time.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint golden bench kernels instructions peers exactness queueing schema lock clean

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.setup-done
BUILT := .venv/.build-done
PEERS_BIN := benches/peers/.venv/bin
PEERS := benches/peers/.venv/.setup-done
RUST_SOURCES := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(SETUP) ## create .venv with the locked Python packages

$(SETUP): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: hookean needs Python 3.11 or newer; set PYTHON=/path/to/python3 in front of make")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

build: $(BUILT) ## compile the engine and install hookean into .venv

$(BUILT): $(SETUP) $(RUST_SOURCES) pyproject.toml
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/maturin develop --release --quiet
	@touch $@

demo: $(BUILT) ## replay a World Cup day against three platforms: a table and hookean-demo/report.html
	$(BIN)/hookean demo

test: $(BUILT) lint ## all tests and linters
	cargo test --workspace --locked --quiet
	$(BIN)/pytest -n auto

lint: $(BUILT) ## rustfmt, clippy, ruff, mypy, stub check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest hookean._core

golden: $(BUILT) ## rewrite the golden digests; explain every change in CHANGELOG under "Results changed"
	HOOKEAN_GOLDEN=rewrite $(BIN)/pytest tests/golden -q

exactness: ## 10,000 random scripts over all disciplines, lazy engine against the event list, event lists against a model
	HOOKEAN_EXACTNESS_CASES=10000 cargo test --release --locked -p hookean-sim --test station -- --nocapture
	HOOKEAN_EXACTNESS_CASES=10000 cargo test --release --locked -p hookean-sim --test control_plane calls::prop -- --nocapture
	HOOKEAN_EXACTNESS_CASES=10000 cargo test --release --locked -p hookean-sim --test control_plane synchronous_random -- --nocapture
	HOOKEAN_EXACTNESS_CASES=10000 cargo test --release --locked -p hookean-sim --test control_plane lanes -- --nocapture

bench: $(BUILT) $(PEERS) ## every goal of speed beside what is measured, and docs/speed.md (half an hour; QUICK=1 for a few minutes, without the page)
	$(BIN)/python benches/goals/run.py --peer-python $(PEERS_BIN)/python $(if $(QUICK),--quick,--page docs/speed.md)

kernels: ## criterion benches of the kernels
	cargo bench --locked -p hookean-sim --bench stations

instructions: $(SETUP) ## instruction counts of the hot kernels against the recorded ones (needs valgrind)
	$(BIN)/python benches/instructions/run.py

peers: $(BUILT) $(PEERS) ## the same jobs in hookean, SimPy, Ciw, salabim, SimFaaS and numba, answers checked first
	$(BIN)/python benches/peers/run.py --peer-python $(PEERS_BIN)/python $(if $(QUICK),--quick)

$(PEERS): benches/peers/requirements.txt
	$(PYTHON) -m venv benches/peers/.venv
	$(PEERS_BIN)/pip install --quiet --disable-pip-version-check -r benches/peers/requirements.txt
	@touch $@

queueing: $(BUILT) ## simulate the cases of queueing theory and rewrite docs/validation/queueing.md
	$(BIN)/hookean conformance tests/conformance/queueing --table docs/validation/queueing.md

schema: $(BUILT) ## regenerate the JSON schema of scenarios
	$(BIN)/python -m hookean.scenario.schema

lock: $(SETUP) ## refresh requirements.lock (installs uv into .venv)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --no-header --generate-hashes --python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean: ## remove everything that make created
	rm -rf .venv target benches/peers/.venv
