# make run: the service on a real S3, from nothing.   make test: everything that must hold.   make lock: Pipfile.lock.
# make check: what is quick to find out, before a commit.   make clean: remove what all of these have brought.
# make bench: every figure about speed and memory, measured anew; benchmarks/README.md has the rest.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Processes that share the tests; each has a store and a database of its own. Integration tests wait more than they compute.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
INTEGRATION_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 2)
# Integration tests that run once. The database makes no difference to the first: they run on SQLite. The kill tests run
# on PostgreSQL, where several hosts and processes share one database.
ON_ANY_DATABASE := tests/integration/uppy $(patsubst %,tests/integration/%.py,endpoints/test_contents endpoints/test_cors \
	$(addprefix delivery/test_,docs newest packaging postman running) uploads/test_stores uploads/test_streaming \
	$(addprefix security/test_,download_folder hostile_bodies hostile_random schema secrets signing slow_clients))
ON_POSTGRESQL := $(addprefix tests/integration/crash/test_,direct_killed.py killed.py)
# For how long `make fuzz` tries random inputs, at least: it ends with a whole round.
MINUTES ?= 10
# Folders into which npm installs something. Chromium, clamd and curl are brought where the machine has none.
NPM := postman tests/integration/uppy
CHROMIUM := $(strip $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
DEBIAN := $(strip $(if $(shell PATH="$$PATH:/usr/sbin" command -v clamd),,clamav-daemon) $(if $(shell command -v curl),,curl))
BROUGHT := $(addsuffix /node_modules/.done,$(NPM) $(if $(CHROMIUM),,tests/chromium)) $(if $(DEBIAN),.debian/.done)
# Each run of the tests writes a line there, and `make test` prints them at its end.
export TEST_REPORT := $(CURDIR)/.test-report
PIPENV := pipenv==2026.10.3
BIN := .venv/bin
# pipenv works in the environment that VIRTUAL_ENV names, here always ours.
export VIRTUAL_ENV := $(CURDIR)/.venv
export PIPENV_VERBOSITY := -1
export PIPENV_NOSPIN := 1
unexport PYTHONPATH PYTHONHOME DJANGO_SETTINGS_MODULE AWS_PROFILE
MAKEFLAGS += --no-print-directory
PYTEST := $(BIN)/python -m pytest -n

.PHONY: run test check newest docs fuzz lint format lock tox bench clean python-gone
.DEFAULT_GOAL := run
# One after the other, under `make -j` too.
.NOTPARALLEL:

run: .venv/.run
	@exec $(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

test: .venv/.test $(BROUGHT)
	@rm -f $(TEST_REPORT)
	@$(MAKE) lint
	@$(MAKE) docs
	@$(PYTEST) $(WORKERS) tests/unit --cov
	@$(PYTEST) $(INTEGRATION_WORKERS) tests/integration $(addprefix --ignore=,$(ON_POSTGRESQL))
	@TEST_DATABASE=postgresql exec $(PYTEST) $(INTEGRATION_WORKERS) tests/integration $(addprefix --ignore=,$(ON_ANY_DATABASE))
	@$(BIN)/python -m tests.report

check: .venv/.test
	@$(MAKE) lint
	@$(PYTEST) $(WORKERS) tests/unit -m "not slow"

# The wheel in a new project, with the newest Python that is found and the newest versions of all that it needs. For
# another: make newest HOST_PYTHON=python3.11 HOST_DJANGO='django~=5.2.0'
newest: .venv/.test
	@$(BIN)/python -m pytest tests/integration/delivery/test_newest.py

# The documentation as a site; a warning is an error.
docs: .venv/.test
	@$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build/html
	@echo "The documentation is in docs/_build/html/index.html"

# Random requests and values, other ones each time; prints how many, and what they found.
fuzz: .venv/.test
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
tox: .venv/.test $(BROUGHT)
	$(BIN)/tox run

# For example: make bench SIZE=256 ROUNDS=3 ONLY=upload,download SKIP=naive; OPTIONS takes any other of its options.
bench: .venv/.bench benchmarks/rivals/companion/node_modules/.done
	@exec $(BIN)/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(SKIP),--skip $(SKIP)) $(if $(RESULTS),--results $(RESULTS)) $(OPTIONS)

lock: .venv/.base
	$(BIN)/pipenv lock
	$(BIN)/python tools/lock_without_addresses.py Pipfile Pipfile.lock

clean:
	rm -rf .venv .debian $(addsuffix /node_modules,$(NPM) tests/integration/uppy/five tests/integration/uppy/six)
	rm -rf tests/chromium/node_modules benchmarks/rivals/companion/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .tox .coverage* .test-report dist docs/_build

# --- what the above stand on ---------------------------------------------------------------------------------------------

# A stamp per lock file says that all it names is installed. While packages are being installed, .venv/.base has another
# name: after an interrupted install it is missing, and .venv is made anew. So it is when its Python is gone.
sync = @mv .venv/.base .venv/.busy && $(BIN)/python -m pipenv sync $(1) && mv .venv/.busy .venv/.base && touch $@

.venv/.base: $(if $(realpath .venv/bin/python),,python-gone)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv is needed: on Debian, apt install python3-venv"; exit 1; }
	@echo "Making .venv ..."
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIPENV)
	@touch $@

.venv/.run: .venv/.base Pipfile.lock
	@echo "Installing what Pipfile.lock names ..."
	$(call sync)

.venv/.test: .venv/.run
	@echo "Installing what the tests need ..."
	$(call sync,--dev)

.venv/.bench: .venv/.run
	@echo "Installing what the benchmarks need ..."
	$(call sync,--categories benchmarks)

# Newman runs the Postman collection, Uppy uploads, Companion is a rival in the benchmarks. Node.js and npm come from PyPI.
%/node_modules/.done: %/package-lock.json | .venv/.test
	@echo "Installing what $* needs ..."
	@cd $* && export PATH="$(CURDIR)/$(BIN):$$PATH" && npm ci --silent --no-audit --no-fund && npm run --silent --if-present unpack
	@touch $@

.debian/.done:
	@tools/from_debian.sh .debian $(DEBIAN)
