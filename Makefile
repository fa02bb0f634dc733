# Everything happens in .venv/, a standard venv with pip, with OpenMMLab's libraries from one of two stacks:
#   make setup [STACK=openmmlab|onedl] [VENV=.venv] [PYTHON=3.12]
# All targets take VENV. No compiler is needed.
VENV ?= .venv
PYTHON ?= python3
STACK ?= $(if $(wildcard $(VENV)/.ready-onedl),onedl,openmmlab)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# PYTHON is a version or an interpreter.
INTERPRETER := $(if $(filter 3.%,$(PYTHON)),python$(PYTHON),$(PYTHON))

OTHER_openmmlab := onedl
OTHER_onedl := openmmlab
OTHER := $(OTHER_$(STACK))
ifndef OTHER
$(error STACK=$(STACK) is unknown: it is openmmlab or onedl)
endif
MMENGINE_openmmlab := mmengine
MMENGINE_onedl := onedl-mmengine
REFUSED = $(VENV) holds the libraries of STACK=$(OTHER), which those of STACK=$(STACK) would overwrite: leave STACK out, \
or choose another environment, such as VENV=.venv-$(STACK)

.PHONY: setup demo demo-mask demo-seg test test-fast test-modes test-stack test-gpu soak fuzz lint format types arrows spelling \
  check wheelhouse

setup: $(VENV)/.ready-$(STACK)

# A compiled mmcv that is already there stays: mmcv-lite would overwrite it. OneDL's mmcv is built without operators,
# because pip builds it in an environment without PyTorch; but pip's cache may hold one with operators.
$(VENV)/.ready-$(STACK): pyproject.toml setup.py constraints.txt
	@if $(PIP) show -q $(MMENGINE_$(OTHER)) 2>/dev/null; then echo '$(REFUSED)' >&2; exit 1; fi
	test -x $(BIN)/python || $(INTERPRETER) -m venv $(VENV)
	if [ $(STACK) = onedl ]; then $(PIP) install --no-cache-dir --no-deps -c constraints.txt onedl-mmcv; fi
	if $(PIP) show -q mmcv 2>/dev/null; then \
	  $(PIP) install -c constraints.txt mmengine mmdet mmsegmentation ftfy regex -e ".[dev]"; \
	else \
	  $(PIP) install -c constraints.txt -e ".[dev,$(STACK)]"; \
	fi
	touch $@

# For a machine without network: all wheels but PyTorch, for the Python of this environment, or PYTHON=3.12.
wheelhouse:
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(PIP) install -q packaging
	$(BIN)/python scripts/wheelhouse.py wheelhouse --stack $(STACK) $(if $(filter 3.%,$(PYTHON)),--python $(PYTHON))

demo: setup
	$(BIN)/python tools/demo.py

demo-mask: setup
	$(BIN)/python tools/demo.py mask

demo-seg: setup
	$(BIN)/python tools/demo.py seg

# One thread per process, two processes that take module by module, in the order of tests/conftest.py.
IN_TWO_PROCESSES := -n 2 --dist loadscope --no-loadscope-reorder
test: setup
	$(BIN)/python -m pytest $(IN_TWO_PROCESSES)

test-fast: setup
	$(BIN)/python -m pytest $(IN_TWO_PROCESSES) -m "not slow and not gpu and not soak and not modes"

# Every reference value in every mode of a network, compiled ones included: needs a C++ compiler.
test-modes: setup
	$(BIN)/python -m pytest -n 2 -m modes tests/backbones tests/engine

# What touches OpenMMLab's libraries, for a second environment with the other stack.
WITHOUT_LIBRARIES := analysis benchmarks datasets utils test_docs.py test_errors.py test_makefile.py test_model_zoo.py \
  test_wheel.py test_wheelhouse.py
test-stack: setup
	$(BIN)/python -m pytest $(IN_TWO_PROCESSES) $(addprefix --ignore tests/,$(WITHOUT_LIBRARIES))

# The properties of tests/properties on as many examples as there is time for; the counts are printed at the end.
MINUTES ?= 10
fuzz: setup
	FUZZ_MINUTES=$(MINUTES) $(BIN)/python -m pytest -p no:cacheprovider tests/properties

# What CI runs besides the tests.
check: lint types arrows spelling

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

arrows: setup
	$(BIN)/lint-imports

spelling: setup
	$(BIN)/codespell $$(git ls-files)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# On a machine with a CUDA GPU.
test-gpu: setup
	$(BIN)/python -m pytest -m gpu tests/gpu

# Kills at random moments, and memory over thousands of iterations: about an hour on two cores.
TRIALS ?= 30
SEED ?= 0
soak: setup
	SOAK_TRIALS=$(TRIALS) SOAK_SEED=$(SEED) $(BIN)/python -m pytest $(IN_TWO_PROCESSES) -m soak tests/soak
