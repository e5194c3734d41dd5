"""Run the test cells of pages against the imported modules: what a cell exports is taken from the module, not defined anew.

So a fault in the module fails a page's own tests, and coverage and mutants can be measured by them. Needs neither
nbdev nor IPython. `--quick` leaves out the cells marked `timing`, and what cannot run without them.
"""
import argparse
import ast
import contextlib
import dis
import importlib
import json
import linecache
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "minibatch_lib"
DATA_SETS = {"mnist", "kmnist"}
NEVER = {"slow", "cuda"}


def directives(source):
    """The words after each `#|` at the top of a cell, by the first of them."""
    lines = re.findall(r"\A(?:#\|.*\n?)+", source)
    words = (line[2:].split() for line in "".join(lines).splitlines())
    return {first.rstrip(":"): rest for first, *rest in filter(None, words)}


def code_cells(path):
    """The number, directives and source of each code cell that runs on this machine."""
    from minibatch_lib.data import at_hand
    never = NEVER | ({"sigint"} if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else set())
    for i, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], 1):
        source = "".join(cell["source"])
        marks = directives(source)
        if cell["cell_type"] == "code" and marks.get("eval") != ["false"] and not marks.keys() & never:
            if all(at_hand(name, test=True) for name in marks.keys() & DATA_SETS):
                yield i, marks, source


def module_of(path):
    """The module that a page is exported to, or None."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if "default_exp" in (marks := directives("".join(cell["source"]))):
            return f"{PACKAGE}.{marks['default_exp'][0]}"


def is_import(node):
    return isinstance(node, (ast.Import, ast.ImportFrom))


def defined(tree):
    """The names that a cell defines, but for methods patched into a class."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not any("patch" in ast.unparse(d) for d in node.decorator_list):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))


def prepare(path):
    """The cells of a page as (number, directives, code to run, names to take from the module)."""
    for i, marks, source in code_cells(path):
        tree, name = ast.parse(source), f"<{path.stem} cell {i}>"
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name  # for inspect.getsource
        if {"export", "exports", "exporti"} & marks.keys():
            imports = ast.Module([node for node in tree.body if is_import(node)], [])
            yield i, marks, compile(imports, name, "exec"), list(defined(tree))
        else:
            yield i, marks, compile(tree, name, "exec"), []


def run_cells(cells, module):
    """Run cells in order as a module of their own, and yield the number of each and its seconds."""
    page = sys.modules["a_page"] = types.ModuleType("a_page")
    for i, _, code, names in cells:
        start = time.perf_counter()
        vars(page).update((name, getattr(module, name)) for name in names)
        exec(code, vars(page))
        yield i, time.perf_counter() - start


def quick_cells(cells):
    """Those of the cells that are not timings and need nothing that a timing defines."""
    missing = set()
    for cell in cells:
        _, marks, code, names = cell
        used = {name for each in walk_code(code) for name in each.co_names}
        if "timing" in marks or used & missing:
            missing |= assigned(code)
        else:
            missing -= assigned(code)
            yield cell


def walk_code(code):
    """A code object and all inside it."""
    yield code
    for const in code.co_consts:
        if hasattr(const, "co_code"):
            yield from walk_code(const)


def assigned(code):
    """The names that a piece of code may assign at its top level."""
    return {step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}


def set_up():
    """One thread, no windows, no profiler's chatter, in the folder of the notebooks."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    import matplotlib
    import torch
    matplotlib.use("agg")
    matplotlib.rcParams["figure.max_open_warning"] = 0
    torch.set_num_threads(1)
    os.chdir(ROOT / "nbs")
    sys.path.insert(0, str(ROOT))


def run_page(path, quick):
    """Run one page; return its number of cells, or None after saying what failed."""
    name = module_of(path)
    cells = list(prepare(path))
    if quick:
        cells = list(quick_cells(cells))
    try:
        return len(list(run_cells(cells, name and importlib.import_module(name))))
    except Exception:
        traceback.print_exc()


def run_apart(path, quick):
    """Run one page in a process of its own; return what it printed, and whether it passed."""
    command = [sys.executable, __file__, path.stem, *["--quick"] * quick]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    return done.stdout, done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="*", help="a notebook's name (default: all, as many at a time as there are cores)")
    parser.add_argument("--quick", action="store_true", help="leave out timings")
    args = parser.parse_args()
    paths = [path for path in sorted((ROOT / "nbs").glob("*.ipynb")) if path.stem in args.page or not args.page]
    if len(args.page) == len(paths) == 1:
        set_up()
        start = time.perf_counter()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            count = run_page(paths[0], args.quick)
        print(f"{paths[0].stem:24}{'FAILED' if count is None else f'{count:3} cells'}{time.perf_counter() - start:7.1f} s")
        sys.exit(count is None)
    passed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for printed, well in pool.map(partial(run_apart, quick=args.quick), paths):
            print(printed, end="", flush=True)
            passed += well
    print(f"{passed} passed, {len(paths) - passed} failed")
    sys.exit(passed < len(paths) or not paths)


if __name__ == "__main__":
    main()
