# Every target builds .venv by itself, with the newest of these Pythons that works; PYTHON=python3.12 chooses another.
# What is installed is remembered in .venv/.stamp-*, and installed anew when pyproject.toml changes.

SUPPORTED := 3.14 3.13 3.12 3.11

PYTHON ?=
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
OUT    ?= samframe-demo
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs notebooks wheel clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo       try samframe: no key, no network beyond pip, no cost'
	@echo 'make test       the tests'
	@echo 'make lint       style, types, and who imports whom'
	@echo 'make docs       the documentation, into docs/_build/html'
	@echo 'make notebooks  run the notebooks, and keep them without outputs'
	@echo 'make clean      remove what was built; .venv stays, the ledger of paid jobs is elsewhere'

# Not every name that there is works: pyenv leaves names that only tell of other versions, Debian a python3 without venv.
WORKS = import ctypes, ensurepip, sqlite3, ssl, sys, venv; sys.exit("%d.%d" % sys.version_info[:2] not in sys.argv[1:])

$(BIN)/python:
	@python='$(PYTHON)'; \
	for name in $(if $(PYTHON),,$(SUPPORTED:%=python%) python3 python); do \
	    if "$$name" -c '$(WORKS)' $(SUPPORTED) >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo 'samframe needs Python $(lastword $(SUPPORTED)) to $(firstword $(SUPPORTED)), with venv and sqlite3, and none was found: make PYTHON=/path/to/python3 ...'; \
	    exit 1; \
	fi; \
	"$$python" -c 'import sys; sys.exit("samframe needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)' || exit 1; \
	echo "$(VENV): making a virtual environment with $$python, $$("$$python" -V), from $$(command -v "$$python")"; \
	"$$python" -m venv $(VENV)

# The demo needs neither a notebook nor its widgets, which bring IPython and 70 MB; nor bytecode of what it never imports.
# setuptools comes with a venv of Python 3.11 and has no use here.
DEMO_NEEDS = import tomllib; print("\n".join(need for need in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"] if not need.startswith(("anywidget", "ipywidgets", "nest-asyncio"))))

$(VENV)/.stamp-demo: pyproject.toml | $(BIN)/python
	@echo '$(VENV): installing what the demo needs (under 400 MB; a minute or two)'
	@$(BIN)/python -c '$(DEMO_NEEDS)' > $(VENV)/demo-needs.txt
	@$(PIP) install --no-compile --requirement $(VENV)/demo-needs.txt
	@$(PIP) install --no-compile --no-deps --editable .
	@$(PIP) --quiet uninstall --yes setuptools
	@touch $@

# --group came with pip 25.1.
$(VENV)/.stamp-pip: | $(BIN)/python
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.stamp-samframe: pyproject.toml $(VENV)/.stamp-pip
	@echo '$(VENV): installing samframe and all it depends on'
	@$(PIP) install --editable .
	@touch $@ $(VENV)/.stamp-demo

# The groups test, lint and docs of pyproject.toml.
$(VENV)/.stamp-%: $(VENV)/.stamp-samframe
	@echo '$(VENV): installing what "$*" needs'
	@$(PIP) install --group $*
	@touch $@

# An intermediate file of a pattern rule would be removed at the end.
.PRECIOUS: $(VENV)/.stamp-%

demo: $(VENV)/.stamp-demo
	@$(BIN)/samframe demo --out $(OUT)

# Two runs: a browser's session leaves a running loop in the process that it was in. WORKERS=0 runs tests one by one.
test: $(VENV)/.stamp-test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)
	@$(BIN)/python -m pytest tests/browser -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.stamp-lint $(VENV)/.stamp-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/basedpyright --level error
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/docs/test_signatures.py

docs: $(VENV)/.stamp-docs
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@$(BIN)/python docs/check_site.py docs/_build/html
	@echo 'docs/_build/html/index.html is ready'

notebooks: $(VENV)/.stamp-test
	@$(BIN)/python -m pytest tests/notebooks tests/docs $(ARGS)

wheel: $(VENV)/.stamp-pip
	@$(PIP) wheel --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean:
	@rm -rf build dist docs/_build samframe-demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find samframe tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
