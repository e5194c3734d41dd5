"""The pages as readers run them: in a plain Jupyter kernel, in an empty folder, offline, with the wheel and nothing of the project.

nbdev's marks are only comments there, and nobody has switched anything on.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from test_wheel import installed, run, wheel  # noqa: F401  (two fixtures)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import exercises  # noqa: E402
import install_cell  # noqa: E402
import pages  # noqa: E402

pytestmark = pytest.mark.slow
PAGES = {path.stem: path for path in sorted((ROOT / "nbs").glob("*.ipynb"))}
FLAGS = ("eval:", "slow", "cuda")  # cells that a reader runs on purpose only


def bare(folder, **more):
    """Variables for a kernel that finds neither data, nor settings, nor a network."""
    mine = ("MINIBATCH_LIB_DATA", "MPLBACKEND", "PYTHONPATH", "XDG_CACHE_HOME")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return {k: v for k, v in os.environ.items() if k not in mine} | nowhere | {
        "HOME": str(folder), "IPYTHONDIR": str(folder / "ipython"), "MPLCONFIGDIR": str(folder / "matplotlib"),
        "OMP_NUM_THREADS": "1", **more}


def run_in_jupyter(nb, folder, env, kernel="python3", allow_errors=False):
    """Run a notebook's cells from top to bottom in a kernel of its own, in an empty folder."""
    work = folder / "work"
    work.mkdir()
    NotebookClient(nb, timeout=600, kernel_name=kernel, allow_errors=allow_errors, resources={"metadata": {"path": str(work)}}).execute(env=env)
    return nb


def is_run(cell):
    """Whether a reader runs a cell who runs all."""
    return not any(line.startswith("#|") and line[2:].split()[0] in FLAGS for line in cell.source.splitlines())


def pictures(cell):
    """How many pictures a cell shows."""
    return sum(any(kind.startswith("image/") for kind in output.get("data", {})) for output in cell.get("outputs", []))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_from_top_to_bottom_and_shows_its_figures(page, installed, tmp_path):  # noqa: F811
    nb = nbformat.read(PAGES[page], as_version=4)
    nb.cells = [cell for cell in nb.cells if cell.cell_type != "code" or is_run(cell)]
    stored = {cell.id: pictures(cell) for cell in nb.cells if not {"mnist", "kmnist", "results"} & set(cell.source.split("\n")[0].split())}
    for cell in nb.cells:
        cell.outputs = []
    run_in_jupyter(nb, tmp_path, bare(tmp_path, PYTHONPATH=str(installed)))
    assert {cell.id for cell in nb.cells if pictures(cell) < stored.get(cell.id, 0)} == set()
    assert not list(tmp_path.glob(".cache/minibatch_lib/*")), "something was downloaded"


def test_the_programs_to_mend_stop_at_their_checks_and_pass_when_mended(installed, tmp_path):  # noqa: F811
    from test_mend import ATTEMPTS, NAMES, edited
    ends = {}
    for state in "broken", "mended":
        exercises.write(tmp_path / state / exercises.REPAIRS, exercises.notebook(PAGES["mend"]))
        nb = nbformat.read(tmp_path / state / exercises.REPAIRS, as_version=4)
        programs = [cell for cell in nb.cells if "exercise" in cell.metadata.get("tags", [])]
        for name, cell in zip(NAMES, programs, strict=True):
            cell.source = cell.source if state == "broken" else edited(name, ATTEMPTS[name]["right"][-1])
        run_in_jupyter(nb, tmp_path / state, bare(tmp_path, PYTHONPATH=str(installed)), allow_errors=state == "broken")
        checks = [cell for cell in nb.cells if "check" in cell.metadata.get("tags", [])]
        ends[state] = ["".join(output.get("text", output.get("ename")) for output in cell.outputs) for cell in checks]
        assert not [cell for cell in nb.cells if cell.cell_type == "code" and cell not in checks and cell.outputs]
    assert ends["mended"] == ["Mended.\n"] * len(NAMES)
    assert [end for end in ends["broken"] if not end.endswith("Error")] == []


@pytest.fixture(scope="module")
def without_the_library(tmp_path_factory):
    """A Python that has all that this one has, but for the library, and pip."""
    folder = tmp_path_factory.mktemp("absent")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    others = folder / "others"
    others.mkdir()
    for place in map(Path, sys.path):
        if place.name == "site-packages":
            for entry in place.iterdir():
                if "minibatch_lib" not in entry.name and not (others / entry.name).exists():
                    (others / entry.name).symlink_to(entry)
    own = next(folder.glob("venv/[Ll]ib*/**/site-packages"))
    (own / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    return next(path for path in folder.glob("venv/*/python*") if path.is_file())


def test_the_first_cell_installs_the_library_where_it_is_missing(wheel, without_the_library, tmp_path, monkeypatch):  # noqa: F811
    def where():
        done = subprocess.run([without_the_library, "-c", "import torch, minibatch_lib; print(minibatch_lib.__file__)"],
                              cwd=tmp_path, capture_output=True, encoding="utf-8", env=bare(tmp_path))
        return done.stdout or done.stderr
    assert "No module named 'minibatch_lib'" in where()
    spec = tmp_path / "jupyter" / "kernels" / "absent"
    spec.mkdir(parents=True)
    argv = [str(without_the_library), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps(dict(argv=argv, display_name="absent", language="python")), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    nb = nbformat.read(PAGES["data"], as_version=4)
    first = install_cell.first(nb)
    assert first.source == install_cell.source() and first.source.count(install_cell.address()) == 1
    first.source = first.source.replace(install_cell.address(), str(wheel))
    run_in_jupyter(nb, tmp_path, bare(tmp_path, PIP_NO_INDEX="1"), kernel="absent")
    assert where().startswith(str(without_the_library.parent.parent))
