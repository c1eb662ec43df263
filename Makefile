# 镇街综合数据平台. `make help` lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# PySpark beside the environment and not in it: what is tested without it is tested as it is installed.
SPARK ?= .spark
# The tools that we are compared with, in an environment of their own.
PEERS ?= .venv-peers
PACKAGES := schemas warehouse quality returns assets pipelines sample_city
RESIDENTS ?= 20000
ROWS ?= 1000000
SEED ?= 1
TURNS ?= 2
KILLS ?= 200
MUTANTS ?= 2000

# Where nothing compiled is kept, every process, and there are many in the suite, compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-spark faults dev check format bench bench-peers accuracy cold fuzz lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## a virtual environment with the locked packages

$(READY): requirements.lock requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	touch $@

demo: $(READY) ## the sample city, two turns of the loop, and where everything lies
	$(BIN)/zhenjie demo

# Two workers have the two cores: more threads only wait for each other.
test: export POLARS_MAX_THREADS = 1
test: $(READY) ## the tests of each part, and short loops
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: export POLARS_MAX_THREADS = 1
test-slow: $(READY) ## whole loops, faults, servers
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(wildcard tests/faults tests/slow)

faults: $(READY) ## runs killed at random moments: make faults KILLS=200
	$(BIN)/python -m pytest tests/faults/test_kill.py --kills $(KILLS)

$(SPARK)/.ready: $(READY) requirements-spark.lock
	rm -rf $(SPARK)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --target $(SPARK) -r requirements-spark.lock
	touch $@

test-spark: $(SPARK)/.ready ## the demo city on Spark finds what it finds on DuckDB (needs Java 17)
	@command -v java >/dev/null || { echo "Java 17 is missing: apt-get install openjdk-17-jre-headless"; exit 1; }
	PYTHONPATH=$(SPARK) $(BIN)/python -m pytest tests/parity

dev: $(READY) ## Dagster's UI on http://127.0.0.1:3000 with everything wired
	$(BIN)/zhenjie dev

check: $(READY) ## format, lint, types, import floors, contracts, folders and plain English
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zhenjie contract lint
	$(BIN)/python -m pytest tests/house

format: $(READY) ## mend what a formatter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## the loop at a city's size beside the floor: make bench RESIDENTS=1000000 TURNS=2
	$(BIN)/python -m benchmarks.city --residents $(RESIDENTS) --seed $(SEED) --turns $(TURNS)

$(PEERS)/.ready: benchmarks/peers/requirements.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --require-hashes --no-deps -r $<
	touch $@

bench-peers: $(READY) $(PEERS)/.ready ## our verification beside other tools: make bench-peers ROWS=1000000
	$(BIN)/python -m benchmarks.peers.run --rows $(ROWS) --seed $(SEED) --peers $(PEERS)/bin/python

accuracy: $(READY) ## how well planted errors are found: make accuracy RESIDENTS=100000 SEED=1
	$(BIN)/python -m benchmarks.accuracy --residents $(RESIDENTS) --seed $(SEED)

cold: TURNS = 30
cold: $(READY) ## turns in new processes, for faults of one beginning in many: make cold TURNS=30
	$(BIN)/python -m benchmarks.cold --turns $(TURNS)

fuzz: $(READY) ## mutated files against every reader: make fuzz MUTANTS=2000
	$(BIN)/python -m tests.fuzz --mutants $(MUTANTS)

lock: ## write the locked packages anew (needs uv)
	uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -q pyproject.toml -o requirements.lock
	uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -q pyproject.toml --group dev -o requirements-dev.lock
	sed -n 's/^spark = \["\(.*\)"\]/\1/p' pyproject.toml | uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -q - -o requirements-spark.lock
	uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q benchmarks/peers/requirements.in -o benchmarks/peers/requirements.lock

clean: ## take away the virtual environment and the demo's home
	rm -rf $(VENV) $(PEERS) $(SPARK) .zhenjie
