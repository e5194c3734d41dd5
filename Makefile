# The commands of the project: `make` alone lists them, CONTRIBUTING.md explains them.
WINDOWS := $(filter Windows_NT,$(OS))
PYTHON ?= $(if $(WINDOWS),python,python3)
BIN := .venv/$(if $(WINDOWS),Scripts,bin)
PY := $(BIN)/python
READY := .venv/ready
BENCH_READY := .venv/bench-ready
MIN_PYTHON := $(shell sed -n 's/^min_python *= *//p' settings.ini)

# Those that need neither nbdev nor a site, so that they run under any version of anything.
PACKAGE_TESTS := $(addprefix tests/test_,data.py gradients.py hostile.py minibatch.py properties.py repeatable.py training.py)

# As many processes as there are cores; each file of tests stays in one of them.
TEST_PROCESSES ?= auto

export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# PyTorch's profiler is silent unless something fails.
export KINETO_LOG_LEVEL := 99

.PHONY: help setup train test fuzz mutants versions export book bench bench-quick exercises docs clean

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
	@echo "== notebooks run, outputs compared"
	@$(PY) tools/test_nbs.py
	@echo "== site"
	@$(PY) tools/docs.py build
	@echo "== pages test the modules"
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run tools/page_tests.py --quick
	@echo "== pytest"
	@$(BIN)/coverage run -m pytest -q -rs -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder tests
	@echo "== coverage"
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report
	@echo "== wheel"
	@rm -rf build dist
	@$(PY) -m build -qq --wheel --no-isolation
	@$(PY) tools/check_wheel.py dist/*.whl

fuzz: $(READY) ## try the properties of all public functions on 10,000 random cases
	@$(PY) -m pytest -v tests/test_properties.py --hypothesis-profile=fuzz

mutants: $(READY) ## change the package in 300 small ways; the tests must notice
	@$(PY) tools/mutants.py

versions: ## the package's own tests in a fresh environment: PYTHON=python3.13 WITH="torch==2.4.* fastcore>=2"
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; $(PYTHON) -m venv "$$folder"; \
	python="$$folder/$(if $(WINDOWS),Scripts,bin)/python"; \
	echo "== installing for $$($(PYTHON) --version)"; \
	"$$python" -m pip install -q . pytest hypothesis trustme $(foreach package,$(WITH),'$(package)'); \
	"$$python" -m pip list | grep -i -E '^(torch|numpy|fastcore|matplotlib|tqdm|safetensors) '; \
	"$$python" -W error -c 'import minibatch_lib.training'; \
	"$$python" tools/page_tests.py --quick; \
	"$$python" -m pytest -q -p no:cacheprovider $(PACKAGE_TESTS)

export: $(READY) ## after editing a page: clean notebooks, package and README made anew
	@$(BIN)/nbdev_clean
	@$(BIN)/nbdev_export
	@$(PY) tools/docs.py readme

book: export ## run all notebooks in place (FLAGS="mnist": the cells so marked too), then export
	@$(PY) tools/run_nbs.py --flags "$(FLAGS)"
	@$(MAKE) --no-print-directory export

exercises: $(READY) ## write the pages with their answers taken out into exercises/; edited ones are left alone
	@$(PY) tools/exercises.py

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

_docs/index.html: $(READY) $(wildcard nbs/*.ipynb nbs/*.css nbs/*.js nbs/live/* minibatch_lib/*.py tools/*.py) _quarto.yml settings.ini
	@$(PY) tools/exercises.py
	@$(PY) tools/docs.py build

clean: ## delete what the commands above made, except .venv and runs
	@rm -rf _docs _proc build dist *.egg-info .pytest_cache .hypothesis .coverage .coverage.* nbs/nbdev.yml nbs/sidebar.yml
	@find minibatch_lib tools tests -name __pycache__ -prune -exec rm -rf {} +
