"""The tools that run, test and compare the notebooks, tried on small projects made here."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"
SETTINGS = """[DEFAULT]
lib_name = sample
repo = sample
user = someone
author = someone
author_email = someone@example.org
description = A project of two pages
version = 0.0.1
branch = main
lib_path = sample
nbs_path = nbs
tst_flags = slow mnist
custom_sidebar = True
update_pyproject = False
"""
QUARTO = "project:\n  type: website\nwebsite:\n  sidebar:\n    contents: [index.ipynb, 00_one.ipynb]\nmetadata-files: [nbdev.yml]\n"


def cell(source, kind="code", outputs=()):
    """A notebook cell; its id is left to `notebook`."""
    code = dict(outputs=list(outputs), execution_count=None) if kind == "code" else {}
    return dict(cell_type=kind, metadata={}, source=source.splitlines(keepends=True), **code)


def stream(text):
    """An output as print leaves it."""
    return dict(name="stdout", output_type="stream", text=text.splitlines(keepends=True))


def notebook(folder, name, *cells):
    """Write a notebook of a title and `cells` as nbdev_clean would."""
    cells = [cell(f"# {name}\n\n> A page", "markdown"), *cells]
    for i, each in enumerate(cells):
        each["id"] = f"c{i:07d}"
    nb = dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)
    path = folder / "nbs" / f"{name}.ipynb"
    path.write_text(json.dumps(nb, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def source_of(path, i, text):
    """Rewrite the source of a notebook's cell."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    nb["cells"][i]["source"] = text.splitlines(keepends=True)
    path.write_text(json.dumps(nb, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def outputs(path):
    """The outputs of each code cell."""
    return [each["outputs"] for each in json.loads(path.read_text(encoding="utf-8"))["cells"] if "outputs" in each]


def tool(name, project, *args):
    """Run one of the tools in a project."""
    return subprocess.run([sys.executable, TOOLS / f"{name}.py", *args], cwd=project, capture_output=True,
                          encoding="utf-8", timeout=120)


def in_project(project, code):
    """Run Python code in a project; it must succeed."""
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True, capture_output=True, timeout=120)


def export(project):
    """What `make export` does."""
    in_project(project, "from nbdev.clean import *; nbdev_clean(); from nbdev.doclinks import *; nbdev_export()")
    done = tool("docs", project, "readme", "--root", project)
    assert not done.returncode, done.stderr


def new_project(folder):
    """A project without pages."""
    (folder / "nbs").mkdir()
    (folder / "settings.ini").write_text(SETTINGS)
    (folder / "_quarto.yml").write_text(QUARTO)
    (folder / "nbs" / "_quarto.yml").symlink_to("../_quarto.yml")
    return folder


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path)


# run_nbs

def test_run_nbs_saves_outputs_and_keeps_those_of_skipped_cells(project):
    page = notebook(
        project, "00_one",
        cell("import os\nprint(os.environ['OMP_NUM_THREADS'])", outputs=[stream("stale\n")]),
        cell("quiet = 1", outputs=[stream("stale\n")]),
        cell("#| mnist\n1/0", outputs=[stream("kept\n")]),
        cell("#| eval: false\n1/0", outputs=[stream("kept too\n")]),
        cell("object()"),
        cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]);"))
    left_out = notebook(project, "01_two", cell("print('run')"))
    source_of(left_out, 0, "# Two\n\n> A page\n\n- skip_exec: true")
    done = tool("run_nbs", project)
    assert not done.returncode, done.stderr
    first, second = done.stdout.splitlines()
    assert "00_one.ipynb" in first and first.endswith(" s")
    assert "01_two.ipynb" in second and "left out" in second
    threads, quiet, mnist, never, plain, figure = outputs(page)
    assert threads == [stream("1\n")]
    assert quiet == []
    assert mnist == [stream("kept\n")]
    assert never == [stream("kept too\n")]
    assert plain[0]["data"]["text/plain"] == ["<object>"]
    drawing = "".join(figure[0]["data"]["image/svg+xml"])
    assert "<text" in drawing and "1970-01-01" in drawing and "#ffffff" not in drawing, "text as text, no date, no ground"
    assert outputs(left_out) == [[]]

    before = page.read_bytes()
    assert not tool("run_nbs", project, "00_one").returncode
    assert page.read_bytes() == before, "a second run changes the file"


def test_run_nbs_names_the_failing_cell_and_leaves_the_file(project):
    page = notebook(project, "00_one", cell("print('new')"), cell("#| mnist\n1/0"))
    notebook(project, "01_two", cell("import os; os._exit(0)"))
    before = page.read_bytes()
    done = tool("run_nbs", project, "--flags", "mnist")
    assert done.returncode == 1
    assert "00_one.ipynb" in done.stderr and "Cell #3" in done.stderr and "ZeroDivisionError" in done.stderr
    assert page.read_bytes() == before
    done = tool("run_nbs", project, "01_two")
    assert done.returncode == 1 and "01_two.ipynb: its process ended" in done.stderr


# test_nbs

def test_test_nbs_counts_pages_and_skipped_cells(project):
    notebook(project, "00_good", cell("assert True"), cell("#| slow\n1/0"), cell("#| slow\n1/0"), cell("#| eval: false\n1/0"))
    notebook(project, "01_bad", cell("#| mnist\nx = 'the reason'\nassert not x, x"))
    done = tool("test_nbs", project, "--flags", "mnist")
    good, *_, total = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
    assert "00_good" in done.stdout and "1 skipped (eval: false: cell 5), 2 skipped (slow: cell 3, 4)" in done.stdout
    assert "01_bad" in done.stdout and "FAILED" in done.stdout and "the reason" in done.stdout
    assert total == "1 passed, 1 failed"


def test_test_nbs_fails_without_notebooks(project):
    done = tool("test_nbs", project, "--flags", "")
    assert done.returncode == 1 and "no such page" in done.stderr


# check

def test_check_finds_each_file_out_of_step_and_touches_none(project):
    index = notebook(project, "index", cell("Welcome.", "markdown"))
    page = notebook(project, "00_one", cell("#| default_exp one"), cell("#| exports\ndef f(): return 1"))
    other = notebook(project, "01_two", cell("#| default_exp two"), cell("#| exports\ndef g(): return 2"))
    export(project)
    done = tool("check", project)
    assert (done.returncode, done.stdout) == (0, "in sync\n"), done.stdout + done.stderr

    source_of(page, 2, "#| exports\ndef f(): return 100")
    source_of(index, 1, "Welcome back.")
    other.write_text(other.read_text().replace('"execution_count": null', '"execution_count": 7'))
    (project / "sample" / "old.py").write_text("left = 'over'\n")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    done = tool("check", project)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "README.md: does not match nbs/index.ipynb",
        "nbs/01_two.ipynb: not clean",
        "sample/old.py: no notebook makes it (delete it)",
        "sample/one.py: does not match its notebook",
        "run `make export`"]
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_nbdev_update_carries_an_edit_of_a_module_back(project):
    page = notebook(project, "00_one", cell("#| default_exp one"), cell("#| exports\ndef f(): return 1"))
    notebook(project, "01_two", cell("#| default_exp two"), cell("#| export\nfrom sample.one import f"),
             cell("#| exports\ndef g(): return f()"))
    in_project(project, "from nbdev.doclinks import *; nbdev_export()")
    module = project / "sample" / "one.py"
    module.write_text(module.read_text().replace("return 1", "return 2"))
    untouched = (project / "nbs" / "01_two.ipynb").read_bytes()
    in_project(project, "from nbdev.sync import *; nbdev_update()")
    assert '"#| exports\\n",\n    "def f(): return 2"' in page.read_text()
    assert (project / "nbs" / "01_two.ipynb").read_bytes() == untouched
