"""Change the package in small ways and see whether the tests notice: 300 mutants of five modules, drawn by a fixed rule.

A mutant swaps an operator, moves a number, turns a condition round, forgets a statement or returns nothing. It is tried by
the module's own page and by the pytest files named below, in a process forked from one that has imported everything (so not on Windows). Those that nobody
notices must stand in tools/mutants.toml, each with the reason why it is no fault.
"""
import argparse
import ast
import contextlib
import copy
import gc
import hashlib
import importlib
import io
import linecache
import multiprocessing
import os
import signal
import sys
import time
import tomllib
import types
from pathlib import Path

import page_tests

MUTANTS = 300
LEAST_KILLED = 0.9
TIME_LIMIT = 40  # seconds of work for the tests of one mutant; an endless loop is noticed, too
SLOW_CELL = 0.5  # seconds: a cell that takes longer is left out
TESTS = {
    "matmul": ("00_matmul", ["test_properties.py"], "product or frobenius or broadcast"),
    "forward_backward": ("01_forward_backward", ["test_gradients.py", "test_properties.py"], "linear or relu or mse or network or normal or forward"),
    "tape": ("tape", ["test_tape.py", "test_gradients.py"], "not threads and not slow"),
    "modules": ("02_modules", ["test_gradients.py", "test_properties.py"], "layer or flatten or dropout or mse_loss or models or rung or hidden or classifier"),
    "minibatch": ("03_minibatch", ["test_properties.py", "test_minibatch.py"],
                  "losses or logsumexp or optimizers or dataset or loaders or fit or metric or mean or models or endless or ahead or handed or (workers and fork and not server)"),
}
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}


def changes(node):
    """The ways to change a node, each as a function that does it to a copy of the node and returns the new one."""
    def put(**fields):
        def change(node):
            for name, value in fields.items():
                setattr(node, name, value)
            return node
        return change
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in SWAPS:
        yield put(op=SWAPS[type(node.op)]())
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            if type(op) in SWAPS:
                yield put(ops=[*node.ops[:i], SWAPS[type(op)](), *node.ops[i + 1:]])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield lambda node: node.operand
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield put(value=not node.value)
        elif isinstance(node.value, (int, float)):
            yield put(value=node.value + 1)
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield put(test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Return) and node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield put(value=ast.Constant(None))
    if isinstance(node, (ast.Assign, ast.AugAssign)) or isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Yield, ast.YieldFrom)):
        yield lambda node: ast.Pass()


def sites(tree):
    """Each node inside the functions and classes of a module with its place: the nodes above it, and its enclosing name."""
    def walk(node, name):
        for field, value in ast.iter_fields(node):
            for i, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST) and field not in ("annotation", "returns", "decorator_list"):
                    inner = f"{name}.{child.name}".strip(".") if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else name
                    if inner:
                        yield node, field, i, child, inner
                    if not isinstance(child, ast.JoinedStr):  # the words of an error
                        yield from walk(child, inner)
    yield from walk(tree, "")


def draw(count):
    """The mutants: (module, name, before, after, source), those of all there are whose hashes are the smallest."""
    found = []
    for module in TESTS:
        path = page_tests.ROOT / page_tests.PACKAGE / f"{module}.py"
        tree, seen = ast.parse(path.read_text(encoding="utf-8")), {}
        for parent, field, i, node, name in sites(tree):
            for change in changes(node):
                before, new = ast.unparse(node), change(copy.deepcopy(node))
                after = ast.unparse(ast.fix_missing_locations(new))
                replace(parent, field, i, new)
                source = ast.unparse(tree)
                replace(parent, field, i, node)
                before, after = (first_line(text) for text in (before, after))
                line = first_line(ast.unparse(parent)) if len(before) < 12 and not isinstance(parent, ast.FunctionDef) else ""
                key = module, name, before, after, line
                seen[key] = seen.get(key, 0) + 1
                digest = hashlib.sha256(repr((key, seen[key])).encode()).hexdigest()
                found.append((digest, (*key, seen[key]), source))
    return [(key, source) for _, key, source in sorted(found)[:count]]


def first_line(text):
    return text.split("\n")[0]


def replace(parent, field, i, node):
    if i is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[i] = node


def install(module, source):
    """Make the mutant the module that everybody imports, and make anew all that was made from it."""
    names = [f"{page_tests.PACKAGE}.{name}" for name in TESTS]
    names = names[names.index(f"{page_tests.PACKAGE}.{module}"):] + [f"{page_tests.PACKAGE}.training"]
    for name in [*names, *(name for name in list(sys.modules) if name.startswith(("test_", "conftest")))]:
        sys.modules.pop(name, None)
    fresh = types.ModuleType(names[0])
    fresh.__file__, fresh.__package__ = str(page_tests.ROOT / page_tests.PACKAGE / f"{module}.py"), page_tests.PACKAGE
    sys.modules[names[0]] = fresh
    setattr(sys.modules[page_tests.PACKAGE], module, fresh)
    linecache.cache[fresh.__file__] = len(source), None, source.splitlines(keepends=True), fresh.__file__  # for inspect.getsource
    exec(compile(source, fresh.__file__, "exec"), vars(fresh))
    for name in names[1:]:
        setattr(sys.modules[page_tests.PACKAGE], name.split(".")[1], importlib.import_module(name))


def try_mutant(key, source, cells):
    """Who notices a mutant: "import", a cell, "pytest", "time", or None."""
    module = key[0]

    def too_long(*_):
        raise TimeoutError
    signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, TIME_LIMIT)
    page, files, words = TESTS[module]
    number = "import"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            install(module, source)
            run = page_tests.run_cells(cells[module], sys.modules[f"{page_tests.PACKAGE}.{module}"])
            for cell in cells[module]:
                number = f"cell {cell[0]}"
                next(run)
        except TimeoutError:
            return "time"
        except BaseException:
            return number
        try:
            import pytest
            paths = [str(page_tests.ROOT / "tests" / file) for file in files]
            failed = pytest.main(["-x", "--rootdir", str(page_tests.ROOT), "-q", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants", "-k", f"({words}) and not public_name", *paths])
        except TimeoutError:
            return "time"
        except BaseException:
            return "pytest"
    return "pytest" if failed else None


def worker(pipe, key, source, cells):
    """In a process of its own: try a mutant and say who noticed."""
    sys.stdout = open(os.devnull, "w")
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    pipe.send(try_mutant(key, source, cells))
    os._exit(0)


def try_apart(mutant, cells):
    """Start a process for a mutant, and return it with the end of a pipe that will say who noticed."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=worker, args=(there, *mutant, cells))
    process.start()
    there.close()
    return process, here


def outcome(process, pipe, started):
    """Who noticed; "time" or "crash" if the process cannot say so. None while it runs: then the first is False."""
    if pipe.poll():
        try:
            found = pipe.recv()
        except EOFError:
            found = "crash"
        process.join()
        return True, found
    if time.monotonic() - started > 10 * TIME_LIMIT:
        process.kill()
        process.join()
        return True, "time"
    return False, None


def try_all(mutants, cells, jobs):
    """Yield (mutant, who noticed) as they end, `jobs` at a time."""
    waiting, running = list(reversed(mutants)), []
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running.append((mutant, *try_apart(mutant, cells), time.monotonic()))
        for entry in list(running):
            mutant, process, pipe, started = entry
            ended, found = outcome(process, pipe, started)
            if ended:
                running.remove(entry)
                yield mutant, found
        time.sleep(0.02)


def seconds_of_work(cells, module):
    """What each cell costs, whatever else the machine is doing."""
    seconds, start = {}, time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        for i, _ in page_tests.run_cells(cells, module):
            seconds[i], start = time.process_time() - start, time.process_time()
    return seconds


def usable_cells(module):
    """The cells of a module's page that are neither timings nor figures nor slow, and need nothing from those that are."""
    path = page_tests.ROOT / "nbs" / f"{TESTS[module][0]}.ipynb"
    real = importlib.import_module(f"{page_tests.PACKAGE}.{module}")
    cells = list(page_tests.quick_cells(page_tests.prepare(path)))
    seconds = seconds_of_work(cells, real)
    marked = [(i, {"timing"} if seconds[i] > SLOW_CELL or "fig-alt" in marks else marks, code, names) for i, marks, code, names in cells]
    chosen = list(page_tests.quick_cells(marked))
    print(f"{module:18}{len(chosen)} of {len(cells)} cells, {sum(seconds_of_work(chosen, real).values()):.1f} s", flush=True)
    return chosen


def say(key):
    module, name, before, after, line, nth = key
    return f"{module}.{name}: `{before}` -> `{after}`" + f" in `{line}`" * bool(line) + f" (no. {nth})" * (nth > 1)


def known_survivors():
    """The reason for each survivor that was looked at, by its description."""
    text = Path(__file__).with_name("mutants.toml").read_text(encoding="utf-8")
    return {entry["mutant"]: entry["reason"] for entry in tomllib.loads(text).get("survivor", [])}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=MUTANTS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", help="try those whose description holds this text")
    args = parser.parse_args()
    page_tests.set_up()
    sys.path.insert(0, str(page_tests.ROOT / "tests"))
    os.environ["OMP_NUM_THREADS"] = "1"
    importlib.import_module(f"{page_tests.PACKAGE}.training")
    for name in ("pytest", "hypothesis", "matplotlib.pyplot", "fastcore.test"):
        importlib.import_module(name)
    mutants = [mutant for mutant in draw(args.count) if not args.only or args.only in say(mutant[0])]
    cells = {module: usable_cells(module) for module in TESTS}
    survivors, start = [], time.monotonic()
    gc.collect()
    gc.freeze()  # so that the processes go on sharing memory
    for n, (mutant, found) in enumerate(try_all(mutants, cells, args.jobs), 1):
        if found is None:
            survivors.append(say(mutant[0]))
        print(f"{n:3}/{len(mutants)} {time.monotonic() - start:5.0f} s  {found or 'SURVIVED':9} {say(mutant[0])[:150]}", flush=True)
    reasons = known_survivors()
    killed = len(mutants) - len(survivors)
    unexplained = [text for text in survivors if text not in reasons]
    for text in sorted(survivors):
        print(f"survived: {text}\n    {reasons.get(text, 'NO REASON in tools/mutants.toml')}")
    print(f"{killed} of {len(mutants)} mutants killed ({killed / len(mutants):.1%}), {len(unexplained)} survivors without a reason")
    sys.exit(killed < LEAST_KILLED * len(mutants) or bool(unexplained))


if __name__ == "__main__":
    main()
