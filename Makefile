# Every target works from a fresh clone: what it needs is installed into .venv first, and that is quick when it is there.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# People without a GPU: make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Two processes; the tests of one module stay together and share what they made.
PYTEST_ARGS ?= -n 2 --dist loadscope
BENCH_ARGS ?=

.PHONY: setup check test demo bench docs bless help
help:
	@echo "make setup | check | test | demo | bench | docs | bless"

setup: $(READY)

# torch comes first and alone, so that a CPU build, where one is offered, is not replaced afterwards.
$(READY): pyproject.toml constraints.txt
	@echo 'Installing what is needed into .venv; the first time takes a few minutes.'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[lm,eeg,text,demo,dev]'
	touch $(READY)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos
	$(BIN)/python -m pytest -q tests/house

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

demo: $(READY)
	$(BIN)/consona demo

# One table: every task beside its peers and the limit of the same run, one thread. CONSONA_DATA names the corpora.
# A part: make bench BENCH_ARGS='--only ridge,rdm --repeats 3'
bench: $(READY)
	$(BIN)/python benchmarks/table.py $(BENCH_ARGS)

# Every link leads somewhere, every example in docs and examples runs.
docs: $(READY)
	$(BIN)/python docs/check.py --run

# Rewrite what tests compare with (schemas, published numbers); read the diff before committing it.
bless: $(READY)
	CONSONA_BLESS=1 $(BIN)/python -m pytest -q $(wildcard tests/golden) tests/engine -k "golden or schema"
	git --no-pager diff --stat
