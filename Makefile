# make run: install and run the service with a real S3.   make test: all tests.   make lock: update Pipfile.lock.
# make check: the fast checks before a commit.   make clean: remove everything that the other targets installed.
# make bench: measure speed and memory; benchmarks/README.md explains it.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Processes of pytest, each with its own store and database. Integration tests wait more than they compute, and run on
# both databases at the same time.
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN)
INTEGRATION_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 2)
# Integration tests that run once, unless EVERYTHING is set: on SQLite those that do not depend on the database, on
# PostgreSQL the longest that kill.
ON_ANY_DATABASE := $(if $(EVERYTHING),,tests/integration/attachments tests/integration/snippets tests/integration/storage tests/integration/uppy \
	$(patsubst %,tests/integration/%.py,$(addprefix delivery/test_,background_tasks clinic docs newest packaging postman restore_drill running) \
	$(addprefix endpoints/test_,contents cors doctor monitoring scanning seven_endpoints shares throttles tracing) \
	$(addprefix security/test_,authorisation download_folder hostile_bodies hostile_random schema secrets signing slow_clients) \
	$(addprefix uploads/test_,able_store bad_store bytes_on_the_wire direct halfway stores streaming)))
# Integration tests that run on SeaweedFS, too. The others name their stores, read the files of the embedded one, send parts
# that only it takes, or were not tried.
ON_EACH_STORE := $(patsubst %,tests/integration/%.py,crash/test_housekeeping \
	$(addprefix endpoints/test_,contents listings seven_endpoints))
ON_POSTGRESQL := $(if $(EVERYTHING),,tests/integration/crash tests/integration/delivery/test_killed_run.py) tests/integration/hosts
# The minimum duration of `make fuzz`, which always finishes its last round.
MINUTES ?= 10
# The length of `make storm`.
KILLS ?= 500
SECONDS ?= 1800
SEED ?=
# Folders into which npm installs. Chromium and Debian's programs are installed only if the machine has none.
NPM := postman tests/integration/uppy tests/integration/snippets clients/typescript clients/typescript/tests/react-native \
	clients/example-expo console
CHROMIUM := $(strip $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))
# Each is a program, a colon and its package.
FROM_DEBIAN := clamd:clamav-daemon curl:curl nginx:nginx-light pgbouncer:pgbouncer redis-server:redis-server
DEBIAN := $(foreach one,$(FROM_DEBIAN),$(if $(shell PATH="$$PATH:/usr/sbin" command -v $(firstword $(subst :, ,$(one)))),,$(lastword $(subst :, ,$(one)))))
# The name of the stamp lists the packages, so that a new one is installed.
DEBIAN_DONE := .debian/.done.$(subst $() ,.,$(strip $(DEBIAN)))
BENCH_NPM := benchmarks/rivals/companion benchmarks/client $(if $(CHROMIUM),,tests/chromium)
INSTALLED := $(addsuffix /node_modules/.done,$(NPM) $(if $(CHROMIUM),,tests/chromium)) $(if $(DEBIAN),$(DEBIAN_DONE))
# Each test run appends a line to this file, and `make test` prints the file at its end.
export TEST_REPORT := $(CURDIR)/.test-report
PIPENV := pipenv==2026.10.3
BIN := .venv/bin
# pipenv uses the environment that VIRTUAL_ENV names.
export VIRTUAL_ENV := $(CURDIR)/.venv
export PIPENV_VERBOSITY := -1
export PIPENV_NOSPIN := 1
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME DJANGO_SETTINGS_MODULE AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3
MAKEFLAGS += --no-print-directory
PYTEST := $(BIN)/python -m pytest -n

.PHONY: run test installed unit integration postgresql stores clients check newest release-check audit restore-drill docs fuzz storm lint format lock tox bench clean monitoring python-gone
.DEFAULT_GOAL := run
# Run targets one after the other, also under `make -j`.
.NOTPARALLEL:

run: .venv/.run
	@exec $(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

test: .venv/.test
	@rm -f $(TEST_REPORT)
	@printf '%s\n' installed lint docs | xargs -P 3 -L 1 $(MAKE)
	@printf '%s\n' "clients postgresql" "unit integration" | xargs -P 2 -L 1 $(MAKE) --keep-going
	@$(BIN)/python -m tests.report

# Two at a time, because npm waits for the network and the disk.
installed: .venv/.test
	@printf '%s\n' $(INSTALLED) | xargs -P 2 -n 1 $(MAKE) --silent

unit: .venv/.test
	@$(PYTEST) $(WORKERS) tests/unit --cov -p no:schemathesis

integration: .venv/.test
	@$(PYTEST) $(INTEGRATION_WORKERS) --dist loadfile --no-loadscope-reorder tests/integration $(addprefix --ignore=,$(ON_POSTGRESQL))

postgresql: .venv/.test
	@TEST_DATABASE=postgresql exec $(PYTEST) $(INTEGRATION_WORKERS) --dist loadfile --no-loadscope-reorder -p no:schemathesis tests/integration $(addprefix --ignore=,$(ON_ANY_DATABASE))

# Run integration tests in which stores can differ on SeaweedFS, file by file.
stores: .venv/.test
	@for file in $(ON_EACH_STORE); do TEST_STORE=seaweedfs $(PYTEST) $(WORKERS) $$file || exit 1; done

# Check, build and test the clients and the console. The last four wait more than they compute, so they run side by side.
clients: installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/run_npm.sh clients/typescript lint build check test
	@printf '%s\n' "clients/typescript test:browser" "clients/typescript/tests/react-native test" \
		"clients/example-expo typecheck bundle test" "console lint check test" | PATH="$(CURDIR)/$(BIN):$$PATH" xargs -P 3 -L 1 tools/run_npm.sh

check: .venv/.test
	@$(MAKE) lint
	@$(PYTEST) $(WORKERS) tests/unit -m "not slow" -p no:schemathesis

# Test the wheel in a new project with the newest Python on this machine and the newest packages. Other versions:
# make newest HOST_PYTHON=python3.11 HOST_DJANGO='django~=5.2.0'
newest: .venv/.test
	@$(BIN)/python -m pytest tests/integration/delivery/test_newest.py

# Scrape the service with a real Prometheus, and evaluate the expressions of the dashboard and of the alerting rules.
monitoring: .venv/.test
	@command -v prometheus promtool >/dev/null || [ -e .prometheus/.done ] || tools/from_debian.sh .prometheus prometheus
	@PATH="$(CURDIR)/.prometheus/bin:$$PATH" $(BIN)/python -m pytest -s tests/integration/endpoints/prometheus_scrapes.py

# Build what a release publishes into dist/, check it, and let a new project run it: TAG=v0.2.0 also compares the tag.
release-check: .release/.done clients/typescript/node_modules/.done
	@if [ -x .release/bin/hadolint ]; then .release/bin/hadolint Dockerfile; \
	else echo "hadolint is locked for Linux on x86_64 only, so the Dockerfile was not checked."; fi
	@PATH="$(CURDIR)/$(BIN):$$PATH" TAG="$(TAG)" exec $(BIN)/python tools/release_check.py

# Look for known vulnerabilities in the locked packages. It needs the databases of PyPI and npm.
audit: .release/.done
	@$(BIN)/python -m pipenv requirements --hash --categories "packages containers" >.release/locked.txt
	@.release/bin/pip-audit --strict --require-hashes --disable-pip --requirement .release/locked.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm audit --prefix clients/typescript --audit-level high

# Restore the database and the store to different moments, and print what housekeeping mends.
restore-drill: .venv/.test
	@exec $(BIN)/python -m tools.restore_drill

# Build the documentation. Warnings are errors.
docs: .venv/.test
	@$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build/html
	@echo "The documentation is in docs/_build/html/index.html"

# Try random requests and values, different ones each time. Prints their number and the failures.
fuzz: .venv/.test
	@$(BIN)/python tools/fuzz.py $(MINUTES)

# Kill hosts, workers, store, databases and housekeeping at random for KILLS times or SECONDS; SEED repeats a storm.
storm: export STORM_KILLS = $(KILLS)
storm: export STORM_SECONDS = $(SECONDS)
storm: export STORM_SEED = $(SEED)
storm: export TEST_DATABASE = postgresql
storm: .venv/.test $(if $(DEBIAN),$(DEBIAN_DONE))
	@$(BIN)/python -m pytest --capture=no tests/storm

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	# The hash in the lock file is for the default index, regardless of the configuration of pip.
	env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null $(BIN)/python -m pipenv verify

format: .venv/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Run the suite on every supported Python on this machine, and list the missing ones.
# tox gets the paths of pyenv's versions, because pyenv hides inactive versions.
tox: export TOX_DISCOVER ?= $(subst $() ,:,$(wildcard $(HOME)/.pyenv/versions/3.1[1-9]*/bin/python))
tox: installed
	$(BIN)/tox run

# For example: make bench SIZE=256 ROUNDS=3 ONLY=upload,download SKIP=naive; OPTIONS passes other options.
bench: .venv/.bench $(if $(DEBIAN),$(DEBIAN_DONE)) $(addsuffix /node_modules/.done,$(BENCH_NPM)) clients/typescript/dist/index.js
	@exec $(BIN)/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(SKIP),--skip $(SKIP)) $(if $(RESULTS),--results $(RESULTS)) $(OPTIONS)

lock: .venv/.base
	$(BIN)/pipenv lock
	$(BIN)/python tools/lock_without_addresses.py Pipfile Pipfile.lock

clean:
	rm -rf .venv .release .debian .prometheus $(addsuffix /node_modules,$(NPM) tests/integration/uppy/five tests/integration/uppy/six)
	rm -rf tests/chromium/node_modules benchmarks/rivals/companion/node_modules benchmarks/client/node_modules
	rm -rf clients/typescript/dist clients/example-expo/dist clients/example-expo/.expo
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .tox .coverage* .test-report dist docs/_build

# --- installation --------------------------------------------------------------------------------------------------------

# A stamp records that everything in a lock file is installed. During an installation .venv/.base is renamed, so that an
# interrupted installation creates .venv again. A missing Python does so, too.
sync = @mv .venv/.base .venv/.busy && $(BIN)/python -m pipenv sync $(1) && mv .venv/.busy .venv/.base && touch $@

.venv/.base: $(if $(realpath .venv/bin/python),,python-gone)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or later: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "This needs the module venv. On Debian: apt install python3-venv"; exit 1; }
	@echo "Making .venv ..."
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIPENV)
	@touch $@

.venv/.run: .venv/.base Pipfile.lock
	@echo "Installing the packages of Pipfile.lock ..."
	$(call sync)

.venv/.test: .venv/.run
	@echo "Installing the packages for the tests ..."
	$(call sync,--dev)

.venv/.bench: .venv/.run
	@echo "Installing the packages for the benchmarks ..."
	$(call sync,--categories benchmarks)

# Newman runs the Postman collection, Uppy and the snippets of the docs upload in tests, and Companion is a rival in the benchmarks. Node.js and npm come from PyPI.
%/node_modules/.done: %/package-lock.json | .venv/.test
	@echo "Installing the packages of $* ..."
	@cd $* && export PATH="$(CURDIR)/$(BIN):$$PATH" && npm ci --silent --no-audit --no-fund && npm run --silent --if-present unpack
	@touch $@

# Tools that check a release, apart from the packages of the tests.
.release/.done: Pipfile.lock | .venv/.test
	@echo "Installing the packages for a release ..."
	@$(PYTHON) -m venv .release
	@$(BIN)/python -m pipenv requirements --hash --categories release >.release/requirements.txt
	@.release/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement .release/requirements.txt
	@touch $@

clients/typescript/dist/index.js: clients/typescript/node_modules/.done $(wildcard clients/typescript/src/*.ts clients/typescript/src/*/*.ts)
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/run_npm.sh clients/typescript build

$(DEBIAN_DONE):
	@tools/from_debian.sh .debian $(DEBIAN)
	@test ! -e .debian/.done || mv .debian/.done $@
