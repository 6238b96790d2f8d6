# Each target makes what it needs: on a fresh machine only Python >= 3.10 and make are expected.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help test test-world browser campaign demo lint bench clean

help:
	@echo "make test    run the tests, but for those of test-world"
	@echo "make test-world  run the tests that need Ray, Slurm, kills, a browser, executed pages, or a clock and whole trainings"
	@echo "make browser install Debian's chromium, with which the tests open the report; as root"
	@echo "make campaign  kill the generator at every system call, hash every cell of NAS-Bench-101; takes minutes"
	@echo "make demo    generate, fit, compare and verify on a small space, with figures"
	@echo "make lint    check style, types and the direction of imports"
	@echo "make bench   measure speed"
	@echo "make clean   remove the environment and all caches"
	@echo "Another Python: make test PYTHON=python3.12"

$(READY): pyproject.toml constraints.txt without-dependencies.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "nasbench needs Python 3.10 or newer: make PYTHON=...")'
	@echo "Installing pinned packages into .venv; this takes a few minutes, once."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench,configspace,lightgbm,nevergrad,optuna,parquet,ray,slurm,smac,syne-tune]'
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --requirement without-dependencies.txt
	@touch $@

test: $(READY)
	@$(BIN)/pytest --quiet --numprocesses auto --dist worksteal -m "not world"

test-world: $(READY)
	@$(BIN)/pytest --quiet --numprocesses auto --dist worksteal -m world

# Without it the tests of test-world that need a browser are skipped.
browser:
	@command -v chromedriver >/dev/null || (apt-get update --quiet --quiet && apt-get install --yes --quiet --quiet --no-install-recommends chromium chromium-driver >/dev/null)

campaign: $(READY)
	@NASBENCH_CAMPAIGN=1 $(BIN)/pytest --quiet --numprocesses auto --timeout 3600 -rP tests/generation/test_generator_syscalls.py tests/generation/test_generator_kills.py tests/spaces/test_nb101_hash.py

demo: $(READY)
	@$(BIN)/nasbench demo

lint: $(READY)
	@$(BIN)/ruff check --quiet --no-cache
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo --no-cache

bench: $(READY)
	@$(BIN)/python benchmarks/run.py

clean:
	@rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
