# Two commands do everything: `make demo` and `make test`. Needed: python3 (>= 3.11) with venv, and make.
# A C++17 compiler is optional: without one the torch reference of every kernel is used, and the report says so.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# The install is editable, so changed Python sources need no new one; what the native part is built from does, and so
# does a file that came, went or moved: the install holds a list of them.
FILES := $(VENV)/.files-$(shell find src -name '*.py' | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
INSTALL_INPUTS := pyproject.toml constraints.txt $(wildcard csrc/*.* csrc/*/*.*) $(FILES)

.PHONY: help demo test check format lint types imports doctest docs test-native bench clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: $(VENV)/.demo ## train, compress, save, reload and measure a small network on real digits
	$(PY) -m gossamer demo

# One worker a core and one torch thread a worker: two pools of spinning threads on two cores wait for each other.
test: $(VENV)/.dev ## the default test suite
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

check: format lint types imports doctest docs ## formatting, lint, types, the import contract, executed docs

format: $(VENV)/.dev
	$(PY) -m ruff format --check

lint: $(VENV)/.dev
	$(PY) -m ruff check

types: $(VENV)/.dev
	$(PY) -m mypy

imports: $(VENV)/.dev
	$(VENV)/bin/lint-imports

doctest: $(VENV)/.dev
	$(PY) -m pytest --doctest-modules src

docs: $(VENV)/.dev ## run the examples in README and docs/
	$(PY) -m pytest tests/docs

test-native: ## the kernels' own test with gcc, clang, sanitizers, and aarch64 under qemu, where installed
	sh csrc/tests/run.sh

bench: $(VENV)/.bench ## the published figures, without the peers that need environments of their own
	$(PY) benchmarks/files.py
	$(PY) benchmarks/sentences.py
	$(PY) benchmarks/language.py

clean: ## remove the environment, caches and build output
	rm -rf $(VENV) build dist demo .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A half-made environment (an interrupted run) has no working pip and is made anew.
# The two variables pin the isolated build as well (cmake, ninja, the build backend); which one is read depends on pip.
define install
	@echo "setting up $(VENV) for '$(1)' (minutes the first time, seconds later)"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
		$(PY) -m pip install --quiet -c constraints.txt -e '.[$(1)]'
	@touch $(FILES) && touch $@
endef

$(FILES):
	@mkdir -p $(VENV) && rm -f $(VENV)/.files-* && touch $@

$(VENV)/.demo: $(INSTALL_INPUTS)
	$(call install,demo)

$(VENV)/.bench: $(INSTALL_INPUTS)
	$(call install,bench)

# What dev installs holds what demo needs.
$(VENV)/.dev: $(INSTALL_INPUTS)
	$(call install,dev)
	@touch $(VENV)/.demo
