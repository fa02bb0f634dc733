# Everything happens in .venv/, a standard venv with pip. No compiler is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo demo-mask demo-seg test test-fast test-gpu lint format types arrows spelling check

setup: .venv/.ready

# mmcv-lite is never put over a compiled mmcv that is already there: the two share one import name.
.venv/.ready: pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt "setuptools>=77,<81" wheel
	$(BIN)/python -m pip install --disable-pip-version-check $$(grep '^torch==' constraints.txt)
	$(BIN)/python -c "import mmcv" 2>/dev/null || \
	  $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt mmcv-lite
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt --no-build-isolation -e ".[dev]"
	touch $@

demo: setup
	$(BIN)/python tools/demo.py

demo-mask: setup
	$(BIN)/python tools/demo.py mask

demo-seg: setup
	$(BIN)/python tools/demo.py seg

# One thread per process (tests/conftest.py), two processes.
test: setup
	$(BIN)/python -m pytest -n 2 --dist loadscope

test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist loadscope -m "not slow and not gpu"

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
