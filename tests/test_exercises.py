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

BOOK = {path.stem: path for path in map(Path, sorted(map(str, (ROOT / "nbs").glob("0[0-3]_*.ipynb"))))}
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
