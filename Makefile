# make run: the service on a real S3, from nothing.   make test: everything that must hold.   make lock: Pipfile.lock.
# make bench: every figure about speed and memory, measured anew; benchmarks/README.md has the rest.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Processes that share the tests; each has a store and a database of its own. One more than processors: tests wait, too.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Of the integration tests, those to which the database makes no difference: SQLite's run is enough for them.
ON_ANY_DATABASE := uppy $(addsuffix .py,$(addprefix test_,cors hostile_bodies packaging postman running secrets signing))
# For how long `make fuzz` tries random inputs, at least: it ends with a whole round.
MINUTES ?= 10
PIPENV := pipenv==2026.10.3
BIN := .venv/bin
# pipenv works in the environment that VIRTUAL_ENV names, here always ours.
export VIRTUAL_ENV := $(CURDIR)/.venv
export PIPENV_VERBOSITY := -1
export PIPENV_NOSPIN := 1
unexport PYTHONPATH PYTHONHOME
MAKEFLAGS += --no-print-directory

.PHONY: run test fuzz lint format lock tox bench clean check-venv
.DEFAULT_GOAL := run
# check-venv comes before what it checks, under `make -j` too.
.NOTPARALLEL:

run: check-venv .venv/.run
	@exec $(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

test: check-venv .venv/.test postman/node_modules/.done tests/integration/uppy/node_modules/.done
	@$(MAKE) lint
	@$(BIN)/python -m pytest -n $(WORKERS) tests/unit --cov
	@$(BIN)/python -m pytest -n $(WORKERS) tests/integration
	@TEST_DATABASE=postgresql $(BIN)/python -m pytest -n $(WORKERS) tests/integration $(addprefix --ignore=tests/integration/,$(ON_ANY_DATABASE))

# Random requests and values, other ones each time; prints how many, and what they found.
fuzz: check-venv .venv/.test
	@$(BIN)/python tools/fuzz.py $(MINUTES)

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	# The hash is that of the default index, whichever pip is configured with here.
	env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null $(BIN)/python -m pipenv verify

format: .venv/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The suite on every supported Python that is found; says which were not.
# pyenv hides what is not switched on; tox is told where it lies.
tox: export TOX_DISCOVER ?= $(subst $() ,:,$(wildcard $(HOME)/.pyenv/versions/3.1[1-9]*/bin/python))
tox: check-venv .venv/.test
	$(BIN)/tox run

# For example: make bench SIZE=256 ROUNDS=3 ONLY=upload,download SKIP=naive; OPTIONS takes any other of its options.
bench: check-venv .venv/.bench benchmarks/rivals/companion/node_modules/.done
	@exec $(BIN)/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(SKIP),--skip $(SKIP)) $(if $(RESULTS),--results $(RESULTS)) $(OPTIONS)

lock: check-venv .venv/.pipenv
	$(BIN)/pipenv lock
	$(BIN)/python tools/lock_without_addresses.py Pipfile Pipfile.lock

clean:
	rm -rf .venv postman/node_modules tests/integration/uppy/node_modules tests/integration/uppy/*/node_modules
	rm -rf benchmarks/rivals/companion/node_modules .mypy_cache .ruff_cache .pytest_cache .tox dist

# --- what the above stand on ---------------------------------------------------------------------------------------------

# .venv/.files lists what was installed. An environment that lacks a file of it, or was left half made, is made anew:
# pip believes a package to be there as long as its metadata is.
LISTED = cd .venv && find . ! -type d ! -name '*.pyc' ! -path './.*' >.list && mv .list .files

check-venv:
	@if [ -e .venv ] && ! (cd .venv && test -s .files && tr '\n' '\0' <.files | xargs -0 ls -dL && bin/python -c '') >/dev/null 2>&1; then \
		echo "The .venv is not whole: making it anew."; rm -rf .venv; \
	fi

.venv/.pipenv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv is needed: on Debian, apt install python3-venv"; exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIPENV)
	@$(LISTED)
	@touch $@

.venv/.run: .venv/.pipenv Pipfile.lock
	@echo "Installing what Pipfile.lock names ..."
	@rm -f .venv/.files
	@$(BIN)/python -m pipenv sync
	@$(LISTED)
	@touch $@

.venv/.test: .venv/.run Pipfile.lock
	@echo "Installing what the tests need ..."
	@rm -f .venv/.files
	@$(BIN)/python -m pipenv sync --dev
	@$(LISTED)
	@touch $@

.venv/.bench: .venv/.run Pipfile.lock
	@echo "Installing what the benchmarks need ..."
	@rm -f .venv/.files
	@$(BIN)/python -m pipenv sync --categories benchmarks
	@$(LISTED)
	@touch $@

# Newman runs the Postman collection, Uppy uploads, Companion is a rival in the benchmarks; without npm those who need
# them say so, and tests fail in CI.
%/node_modules/.done: %/package-lock.json
	@if command -v npm >/dev/null; then cd $* && npm ci --silent --no-audit --no-fund && touch node_modules/.done; \
	else echo "npm is not installed: what $* needs is missing."; fi
