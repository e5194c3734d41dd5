# The commands of the project: `make` alone lists them, CONTRIBUTING.md explains them.
WINDOWS := $(filter Windows_NT,$(OS))
PYTHON ?= $(if $(WINDOWS),python,python3)
BIN := .venv/$(if $(WINDOWS),Scripts,bin)
PY := $(BIN)/python
READY := .venv/ready
BENCH_READY := .venv/bench-ready
MIN_PYTHON := $(shell sed -n 's/^min_python *= *//p' settings.ini)

# Those that need neither nbdev nor a site, so that they run under any version of anything.
PACKAGE_TESTS := $(addprefix tests/test_,data.py gradients.py hostile.py images.py minibatch.py properties.py repeatable.py training.py)

# As many processes as there are cores, each with one thread; each file of tests stays in one of them.
TEST_PROCESSES ?= auto
STAGE := $(PY) tools/stage.py
COVER := # not empty: note which lines of the package the tests reach
PYTEST = OMP_NUM_THREADS=1 $(STAGE) "$1" "$2" $(if $(COVER),$(BIN)/coverage run,$(PY)) -m pytest -q -rs -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

DEVICE ?= cuda

export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# PyTorch's profiler is silent unless something fails.
export KINETO_LOG_LEVEL := 99

.PHONY: help setup train test test-all test-rest test-cuda portable fuzz mutants versions export book bench bench-quick exercises docs clean

help: ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## make .venv with the package and its tools in it (the others do so too)

$(READY): settings.ini setup.py pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(MIN_PYTHON)".split("."))))' 2>/dev/null \
	|| { echo "minibatch_lib needs Python $(MIN_PYTHON) or newer, which $(PYTHON) is not: name one, as in make train PYTHON=python3.12"; exit 1; }
	@echo "== setup: installing into .venv (the first time takes minutes)"
	@$(PYTHON) -m venv .venv
	@$(PY) tools/install.py -c constraints.txt -e '.[dev]'
	@touch $(READY)

train: $(READY) ## train a network on the images that come with the package
	@$(BIN)/minibatch_train --force

test: $(READY) ## check it in minutes: notebooks, package, README, site, fast tests, wheel
	@rm -rf .coverage .coverage.* build dist
	@$(STAGE) "notebooks, package and README in step" "5 s" $(PY) tools/check.py
	@$(STAGE) "notebooks run, outputs compared" "2 to 3 minutes" $(PY) tools/test_nbs.py
	@$(STAGE) "site built and checked" "20 s" $(PY) tools/docs.py build
	@$(call PYTEST,fast tests,2 to 3 minutes) -m "not slow and not timing" tests
	@$(STAGE) "wheel built" "5 s" $(PY) -m build -qq --wheel --no-isolation
	@$(STAGE) "wheel checked" "5 s" $(PY) tools/check_wheel.py dist/*.whl

test-all: ## check everything, slow tests and other processors too (half an hour)
	@$(MAKE) --no-print-directory test COVER=1
	@$(MAKE) --no-print-directory test-rest COVER=1

test-rest: $(READY) # what test-all adds to a `make test COVER=1`
	@$(STAGE) "pages test the modules" "2 to 4 minutes" $(BIN)/coverage run tools/page_tests.py --quick
	@$(call PYTEST,slow tests,5 to 10 minutes) -m "slow and not timing" tests
	@OMP_NUM_THREADS=1 $(STAGE) "timings side by side, with nothing beside them" "1 minute" $(PY) -m pytest -q -rs -m timing tests
	@$(BIN)/coverage combine -q
	@$(STAGE) "lines and branches reached by all tests" "5 s" $(BIN)/coverage report
	@$(STAGE) "properties on 10,000 random cases" "2 minutes" $(MAKE) --no-print-directory fuzz
	@$(STAGE) "pages and numeric tests as two other processors" "8 minutes" $(PY) tools/portable.py --most-different 2 $(PACKAGE_TESTS)

portable: $(READY) ## pages and numeric tests as other processors would run them (half an hour)
	@$(PY) tools/portable.py $(PACKAGE_TESTS)

fuzz: $(READY) ## try the properties of all public functions on 10,000 random cases
	@$(PY) -m pytest -v tests/test_properties.py --hypothesis-profile=fuzz

mutants: $(READY) ## change the package in 300 small ways; the tests must notice
	@$(PY) tools/mutants.py

test-cuda: $(READY) ## what may differ on a graphics processor (5 minutes, no network; DEVICE=cpu tries out the tests themselves)
	@DEVICE=$(DEVICE) $(PY) -m pytest --noconftest -p no:cacheprovider -W ignore::pytest.PytestUnknownMarkWarning -s -v --tb=short tests/test_cuda.py

versions: ## the package's own tests in a fresh environment: PYTHON=python3.13 WITH="torch==2.4.* fastcore>=2"
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; $(PYTHON) -m venv "$$folder"; \
	python="$$folder/$(if $(WINDOWS),Scripts,bin)/python"; \
	echo "== installing for $$($(PYTHON) --version)"; \
	"$$python" -m pip install -q . pytest hypothesis trustme $(foreach package,$(WITH),'$(package)'); \
	"$$python" -m pip list | grep -i -E '^(torch|numpy|fastcore|matplotlib|pillow|tqdm|safetensors|filelock) '; \
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
	@$(PY) benchmarks/run.py --out benchmarks/results
	@$(PY) tools/run_nbs.py benchmarks
	@$(MAKE) --no-print-directory export

bench-quick: $(BENCH_READY) ## the same for a part of it, in less than 90 seconds
	@mkdir -p runs
	@$(PY) benchmarks/run.py --quick --out runs/bench-quick.json

$(BENCH_READY): $(READY)
	@echo "== setup: installing what the benchmarks compare with into .venv"
	@$(PY) tools/install.py -c constraints.txt -e '.[bench]'
	@touch $(BENCH_READY)

docs: _docs/index.html ## build the site into _docs/

_docs/index.html: $(READY) $(wildcard nbs/*.ipynb nbs/*.css nbs/*.js nbs/live/* minibatch_lib/*.py tools/*.py) _quarto.yml settings.ini
	@$(PY) tools/docs.py build

clean: ## delete what the commands above made, except .venv and runs
	@rm -rf _docs _proc build dist *.egg-info .pytest_cache .hypothesis .coverage .coverage.* nbs/nbdev.yml nbs/sidebar.yml
	@find minibatch_lib tools tests -name __pycache__ -prune -exec rm -rf {} +
