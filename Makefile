# The two commands that matter: `make up` runs everything on one machine, `make test` proves it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
STACK ?= dev
PYTHON ?= python3
BIN := .venv/bin
LAB := $(BIN)/lab
CLUSTERS := --cluster eco2-local --cluster eco2-dev --cluster eco2-prod
READY := .venv/.ready
# What installs and builds all else is held against its hashes, too: jobs that may use roles run it.
TOOLS = awk '/^(setuptools|uv)==/ {on = 1} on {print} on && !/\\$$/ {on = 0}' requirements-dev.txt > .venv/tools.txt && \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/tools.txt

.PHONY: help setup cli up down test test-rare test-long lint check docs pictures preview bench format lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Install the locked environment into .venv

$(READY): requirements-dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON) on PATH; install Python 3.11 or later, or name one: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=..."; exit 1; }
	@echo "installing the environment into .venv"
	@$(PYTHON) -m venv .venv
	@$(TOOLS)
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The same places as `setup`, without what only developers need: seconds on a fresh machine.
cli: ## Install only what updates need into .venv: for CI and for the night call
	@$(PYTHON) -m venv .venv
	@$(TOOLS)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-cli.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .

up: setup ## Start the lab and bring up the local stack: 13 services, two of them mid-rollout
	@$(LAB) start $(CLUSTERS)
	@$(LAB) run -- $(BIN)/eco2 recover --stack local
	@$(LAB) run -- pulumi up --stack local --yes --skip-preview --suppress-outputs
	@$(LAB) run -- $(BIN)/eco2 status --stack local
	@gateway=$$($(LAB) gateway 2>/dev/null) || exit 0; \
	  told=$$($(LAB) run -- $(BIN)/eco2 status auth-api --stack local --json); \
	  if grep -q '^    "weight": 20\(\.0\)\?,' <<< "$$told"; \
	  then echo "one in five requests meets the canary; with the header every one does:"; \
	  else echo "requests to auth-api, whose row above says which of them a canary gets:"; fi; \
	  header=$$(sed -n 's/^    "header": "\(.*\)",$$/\1/p' <<< "$$told"); \
	  for header in "" " -H '$$header'"; do echo "  curl -H 'Host: api.eco2.test'$$header $$gateway/api/v1/auth/me"; done

down: setup ## Stop the lab and forget what ran in it
	@$(LAB) stop

preview: setup ## Preview a stack against the lab: make preview STACK=dev|prod
	@$(LAB) start $(CLUSTERS)
	@$(LAB) project . $(STACK) -- preview

lint: setup ## Lint, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/acme/__main__.py
	$(BIN)/lint-imports

check: lint ## The same and the tests of decisions (under a minute)
	$(BIN)/pytest -q -n 2 --dist worksteal -m "not whole" tests/unit

test: setup ## The tests, on labs of their own, two files at a time (20 minutes on two cores)
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not long and not rare"

test-rare: setup ## What seldom changes, which CI runs, too: nodes, pods' shares, the guide's output, faults, counts, alerts (10 minutes)
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "rare and not long"

test-long: setup ## What takes longer: every service at every phase under load, faults, aborts (50 minutes)
	$(BIN)/pytest -q -rP -n 2 --dist loadfile --no-loadscope-reorder -m long

docs: setup ## Write the generated pages, and what a Prometheus and a Grafana need
	$(BIN)/python -m docs.generate.cost
	$(BIN)/python -m docs.generate.config
	$(BIN)/python -m observability

pictures: setup ## Draw the terminal pictures of the documents, in the lab of `make up`
	$(BIN)/python -m tests.pictures

bench: setup ## Run the long tests, then measure and write docs/measurements.md; one part alone: make bench PARTS=abort RUNS=3
	$(if $(PARTS),,@$(MAKE) --no-print-directory test-long)
	$(BIN)/python -m tests.bench $(PARTS) $(if $(RUNS),--runs $(RUNS))

format: setup ## Format the code
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

lock: setup ## Lock the newest versions that fit pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --extra dev pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra cli -c requirements-dev.txt pyproject.toml -o requirements-cli.txt

clean: ## Remove the environment
	rm -rf .venv
