"""The tools that run, test and compare the notebooks, tried on small projects made here."""
import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

import nb_lint as lint  # noqa: E402

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
    """What `make export` does, on pages with their first cell."""
    done = tool("install_cell", project)
    assert not done.returncode, done.stderr
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
    page = notebook(project, "00_one", cell("#| default_exp one"), cell("#| exports\ndef f(): return 1"), cell("f()"))
    other = notebook(project, "01_two", cell("#| default_exp two"), cell("#| exports\ndef g(): return 2"), cell("g()"))
    export(project)
    done = tool("check", project)
    assert (done.returncode, done.stdout) == (0, "in sync\n"), done.stdout + done.stderr

    source_of(page, 3, "#| exports\ndef f(): return 100")
    source_of(index, 2, "Welcome back.")
    source_of(other, 1, "#| hide")
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
        "run `make export`",
        "01_two: its first code cell is not that of tools/install_cell.py (run it)"]
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_check_says_how_a_page_is_not_written(project):
    notebook(project, "index", cell("Welcome.", "markdown"))
    notebook(project, "00_one", cell("#| default_exp one"), cell("#| exports\ndef f(): return 1"))
    export(project)
    done = tool("check", project)
    assert (done.returncode, done.stdout) == (1, "00_one c0000002 untested f\n"), done.stdout + done.stderr


# install_cell

def test_every_page_begins_with_one_cell_that_installs_the_library(project):
    page = notebook(project, "00_one", cell("#| default_exp one"))
    text = notebook(project, "01_two", cell("Only words.", "markdown"))
    for _ in range(2):
        assert not tool("install_cell", project).returncode
        for path in (page, text):
            sources = ["".join(each["source"]) for each in json.loads(path.read_text(encoding="utf-8"))["cells"] if each["cell_type"] == "code"]
            assert sources[0].endswith("run_line_magic('pip', 'install -q git+https://github.com/someone/sample')")
            assert "find_spec('sample')" in sources[0] and sum("find_spec" in source for source in sources) == 1


# nb_lint

EXPORT = "#| exports\n"
PLAIN = EXPORT + "def f(\n    a, # One\n    *rest, # Others\n):\n    return a"


@pytest.mark.parametrize("sources, found", [
    ([PLAIN, "f(1)", EXPORT + "class A: pass", "#| hide\nA()"], []),
    ([PLAIN, EXPORT + "def _part(): return f", EXPORT + "g = 1", "g"], []),
    ([PLAIN, EXPORT + "g = 1", "f(1), g"], ["c0000001 untested f"]),
    ([PLAIN + "\ng = 1", "f(1), g"], ["c0000001 untested f"]),
    ([PLAIN, "'f'", "f = 1"], ["c0000001 untested f", "c0000003 twice f"]),
    ([EXPORT + "@patch\ndef go(self:A): pass", "a.stop()"], ["c0000001 untested A.go"]),
    ([EXPORT + "@patch\ndef go(self:A): pass", "a.go()", "@patch\ndef go(self:B): pass"], []),
    (["\n".join(["x = 1"] * 25)], []),
    (["\n".join(["x"] * 26)], ["c0000001 long 26 lines"]),
    (["#| code-fold: true\n" + "\n".join(["x"] * 26)], ["c0000001 long 26 lines"]),
    (["#| hide\n" + "\n".join(["x"] * 26), "#| echo: false\n" + "\n".join(["x"] * 26)], []),
    (["import a.b\nfrom c import d as e", "a = 1", "with x as y:\n    e = 2"], ["c0000002 twice a", "c0000003 twice e"]),
    (["for i in x: pass", "for i in x: j = i", "def h():\n    j = 1", "x[0] = 1", "x.y = 1"], []),
    (["a, (b, *c) = x", "try: c = 1\nexcept E: b = 2"], ["c0000002 twice c", "c0000002 twice b"]),
    (["def h(): pass\ndef h(): pass"], ["c0000001 twice h"]),
    ([EXPORT + "def f(a, b): # Both\n    return a", "f"], ["c0000001 uncommented f(a)", "c0000001 uncommented f(b)"]),
    ([EXPORT + "class A:\n    def __init__(self, n,\n                 m, # Another\n                 **rest): pass\n    def go(self, x): pass", "A"],
     ["c0000001 uncommented A.__init__(n)", "c0000001 uncommented A.__init__(rest)"]),
    ([EXPORT + "def _f(a): pass", "def g(a): pass", "%time x", "!ls"], []),
])
def test_how_a_page_is_written(tmp_path, sources, found):
    (tmp_path / "nbs").mkdir()
    assert lint.findings(notebook(tmp_path, "page", *map(cell, sources))) == [f"page {line}" for line in found]


def test_every_page_is_written_so():
    assert [line for path in sorted((TOOLS.parent / "nbs").glob("*.ipynb")) for line in lint.findings(path)] == []


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


# install

@pytest.mark.slow
def test_install_says_how_far_it_is_and_all_that_pip_says_if_it_fails(tmp_path):
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for name, text in dict(METADATA="Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n", RECORD="",
                               WHEEL="Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n").items():
            archive.writestr(f"sample-1.0.dist-info/{name}", text)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=240)
    python = next(path for path in tmp_path.glob("venv/*/python*") if path.is_file())

    def install(*args):
        return subprocess.run([python, TOOLS / "install.py", "--no-index", *args], capture_output=True, encoding="utf-8", timeout=240)
    done = install(wheel)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" s  packages installed: 1") and len(done.stdout.splitlines()) < 10
    assert "Successfully installed sample-1.0" in (tmp_path / "venv" / "install.log").read_text(encoding="utf-8")
    done = install("no-such-package-at-all")
    assert done.returncode == 1 and "No matching distribution found for no-such-package-at-all" in done.stderr


def test_install_reads_what_pip_says():
    progress = importlib.import_module("install").Progress()
    assert str(progress) == "finding out what is needed"
    for line in ("Collecting torch==2.13.0 (from -c constraints.txt)", "  Downloading torch-2.13.0-cp311-none-any.whl.metadata (31 kB)",
                 "Downloading torch-2.13.0-cp311-none-any.whl (190.1 MB)", "Using cached ml_dtypes-0.6.0-cp311-none-any.whl (5.0 MB)"):
        progress.read(line)
    assert str(progress) == "fetching packages: 2, now ml_dtypes 0.6.0 (5.0 MB)"
    progress.read("Installing collected packages: ml_dtypes, torch")
    assert str(progress) == "installing packages: 0 of 2"


# stage

@pytest.mark.parametrize("status, words", [(0, "done after "), (3, "FAILED after ")])
def test_a_stage_says_what_it_does_and_how_it_ended(status, words):
    done = subprocess.run([sys.executable, TOOLS / "stage.py", "something done", "1 s", sys.executable, "-c", f"print('at it', flush=True); raise SystemExit({status})"],
                          capture_output=True, encoding="utf-8", timeout=120)
    first, middle, last = done.stdout.splitlines()
    assert (done.returncode, first, middle) == (status, "== something done (usually 1 s)", "at it") and last.strip().startswith(words)


# Ctrl-C ignored, as under nohup

@pytest.mark.skipif(sys.platform == "win32", reason="inherits an ignored signal")
def test_cells_that_need_ctrl_c_are_left_out_and_counted_where_it_is_ignored(project):
    (project / "settings.ini").write_text(SETTINGS.replace("slow mnist", "slow mnist sigint"))
    notebook(project, "00_one", cell("1"), cell("#| sigint\nimport signal\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler"))
    for before, remark in (("", ""), ("trap '' INT; ", "1 skipped (sigint: cell 3)")):
        done = subprocess.run(["sh", "-c", f'{before}exec "$@"', "sh", sys.executable, TOOLS / "test_nbs.py"], cwd=project,
                              capture_output=True, encoding="utf-8", timeout=240)
        assert done.returncode == 0 and "00_one                  passed" in done.stdout and done.stdout.splitlines()[-2].endswith(remark or " s"), done.stdout


def test_tests_get_ctrl_c_back():
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


# portable

@pytest.mark.slow
def test_settings_for_other_processors_are_told_apart():
    code = "import portable; print(len(portable.SETTINGS), '|'.join(portable.most_different(2)), *[s for s in portable.SETTINGS.values() if portable.sums(s) != portable.sums({})], sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOOLS, capture_output=True, encoding="utf-8", timeout=240, check=True)
    n, chosen, *different = done.stdout.splitlines()
    assert int(n) >= 6 and len(set(chosen.split("|"))) == 2 and len(different) >= 2, done.stdout
