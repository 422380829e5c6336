# m2v MFA: from a fresh clone, `make run` serves it and `make test` proves it.
# Only python3 (3.12 or newer, with venv) and make are needed on the machine.

# A candidate may exist and still fail (a version manager's shim), so each is run, not only looked up.
ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python; do \
	"$$p" -c '$(ENOUGH)' 2>/dev/null && { command -v "$$p"; exit; }; done; \
	uv python find '>=3.12' 2>/dev/null)

export HOST ?= 127.0.0.1
export PORT ?= 8000
export WORKERS ?= 2
BIN := .venv/bin
MANAGE := $(BIN)/python -W ignore::ResourceWarning manage.py
PIP := $(BIN)/python -m pip install -q -q --disable-pip-version-check --require-hashes
PRODUCT := audit accounts mfa notices companies reporting m2v manage.py

.PHONY: run serve install install-dev test test-cluster check fix fuzz bench screenshots lighthouse lock sbom audit wheel clean

run: install
	@$(MANAGE) upgrade --verbosity 0
	@$(MANAGE) create_demo --if-empty
	@echo "m2v MFA listens on http://$(HOST):$(PORT); open $$($(MANAGE) base_url)"
	@exec $(MANAGE) serve

# Production: nobody is made, nothing is migrated (`manage.py upgrade` does that).
serve: install
	@exec $(MANAGE) serve

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "m2v MFA needs Python 3.12 or newer, with its venv module. None was found as python3, python3.14 to python3.12, or through uv. Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.main: requirements/main.txt | .venv/bin/python
	$(PIP) -r requirements/main.txt
	@touch $@

.venv/.dev: requirements/main.txt requirements/metrics.txt requirements/dev.txt | .venv/bin/python
	$(PIP) -r requirements/main.txt -r requirements/metrics.txt -r requirements/dev.txt
	@touch .venv/.main $@

install: .venv/.main
install-dev: .venv/.dev

check: install-dev
	$(BIN)/ruff format --check $(PRODUCT) tests
	$(BIN)/ruff check $(PRODUCT) tests
	$(BIN)/djade --check --target-version 6.1 $$(find templates -name '*.html')
	$(BIN)/typos
	$(BIN)/mypy $(PRODUCT)
	$(BIN)/lint-imports --no-cache
	$(MANAGE) makemigrations --check --dry-run --verbosity 0
	@$(BIN)/python -m tests.vulnerabilities

fix: install-dev
	$(BIN)/ruff format $(PRODUCT) tests
	$(BIN)/ruff check --fix $(PRODUCT) tests
	$(BIN)/djade --target-version 6.1 $$(find templates -name '*.html')

# Everything: lint and types, then the tests on SQLite with coverage, on PostgreSQL, and in a real browser.
test: check
	$(BIN)/python tests/run.py

# Three machines behind nginx, PostgreSQL with a standby and pgbouncer, through the failures of each; ten minutes at most.
# It needs nginx, pgbouncer and PostgreSQL's server (15 or newer), on Debian: apt-get install nginx pgbouncer postgresql.
# All of it listens on loopback, in a temporary folder, and is stopped at the end.
test-cluster: install-dev
	$(BIN)/pytest -q -s -n 0 -p no:randomly --no-cov --timeout=600 tests/cluster

# Other examples each time, for FUZZ_MINUTES (30); ends by itself.
fuzz: install-dev
	$(BIN)/python -m tests.fuzz

bench: install-dev
	$(BIN)/python -m tests.bench

screenshots: install-dev
	$(BIN)/python tests/screenshots.py

# Lighthouse's figures for login, list and window: 95 of 100 or more in each category. Two minutes at most; needs Node.js.
lighthouse: install-dev
	@$(BIN)/python -m tests.lighthouse

lock: install-dev
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.12 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade -o requirements/main.txt
	$(BIN)/uv pip compile --group pyproject.toml:metrics --universal --python-version 3.12 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade -c requirements/main.txt -o requirements/metrics.txt
	$(BIN)/uv pip compile --group pyproject.toml:dev --universal --python-version 3.12 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade --no-strip-extras -c requirements/main.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --group pyproject.toml:build --universal --python-version 3.12 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade -c requirements/dev.txt -o requirements/build.txt

# For a release (docs/releasing.md): what it is made of, and the package itself, the same bytes under one SOURCE_DATE_EPOCH.
sbom: install-dev
	@$(BIN)/python -m tests.sbom

wheel: install-dev
	@$(BIN)/python -m hatchling build

# As the end of `make check` does, but fails too where the service that knows what is vulnerable cannot be asked.
audit: install-dev
	@$(BIN)/python -m tests.vulnerabilities --must-answer

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov
