# infra-monitor: everything one does with the repository. `make help` lists it.

SHELL := /bin/sh
PYTHON := .venv/bin/python
LAB := $(PYTHON) -m tests.lab

.DEFAULT_GOAL := help
.PHONY: help setup demo break heal status run test lint format lock screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install everything that the demo and the tests need (virtual environment, npm and Debian packages)
	@sh tools/setup.sh

demo: setup ## the whole stack and the daemon on it, here; FOR=60s stops by itself
	@$(PYTHON) -m tests.lab.demo $(if $(FOR),--for $(FOR))

break: ## break something in the running demo: make break FAULT=postgres-stopped
	@$(LAB) break $(FAULT)

heal: ## undo it: make heal FAULT=postgres-stopped, or everything: make heal
	@$(LAB) heal $(FAULT)

status: ## what serves in the running demo, and what is broken
	@$(LAB) status

run: setup ## the daemon with config.yaml, watching this machine
	@.venv/bin/infra-monitor run --config config.yaml

test: lint ## lint, all tests, and the coverage gate of the core
	@sh tools/test.sh

lint: setup ## ruff, mypy, import-linter
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup ## let ruff format the code and mend what it can
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

screenshots: setup ## the pictures of the docs, taken anew from the lab, into docs/images
	@$(PYTHON) -m tests.browser.pictures

lock: setup ## renew the pins from pyproject.toml and package.json
	@sh tools/lock.sh
