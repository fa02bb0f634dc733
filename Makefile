# Everything happens in .venv/, a standard venv with pip. No compiler is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo demo-mask demo-seg test lint

setup: .venv/.ready

# mmcv-lite is never put over a compiled mmcv that is already there: the two share one import name.
.venv/.ready: setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt "setuptools<81" wheel
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

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadscope

lint: setup
	$(BIN)/ruff check .
