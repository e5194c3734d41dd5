# The commands of the project: `make` alone lists them, CONTRIBUTING.md explains them.
WINDOWS := $(filter Windows_NT,$(OS))
PYTHON ?= $(if $(WINDOWS),python,python3)
BIN := .venv/$(if $(WINDOWS),Scripts,bin)
PY := $(BIN)/python
READY := .venv/ready
BENCH_READY := .venv/bench-ready
MIN_PYTHON := $(shell sed -n 's/^min_python *= *//p' settings.ini)

export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# PyTorch's profiler is silent unless something fails.
export KINETO_LOG_LEVEL := 99

.PHONY: help setup train test export book bench bench-quick docs clean

help: ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## make .venv with the package and its tools in it (the others do so too)

$(READY): settings.ini setup.py pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(MIN_PYTHON)".split("."))))' 2>/dev/null \
	|| { echo "minibatch_lib needs Python $(MIN_PYTHON) or newer, which $(PYTHON) is not: name one, as in make train PYTHON=python3.12"; exit 1; }
	@echo "== setup: installing into .venv (the first time takes minutes)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install -c constraints.txt -e '.[dev]'
	@touch $(READY)

train: $(READY) ## train a network on the images that come with the package
	@$(BIN)/minibatch_train --force

test: $(READY) ## check everything: notebooks, package, README, tests, site, wheel
	@echo "== notebooks, package and README in step"
	@$(PY) tools/check.py
	@echo "== notebooks run"
	@$(PY) tools/test_nbs.py
	@echo "== pytest"
	@$(PY) -m pytest -q tests
	@echo "== site"
	@$(PY) tools/docs.py build
	@echo "== wheel"
	@rm -rf build dist
	@$(PY) -m build -qq --wheel --no-isolation
	@$(PY) tools/check_wheel.py dist/*.whl

export: $(READY) ## after editing a page: clean notebooks, package and README made anew
	@$(BIN)/nbdev_clean
	@$(BIN)/nbdev_export
	@$(PY) tools/docs.py readme

book: export ## run all notebooks in place (FLAGS="mnist": the cells so marked too), then export
	@$(PY) tools/run_nbs.py --flags "$(FLAGS)"
	@$(MAKE) --no-print-directory export

bench: $(BENCH_READY) ## measure beside other libraries (a quiet machine, half an hour), then run the page about it
	@$(PY) benchmarks/run.py --out benchmarks/results.json
	@$(PY) tools/run_nbs.py benchmarks
	@$(MAKE) --no-print-directory export

bench-quick: $(BENCH_READY) ## the same for a part of it, in less than 90 seconds
	@mkdir -p runs
	@$(PY) benchmarks/run.py --quick --out runs/bench-quick.json

$(BENCH_READY): $(READY)
	@echo "== setup: installing what the benchmarks compare with into .venv"
	@$(PY) -m pip install -q -c constraints.txt -e '.[bench]'
	@touch $(BENCH_READY)

docs: _docs/index.html ## build the site into _docs/

_docs/index.html: $(READY) $(wildcard nbs/*.ipynb nbs/*.css minibatch_lib/*.py) _quarto.yml settings.ini tools/docs.py tools/check_site.py
	@$(PY) tools/docs.py build

clean: ## delete what the commands above made, except .venv and runs
	@rm -rf _docs _proc build dist *.egg-info .pytest_cache .hypothesis nbs/nbdev.yml nbs/sidebar.yml
	@find minibatch_lib tools tests -name __pycache__ -prune -exec rm -rf {} +
