# make env   builds .venv, or brings it up to date (the others do so as well)
# make demo  SynthKPT, a short training, evaluation, pictures with predictions
# make test  all tests          make test TEST_ARGS='-k compat'
# make lint  ruff check, ruff format --check, codespell;   make format  repairs
VENV ?= .venv
DEMO_ARGS ?=
TEST_ARGS ?=

PY := $(VENV)/bin/python
SOURCES := projects tools demo tests configs setup.py
TEXTS := docs $(wildcard *.md *.cff *.yml)

.PHONY: env demo test lint format
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# \(make\)/\1/p' Makefile

env:
	@bash tools/install_env.sh $(VENV)

demo: env
	@$(PY) demo/run_demo.py $(DEMO_ARGS)

test: env
	@$(PY) -m pytest $(TEST_ARGS)

lint: env
	@$(PY) -m ruff check $(SOURCES)
	@$(PY) -m ruff format --check $(SOURCES)
	@$(PY) -m codespell_lib $(SOURCES) $(TEXTS)

format: env
	@$(PY) -m ruff check --fix $(SOURCES)
	@$(PY) -m ruff format $(SOURCES)
