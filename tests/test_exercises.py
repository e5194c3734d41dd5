"""The notebooks of exercises: a blank is told what to do, wrong answers what is wrong, and the page's own answer passes."""
import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from execnb.shell import CaptureShell

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import exercises  # noqa: E402
import pages  # noqa: E402
from exercise_answers import WRONG  # noqa: E402

BOOK = {path.stem: path for path in sorted((ROOT / "nbs").glob("*.ipynb")) if exercises.tasks_of(path)}
TASKS = {page: exercises.tasks_of(path) for page, path in BOOK.items()}
NAMES = [(page, name) for page, tasks in TASKS.items() for name in tasks]


def run(shell, cell):
    """Run a cell as Jupyter would; return what it fails with, or ''."""
    shell.run(cell["source"])
    return f"{type(shell.exc).__name__}: {shell.exc}" if shell.exc else ""


def grade(shell, answer, checks):
    """What running an answer and its checks ends with, '' if all is well; a check must fail for a failing answer too."""
    shell.run(answer)
    return next(filter(None, (run(shell, check) for check in checks)), "")


def reports_of(page):
    """What the checks of a page say of each answer, as {(name, kind or number): text}; only what checks may use has run."""
    shell, reports = CaptureShell(), {}
    shell.run("import torch; torch.set_num_threads(1)")
    shell.showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None  # nobody reads them, and they take long
    own = {cell.id: source for cell, _, source in exercises.parts(BOOK[page]) if cell.cell_type == "code"}
    cells = [cell for cell in exercises.notebook(BOOK[page])["cells"] if cell["metadata"].get("tags")]
    for at, cell in enumerate(cells):
        tag, = cell["metadata"]["tags"]
        if tag == "given":
            reports["given", at] = run(shell, cell)
        if tag != "exercise":
            continue
        checks = []
        for later in cells[at + 1:]:
            if later["metadata"]["tags"] != ["check"]:
                break
            checks.append(later)
        solution = own[cell["id"]]
        for name in exercises.answers(ast.parse(solution)):
            reports[name, "missing"] = grade(shell, "", checks)
            reports[name, "blank"] = grade(shell, cell["source"], checks)
            for i, (answer, _) in enumerate(WRONG[page].get(name, [])):
                reports[name, i] = grade(shell, answer, checks)
            shell.run(solution)
            reports[name, "error"] = grade(shell, cell["source"].split("\n")[0] + "\n" + solution + "\n)", checks)
            reports[name, "library"] = grade(shell, library_object(page, name), checks)
        reports[name, "solution"] = grade(shell, solution, checks)
    return reports


def library_object(page, name):
    """Code that puts the library's own object under a name, where it has one."""
    return f"from minibatch_lib.{pages.module_name(BOOK[page])} import {name}"


@pytest.fixture(scope="module")
def reports():
    """What the checks say, by page."""
    found = {}

    def of(page):
        if page not in found:
            found[page] = reports_of(page)
        return found[page]
    return of


def test_there_are_thirty_exercises_with_three_wrong_answers_each():
    assert len(NAMES) >= 30
    assert [(page, name) for page, name in NAMES if len(WRONG[page].get(name, [])) < 3] == []
    assert {page: set(answers) for page, answers in WRONG.items()} == {page: set(tasks) for page, tasks in TASKS.items()}


@pytest.mark.parametrize("page, name", NAMES)
def test_the_own_answer_passes_and_a_blank_is_told_what_to_do(page, name, reports):
    found = reports(page)
    assert not any(said for (what, _), said in found.items() if what == "given")
    assert found[name, "solution"] == ""
    assert f"{name} is not there. Run the cell above" in found[name, "missing"]
    assert f"{name}" in found[name, "blank"] and f" is still blank: {TASKS[page][name]}" in found[name, "blank"]


@pytest.mark.parametrize("page, name", NAMES)
def test_neither_an_error_nor_the_library_passes(page, name, reports):
    found = reports(page)
    assert f"{name} is not there. Run the cell above; if it shows an error" in found[name, "error"]
    assert any(said in found[name, "library"] for said in (f"{name} is the one of minibatch_lib.", f"{name} is not there."))


@pytest.mark.parametrize("page, name, i", [(page, name, i) for page, name in NAMES for i in range(len(WRONG[page].get(name, [])))])
def test_a_wrong_answer_is_told_what_is_wrong(page, name, i, reports):
    answer, message = WRONG[page][name][i]
    assert message and message in reports(page)[name, i], answer


# The tool, on small cells and files

SOURCE = '''def add(
    a:int, # é
    b:int, # Another
) -> int:  # Their sum
    "Add."
    _check(a)
    if b < 0: raise ValueError('b')
    # first the sum
    c = a + b  # the sum
    return c

class Adder(Base):
    "Adds."
    def __init__(self, a): self.a = a

    @property
    def twice(self):
        return 2 * self.a
answer = [40,
          2]  # a list'''

BLANK = '''def add(
    a:int, # é
    b:int, # Another
) -> int:  # Their sum
    "Add."
    _check(a)
    if b < 0: raise ValueError('b')
    raise NotImplementedError("add is still blank: don't give up.")

class Adder(Base):
    "Adds."
    def __init__(self, a): raise NotImplementedError("Adder.__init__ is still blank: don't give up.")

    @property
    def twice(self):
        raise NotImplementedError("Adder.twice is still blank: don't give up.")
answer = ...  # a list'''


def test_blanks_keep_signatures_comments_docstrings_and_refusals():
    assert exercises.blank(SOURCE, "don't give up.") == BLANK
    assert set(exercises.answers(ast.parse(SOURCE))) == {"add", "Adder", "answer"}


@pytest.mark.parametrize("source", ["print(1)", "a, b = 1, 2", "for i in range(3): pass"])
def test_an_exercise_holds_definitions_and_values_only(source):
    with pytest.raises(SystemExit, match="an exercise can hold"):
        exercises.blank(source, "")


def test_an_exercise_must_have_an_answer():
    with pytest.raises(SystemExit, match="f: an exercise without an answer"):
        exercises.blank("def f():\n    'Only words.'", "")


def test_imports_that_give_an_answer_away_are_left_out():
    source = "import math\nfrom itertools import (chain,\n    islice as cut)\nfrom minibatch_lib.testing import near, best_of\nfrom a import b"
    assert exercises.without_imports(source, {"near": ""}, {"chain"}) == (
        "import math\nfrom itertools import chain\nfrom minibatch_lib.testing import best_of")
    assert exercises.without_imports(source, {}, {"chain", "cut", "b"}) == source


@pytest.mark.parametrize("page", BOOK)
def test_notebooks_are_whole_and_hold_no_answer(page):
    given = {cell.id: source for cell, _, source in exercises.parts(BOOK[page])}
    cells = {cell["id"]: cell for cell in exercises.notebook(BOOK[page])["cells"]}
    marked = {cell.id for cell, directives, _ in exercises.parts(BOOK[page]) if "exercise" in directives}
    assert set(cells) == set(given) | {"how-to", "first"}
    for id_, source in given.items():
        tags = cells[id_]["metadata"].get("tags", [])
        assert ("exercise" in tags) == (id_ in marked)
        assert not cells[id_].get("outputs") and "#|" not in cells[id_]["source"]
        if cells[id_]["cell_type"] == "code" and not {"exercise", "check"} & set(tags):
            assert cells[id_]["source"] == source
    module = pages.module_name(BOOK[page])
    imports = (node for cell in cells.values() if cell["cell_type"] == "code" for node in ast.walk(exercises.tree_of(cell["source"])))
    assert not any(isinstance(node, ast.ImportFrom) and node.module == f"minibatch_lib.{module}" for node in imports)
    json.dumps(list(cells.values()))


@pytest.mark.parametrize("page", BOOK)
def test_every_exercise_has_its_check_right_below_it(page):
    tags = [cell["metadata"].get("tags") for cell in exercises.notebook(BOOK[page])["cells"]]
    assert all(tags[i + 1] == ["check"] for i, tag in enumerate(tags) if tag == ["exercise"])


def test_a_check_must_name_an_exercise_of_its_page(tmp_path):
    cells = [exercises.new_cell("code", id_, source) for id_, source in (("one", "#| exercise f\nf = 1"), ("two", "#| check f\nf"), ("three", "#| check g\ng"))]
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps(dict(cells=cells[:2], metadata={}, nbformat=4, nbformat_minor=5)))
    assert list(exercises.graders(path)) == ["f"]
    path.write_text(json.dumps(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)))
    with pytest.raises(SystemExit, match="no exercise has the name g"):
        exercises.graders(path)


@pytest.mark.parametrize("page", BOOK)
def test_a_check_needs_no_other_check_that_stops_at_a_blank(page):
    groups = {}
    for cell in exercises.notebook(BOOK[page])["cells"]:
        if "check" in cell["metadata"].get("tags", []):
            groups.setdefault(cell["source"].split("\n")[0], []).append(cell["source"])
    for graded, sources in groups.items():
        defined = {node.name for source in sources for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        assert not defined & exercises.used_names(source for other in groups if other != graded for source in groups[other])


def test_a_file_with_work_in_it_is_never_overwritten(tmp_path):
    path, nb = tmp_path / "new" / "page.ipynb", exercises.notebook(BOOK["00_matmul"])
    assert exercises.write(path, nb).endswith(": written")
    newer = {**nb, "cells": nb["cells"][:3]}
    assert exercises.write(path, newer).endswith(": written")
    written = json.loads(path.read_text())
    assert written["cells"] == newer["cells"] and path.name in [each.name for each in path.parent.iterdir()]
    assert len(list(path.parent.iterdir())) == 1
    written["cells"][2]["outputs"] = [dict(output_type="stream", name="stdout", text="mine")]
    for work in (json.dumps(written), json.dumps({**written, "metadata": {}}), "no notebook", "[]", ""):
        path.write_text(work)
        assert "kept as it is" in exercises.write(path, nb)
        assert path.read_text() == work


def test_the_command_writes_every_page_and_leaves_edited_ones(tmp_path):
    def make():
        return subprocess.run([sys.executable, ROOT / "tools" / "exercises.py", tmp_path], cwd=ROOT, capture_output=True,
                              text=True, check=True).stdout.splitlines()
    files = sorted([*(f"{page}.ipynb" for page in BOOK), exercises.REPAIRS])
    assert [line.partition(": ")[2] for line in make()] == ["written"] * len(files)
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    edited = {tmp_path / "00_matmul.ipynb": ("raise NotImplementedError", "return 1  #"), tmp_path / exercises.REPAIRS: ("out - y", "y - out")}
    for path, (old, new) in edited.items():
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    before = {path: path.read_text() for path in edited}
    said = {Path(line.partition(": ")[0]): line.partition(": ")[2][:4] for line in make()}
    assert {path for path, what in said.items() if what == "kept"} == set(edited) and len(said) == len(files)
    assert {path: path.read_text() for path in edited} == before


def test_an_answer_of_yesterday_does_not_pass_for_one_with_an_error():
    shell = CaptureShell()
    shell.showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None
    check = dict(source="graded(f='write it')\nassert f() == 1")
    shell.run(exercises.first_cell(["f"]))
    assert grade(shell, "def f(): return 1", [check]) == ""
    assert "f is not there" in grade(shell, "def f(): return 1 +", [check])
    assert grade(shell, "def f(): return 1", [check]) == ""
    assert "f is not there" in grade(shell, "# Exercise f: write it\ndeff f(): return 1", [check])
    assert grade(shell, "# Mend f: it is wrong\ndef f(): return 1", [check]) == ""
    assert "f is not there" in grade(shell, "# Mend f: it is wrong\ndeff f(): return 1", [check])
    assert "f is still blank: write it" in grade(shell, "f = ...", [check])
    assert "f is the one of math" in grade(shell, "from math import sin as f", [check])
    blank = exercises.blank("class f:\n    def a(self): return 1\n    def b(self): return 2", "write it")
    assert "f.a is still blank: write it" in grade(shell, blank, [check])
    assert "f.b is still blank" in grade(shell, blank.replace("f.a is still blank: write it", "done"), [check])
