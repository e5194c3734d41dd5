"""The wheel as a user has it: installed alone and used outside the source tree."""
import json
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
NOT_SOURCE = shutil.ignore_patterns(".git", ".venv", "_docs", "_proc", "build", "dist", "runs", "*.egg-info", "__pycache__")


def run(*command, **kwargs):
    """Run a command to its end; it must succeed."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, **kwargs)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


def build(folder):
    """A wheel built from a copy of the tree in a folder."""
    source = folder / "project"
    shutil.copytree(ROOT, source, symlinks=True, ignore=NOT_SOURCE)
    variables = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=source, env=variables)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the tree."""
    return build(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that the wheel is installed in, without what it depends on."""
    target = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel)
    return target


@pytest.fixture
def use(installed, tmp_path):
    """Call a command of the installed package, or python, from an empty folder."""
    variables = os.environ | {"PYTHONPATH": str(installed), "PYTHONUTF8": "1", "COLUMNS": "200"}

    def call(name, *args):
        command = sys.executable if name == "python" else shutil.which(name, path=installed / "bin")
        return run(command, *args, cwd=tmp_path, env=variables)
    return call


def needed(requirements):
    """The installed distributions that some requirements stand for, and all that these need in turn."""
    found, wanted = {}, list(map(Requirement, requirements))
    while wanted:
        requirement = wanted.pop()
        if requirement.name.lower() not in found and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            found[requirement.name.lower()] = distribution(requirement.name)
            wanted += map(Requirement, found[requirement.name.lower()].requires or ())
    return found.values()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="makes symbolic links")
def test_the_requirements_are_all_that_the_commands_need(installed, tmp_path):
    settings = ConfigParser(delimiters=["="])
    settings.read(ROOT / "settings.ini", encoding="utf-8")
    packages = tmp_path / "packages"
    packages.mkdir()
    for each in needed(settings["DEFAULT"]["requirements"].split()):
        for name in {file.parts[0] for file in each.files} - {".."}:
            if not (packages / name).exists():
                (packages / name).symlink_to(each.locate_file(name))
    assert not (packages / "nbdev").exists() and (packages / "PIL").exists()

    def call(name, *args):  # -S: without the packages of this environment
        variables = os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{packages}", "PYTHONUTF8": "1"}
        return run(sys.executable, "-S", installed / "bin" / f"minibatch_{name}", *args, cwd=tmp_path, env=variables)
    call("train", "--epochs=1", "--hidden=4", "--out=run")
    assert 0 < json.loads(call("eval", "run", "--json"))["accuracy"] < 1
    assert call("predict", "run", "run/worst.png").startswith("run/worst.png: ")


def options(help_text):
    """The explanation of each option in argparse's help, by the option's name."""
    entries = re.split(r"\n  (?=-)", help_text)[1:]
    parts = [re.fullmatch(r"(.+?)(?:\s{2,}(.*))?", entry.split("\n\n")[0], re.S) for entry in entries]
    return {part[1]: part[2] for part in parts}


def test_the_wheel_is_complete(wheel):
    run(sys.executable, ROOT / "tools" / "check_wheel.py", wheel, cwd=ROOT)


def test_a_second_build_gives_the_same_bytes(wheel, tmp_path):
    again = build(tmp_path)
    assert again.name == wheel.name and again.read_bytes() == wheel.read_bytes()


def test_the_installed_modules_are_the_ones_used(use, installed):
    path = use("python", "-c", "import minibatch_lib.training as m; print(m.__file__)").strip()
    assert Path(path).is_relative_to(installed)


def test_training_from_the_wheel_leaves_a_whole_run(use, tmp_path):
    use("minibatch_train", "--epochs", "2", "--out", "a_run")
    names = {path.name for path in (tmp_path / "a_run").iterdir()}
    assert {"model.safetensors", "history.json", "config.json"} <= names
    history = json.loads((tmp_path / "a_run" / "history.json").read_text(encoding="utf-8"))
    assert len(history) == 2
    assert {"epoch", "train_loss", "valid_loss", "metric", "seconds"} <= history[0].keys()
    assert history[1]["metric"] > 0.5, "two epochs leave it near guessing, which is right in 0.1 of the images"
    measured = json.loads(use("minibatch_eval", "a_run", "--json"))
    assert measured["accuracy"] == pytest.approx(history[1]["metric"])
    assert use("minibatch_predict", "a_run", tmp_path / "a_run" / "worst.png").count(", ") == 2


@pytest.mark.slow
def test_help_explains_every_option(use):
    for command, some in [("train", {"--epochs", "--out", "--force"}), ("eval", {"--test"}), ("predict", {"--json"})]:
        explained = options(use(f"minibatch_{command}", "--help"))
        assert some <= {name.split()[0].rstrip(",") for name in explained}
        assert all(explained.values()), [name for name, text in explained.items() if not text]


def test_an_option_without_help_is_found():
    text = "usage: x\n\noptions:\n  -h, --help  show this\n  --lr LR\n  --long-option LONG\n              text below\n\nthe end\n"
    assert options(text) == {"-h, --help": "show this", "--lr LR": None, "--long-option LONG": "text below"}
