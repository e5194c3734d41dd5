"""The programs to mend: each fails as it stands, right repairs pass, and what only hides the mistake is told so."""
import ast
import builtins
import json
import re
import sys
import time
from pathlib import Path

import pytest
from execnb.shell import CaptureShell

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import procs  # noqa: E402
import exercises  # noqa: E402
from mend_attempts import ATTEMPTS, NO_CASE  # noqa: E402

PAGE = ROOT / "nbs" / "mend.ipynb"
CELLS = exercises.notebook(PAGE)["cells"]
MAIN = {re.match(r"# Mend (\w+): ", cell["source"])[1]: (cell["source"], CELLS[i + 1]["source"])
        for i, cell in enumerate(CELLS) if cell["metadata"].get("tags") == ["exercise"]}
NAMES = list(MAIN)
SILENT = next(i for i, cell in enumerate(CELLS) if cell["source"].startswith("## Silent"))
LOUD = [name for name in NAMES if any(MAIN[name][0] == cell["source"] for cell in CELLS[:SILENT])]


def edited(name, edit):
    """A case's program with an edit: pairs of old and new text, or another program altogether."""
    if isinstance(edit, str):
        return edit
    program = MAIN[name][0]
    for old, new in edit.items():
        assert program.count(old) == 1, (name, old, program.count(old))
        program = program.replace(old, new)
    return program


class Desk:
    """A reader's notebook in which the first cells have run."""

    def __init__(self):
        self.shell = CaptureShell()
        self.shell.showtraceback = self.shell.showsyntaxerror = lambda *args, **kwargs: None  # nobody reads them, and they take long
        self.shell.run("import torch; torch.set_num_threads(1)")
        for cell in CELLS:
            if cell["metadata"].get("tags") == ["given"]:
                self.shell.run(cell["source"])
                assert not self.shell.exc

    def check(self, name, program):
        """What the check says of a program, and how long it took."""
        start = time.process_time()
        self.shell.run(program)
        outputs = self.shell.run(MAIN[name][1])
        said = f"{type(self.shell.exc).__name__}: {self.shell.exc}" if self.shell.exc else "".join(outputs[-1]["text"]).strip() if outputs else ""
        return said, time.process_time() - start


@pytest.fixture(scope="module")
def desk():
    """One desk for all: no case needs another, and none may disturb it."""
    return Desk()


def tell(desk, name, kinds=("right", "fake", "wrong"), most=None):
    """Try a case's attempts; return a line for each whose check says something else than it should."""
    off = []
    for kind in kinds:
        for attempt in ATTEMPTS[name][kind][:most]:
            edit, wanted = (attempt, "Mended.") if kind == "right" else attempt
            said, seconds = desk.check(name, edited(name, edit))
            if wanted not in said or (kind != "right" and not wanted) or seconds > 10:
                off.append(f"{name}, {kind}: {edit}\n    said {said!r}, wanted {wanted!r}, {seconds:.1f} s")
    return off


def test_the_notebook_holds_the_programs_as_they_are_and_closes_their_checks():
    own = {cell.id: source for cell, directives, source in exercises.parts(PAGE) if "repair" in directives}
    assert len(own) == len(NAMES) and exercises.file_name(PAGE) == exercises.REPAIRS
    assert {cell["id"]: cell["source"].partition("\n")[2] for cell in CELLS if cell["metadata"].get("tags") == ["exercise"]} == own
    assert all(cell["metadata"]["jupyter"]["source_hidden"] for cell in CELLS if cell["metadata"].get("tags") == ["check"])
    assert not any(cell.get("outputs") for cell in CELLS)


def test_every_case_has_its_attempts():
    assert set(ATTEMPTS) == set(NAMES)
    for name, attempts in ATTEMPTS.items():
        assert set(attempts) == {"right", "fake", "wrong"}
        assert len(attempts["right"]) >= 2 and len(attempts["fake"]) >= 3 and len(attempts["fake"] + attempts["wrong"]) >= 6, name


@pytest.mark.parametrize("name", NAMES)
def test_the_program_fails_and_a_right_repair_passes(name, desk):
    said, _ = desk.check(name, MAIN[name][0])
    is_loud = not said.startswith("AssertionError: ")
    assert said and "Mended." not in said
    assert is_loud == (name in LOUD and name != "linear_gradients")  # which would have the process killed
    assert tell(desk, name, ["right", "fake"], most=1) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_attempt_is_answered(name, desk):
    assert tell(desk, name) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_case_stands_alone(name):
    given = [cell["source"] for cell in CELLS if cell["metadata"].get("tags") == ["given"]]
    bound = {getattr(node, "id", getattr(node, "name", getattr(node, "arg", None))) for source in [*given, *MAIN[name]]
             for node in ast.walk(ast.parse(source)) if not isinstance(getattr(node, "ctx", None), ast.Load)}
    bound |= {(alias.asname or alias.name).partition(".")[0] for source in given for node in ast.walk(ast.parse(source))
              if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    assert exercises.used_names(MAIN[name]) - bound - set(vars(builtins)) <= {"outt"}
    assert 5 <= len(MAIN[name][0].splitlines()) - 1 <= 20


def entries():
    """The entries of the page of mistakes: {anchor: the text from its heading to the next}."""
    cells = json.loads((ROOT / "nbs" / "mistakes.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = re.split(r"^### (.+)$", text, flags=re.M)[1:]
    return {procs.slug(heading): body for heading, body in zip(found[::2], found[1::2])}


def test_every_mistake_says_where_to_practise_it():
    text = "\n\n".join("".join(cell["source"]) for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"])
    cases = {procs.slug(heading): body for heading, body in zip(*[iter(re.split(r"^### (.+)$", text, flags=re.M)[1:])] * 2)}
    leads = {anchor: set(re.findall(r"\(mend\.ipynb#([^)]+)\)", body)) for anchor, body in entries().items()}
    back = {anchor: {case for case, body in cases.items() if f"(mistakes.ipynb#{anchor})" in body} for anchor in leads}
    assert leads == back
    assert {anchor for anchor, found in leads.items() if not found} == set(NO_CASE)
    assert len(set().union(*leads.values())) >= 24 and len(NAMES) - len(set().union(*leads.values())) >= 6
