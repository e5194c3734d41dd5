"""Each page of the book as a notebook of exercises: what is marked `#| exercise` is blank, what is marked `#| repair` broken, and its check stands below it.

A cell marked `#| exercise WHAT IS TO DO` keeps signatures, docstrings and the refusal of bad input; the rest of every
function is left out, and every value is `...`. The cells marked `#| check` below it, or `#| check NAME` anywhere on the page, grade what
the reader has written, and come right below it; one marked `#| check shared` holds what several checks have in common, and comes before
the first exercise. A check uses imports, exported names and other checks only.
All else on the page stays, but for stored outputs and for imports that would give an answer away.

A cell marked `#| repair WHAT IS SEEN` holds a broken program, which stands as it is; the page of them is the notebook `REPAIRS`.
"""
import argparse
import ast
import hashlib
import inspect
import json
import os
import re
from pathlib import Path

from execnb.nbio import read_nb
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html as nbpath2html
from nbdev.process import extract_directives

import pages

INTRO = """**How to use this notebook.** It is the page of the same name with {count} answers taken out: {names}.

Run the cells in order. Where you meet `raise NotImplementedError`, or a value of `...`, put your own answer in its place. The cell \
below it is the check: it says nothing if your answer is right, and otherwise what is wrong. Cells further down may need your answer.

A cell near the top installs the library where it is missing. The page itself, with an answer to each, is [here]({page})."""
REPAIR_INTRO = """**How to use this notebook.** It holds {count} programs, each with one mistake. Change a program until its check says *Mended.*

Run the first cells, then begin with any case you like: no case needs another. The cell below a program is its check. It tries your program \
on data of its own, says what is seen, and knows repairs that only hide it. Below that are a hint and the cause, both closed.

A cell near the top installs the library where it is missing. The page is also [on the site]({page})."""
REPAIRS = "mend_the_mistakes.ipynb"
FLAGGED = "# Needs the files of {}. Make this a code cell to run it."


# What stands in the notebook's first code cell


def graded(**tasks):
    "Is there an answer of your own under each of these names? If not, say what is still to do."
    for name, task in tasks.items():
        if name not in globals():
            raise AssertionError(f"{name} is not there. Run the cell above; if it shows an error, mend that first.")
        answer = globals()[name]
        if answer is ...:
            raise AssertionError(f"{name} is still blank: {task}")
        if callable(answer) and getattr(answer, "__module__", __name__) != __name__:
            raise AssertionError(f"{name} is the one of {answer.__module__}, not your own: {task}")
        for part in vars(answer).values() if isinstance(answer, type) else [answer]:
            for const in getattr(inspect.unwrap(part), "__code__", graded.__code__).co_consts:
                if " is still blank: " in str(const) and str(const).startswith(name):
                    raise AssertionError(const)


def forget(cell):
    "Before the cell of an exercise runs, drop what it gave before: else an older answer would pass for one with an error."
    for name in EXERCISES:  # noqa: F821
        if re.search(rf"^(# (?:Exercise|Mend) [^:]*\b{name}\b|(def|class) {name}\b|{name} *=(?!=))", cell.raw_cell, re.M):
            globals().pop(name, None)


def first_cell(names):
    """The source of the cell that every notebook of exercises starts with."""
    listed = "\n".join(f"    {name!r}," for name in names)
    return "\n\n".join([
        "# Run this first. It lets the checks see which answers are yours.\nimport inspect\nimport re",
        inspect.getsource(graded).rstrip(), inspect.getsource(forget).replace("  # noqa: F821", "").rstrip(),
        f"EXERCISES = [\n{listed}\n]\nget_ipython().events.register('pre_run_cell', forget);"])


# A cell's answer, taken out


def tree_of(source):
    """The syntax tree of a cell; an empty one where it is not plain Python."""
    return ast.parse("" if source.lstrip().startswith(("%", "!")) else source)


def answers(tree):
    """The top-level functions, classes and values of an exercise's cell, by name."""
    found = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = node
            case ast.Import() | ast.ImportFrom():
                pass
            case _:
                raise SystemExit(f"an exercise can hold functions, classes and values, not `{ast.unparse(node)[:60]}`")
    return found


def refuses_only(statement):
    """Whether a statement does nothing but refuse bad input."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name.startswith("_check"):
            return True
        case ast.If(body=[ast.Raise()], orelse=[]):
            return True
    return False


def cuts(node, task, name=""):
    """What to replace in an answer, as (first place, last place, text); a place is a line and a byte in it."""
    name += node.name if hasattr(node, "name") else ""
    match node:
        case ast.ClassDef():
            for child in node.body:
                if isinstance(child, ast.FunctionDef):
                    yield from cuts(child, task, f"{name}.")
        case ast.FunctionDef():
            given = 1 if ast.get_docstring(node, clean=False) is not None else 0
            while given < len(node.body) and refuses_only(node.body[given]):
                given += 1
            if given == len(node.body):
                raise SystemExit(f"{name}: an exercise without an answer")
            raising = f"raise NotImplementedError({f'{name} is still blank: {task}'!r})"
            first, last = node.body[given], node.body[-1]
            start = (first.lineno, first.col_offset)
            if given:
                before = node.body[given - 1]
                start, raising = (before.end_lineno, before.end_col_offset), f"\n{' ' * first.col_offset}{raising}"
            yield start, (last.end_lineno, None), raising
        case ast.Assign():
            value = node.value
            yield (value.lineno, value.col_offset), (value.end_lineno, value.end_col_offset), "..."
        case ast.Import() | ast.ImportFrom():
            yield (node.lineno, 0), (node.end_lineno, None), ""


def blank(source, task):
    """The source of an exercise's cell without its answers."""
    tree = tree_of(source)
    answers(tree)
    lines = source.encode().split(b"\n")
    found = [cut for node in tree.body for cut in cuts(node, task)]
    for (row, column), (last_row, last_column), text in sorted(found, reverse=True):
        rest = b"" if last_column is None else lines[last_row - 1][last_column:]
        lines[row - 1:last_row] = (lines[row - 1][:column] + text.encode() + rest).split(b"\n")
    return b"\n".join(lines).decode().strip("\n")


# Imports that would give an answer away


def used_names(sources):
    """All names that stand in these cells outside their imports."""
    nodes = (node for source in sources for node in ast.walk(tree_of(source)))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def without_imports(source, exercises, used):
    """A cell whose imports bring neither what is to be written nor what only answers use.

    Whole modules and this library's earlier pages stay: they are what answers are made of."""
    library = get_config().lib_name
    for node in reversed(tree_of(source).body):
        if isinstance(node, ast.ImportFrom):
            own = (node.module or "").partition(".")[0] == library
            kept = [alias for alias in node.names if (bound := alias.asname or alias.name) not in exercises and (own or bound in used)]
            if kept != node.names:
                statement = [ast.unparse(ast.ImportFrom(node.module, kept, node.level))] if kept else []
                lines = source.split("\n")
                source = "\n".join([*lines[:node.lineno - 1], *statement, *lines[node.end_lineno:]])
    return source.strip("\n")


# A page as a notebook of exercises


def parts(path):
    """The cells of a page as (cell, its directives, its source without them); the title's module name is left out."""
    for cell in read_nb(path).cells:
        directives = extract_directives(cell, remove=False) if cell.cell_type == "code" else {}
        if "default_exp" not in directives:
            lines = cell.source.split("\n")
            while directives and lines and (lines[0].startswith("#|") or not lines[0].strip()):
                lines.pop(0)
            yield cell, directives, "\n".join(lines)


def tasks_of(path, kind="exercise"):
    """What is to do for each exercise of a page, or what is seen of each program to `repair`, by name."""
    return {name: " ".join(directives[kind]) for _, directives, source in parts(path) if kind in directives
            for name in answers(tree_of(source))}


def new_cell(kind, id_, source, *tags):
    """A notebook's cell."""
    code = dict(outputs=[], execution_count=None) if kind == "code" else {}
    return dict(cell_type=kind, id=id_, metadata=dict(tags=[*tags]) if tags else {}, source=source, **code)


def graders(path):
    """The checks that say what they grade: {name of an exercise, or "shared": its cells, as (cell, source)}."""
    found, known = {}, {"shared", *tasks_of(path)}
    for cell, directives, source in parts(path):
        for name in directives.get("check", []):
            if name not in known:
                raise SystemExit(f"{path}: no exercise has the name {name}, which a check grades")
            found.setdefault(name, []).append((cell, source))
    return found


def exercise_cells(path):
    """The cells of a page's notebook of exercises, tagged `exercise`, `check`, or `given` for imports and definitions."""
    broken, elsewhere, above = tasks_of(path, "repair"), graders(path), {}
    tasks = broken or tasks_of(path)
    solved = [source for cell, directives, source in parts(path) if cell.cell_type == "code" and "exercise" not in directives]
    used = used_names(solved) | used_names(blank(source, "") for _, directives, source in parts(path) if "exercise" in directives)

    def check_cell(cell, source):
        call = f"graded({', '.join(f'{name}={task!r}' for name, task in above.items())})"
        return new_cell("code", cell.id, f"{call}\n{source}", "check")
    for cell, directives, source in parts(path):
        flags = [flag for flag in get_config().tst_flags.split() if flag in directives]
        tree = tree_of(source) if cell.cell_type == "code" else None
        if cell.cell_type == "markdown":
            yield new_cell("markdown", cell.id, pages.absolute_links(source))
        elif flags or "eval:" in directives:
            yield new_cell("raw", cell.id, f"{FLAGGED.format(flags[0])}\n{source}" if flags else source)
        elif {"exercise", "repair"} & set(directives):
            yield from (new_cell("code", shared.id, text, "given") for shared, text in elsewhere.pop("shared", []))
            above = {name: tasks[name] for name in answers(tree)}
            task = next(iter(above.values()))
            what, text = ("Mend", source) if broken else ("Exercise", blank(source, task))
            yield new_cell("code", cell.id, f"# {what} {', '.join(above)}: {task}\n{text}", "exercise")
            yield from (check_cell(*grader) for name in above for grader in elsewhere.get(name, []))
        elif directives.get("check"):
            pass  # it has come, or comes, where it belongs
        elif "check" in directives and above:
            check = check_cell(cell, source)
            if broken:  # closed in Jupyter: a check knows the cause
                check["metadata"]["jupyter"] = dict(source_hidden=True)
            yield check
        else:
            kept = without_imports(source, tasks, used)
            is_given = {"exports", "check"} & set(directives) or all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body)
            if kept:
                yield new_cell("code", cell.id, kept, *["given"] * bool(is_given))


def notebook(path):
    """A page's notebook of exercises or of repairs, or None if the page has neither."""
    broken = tasks_of(path, "repair")
    tasks = broken or tasks_of(path)
    if not tasks:
        return None
    title, *rest = exercise_cells(path)
    listed = ", ".join(f"`{name}`" for name in tasks)
    intro = (REPAIR_INTRO if broken else INTRO).format(count=len(tasks), names=listed, page=f"{pages.site_url()}/{nbpath2html(path).name}")
    cells = [title, new_cell("markdown", "how-to", intro), new_cell("code", "first", first_cell(tasks), "given"), *rest]
    kernel = dict(display_name="Python 3", language="python", name="python3")
    return dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)


# Files


def digest(nb):
    """What tells whether a notebook has been touched since it was written."""
    rest = {**nb, "metadata": {key: value for key, value in nb["metadata"].items() if key != "as_written"}}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def is_untouched(path):
    """Whether a file is a notebook exactly as `write` left it."""
    try:
        nb = json.loads(path.read_text(encoding="utf-8"))
        return nb["metadata"]["as_written"] == digest(nb)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def write(path, nb):
    """Write a notebook, unless somebody has worked in the one that is there; say what was done."""
    if path.exists() and not is_untouched(path):
        return f"{path}: kept as it is, there is work in it (rename it to get a fresh one)"
    text = json.dumps({**nb, "metadata": {**nb["metadata"], "as_written": digest(nb)}}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text + "\n", encoding="utf-8")
    os.replace(new, path)
    return f"{path}: written"


def file_name(path):
    """What the notebook of exercises of a page is called, or None if the page has none."""
    return REPAIRS if tasks_of(path, "repair") else path.name if tasks_of(path) else None


def write_page(path, folder):
    """Write the notebook of a page into a folder, if the page has exercises; return a line that says what was done, or None."""
    nb = notebook(path)
    return write(Path(folder) / file_name(path), nb) if nb else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="exercises", help="where to write them (default: exercises)")
    folder = parser.parse_args().folder
    for path in pages.find():
        if line := write_page(path, folder):
            print(line)


if __name__ == "__main__":
    main()
