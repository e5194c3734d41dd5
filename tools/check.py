"""Check that notebooks are clean, that the package and README.md follow from them, and how pages are written; the tree is not touched."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from nbdev.clean import nbdev_clean
from nbdev.config import get_config
from nbdev.doclinks import nbdev_export

import install_cell
import nb_lint
import pages

DOCS = Path(__file__).with_name("docs.py").resolve()
IGNORED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")


def copy_tree(root, copy):
    """Copy what nbdev reads and writes, but for the generated modules."""
    config = get_config()
    for folder in (config.nbs_path, config.lib_path):
        shutil.copytree(folder, copy / folder.relative_to(root), symlinks=True, ignore=IGNORED)
    for name in ("settings.ini", "setup.py", "pyproject.toml", "_quarto.yml"):
        if (root / name).exists():
            shutil.copy(root / name, copy)
    for module in copy.glob(f"{config.lib_path.name}/**/*.py"):
        if module.name != "__init__.py":
            module.unlink()


def regenerate(copy):
    """Clean the notebooks of a copy and make everything from them."""
    with chdir(copy):
        get_config.cache_clear()
        nbdev_clean.__wrapped__()
        nbdev_export.__wrapped__()
    command = [sys.executable, DOCS, "readme", "--root", copy]
    if subprocess.run(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(copy)}).returncode:
        sys.exit("README.md could not be made from nbs/index.ipynb")


def texts(root, lib, nbs):
    """The text of every file that could be out of step, by its path within `root`."""
    paths = [root / "README.md", *root.glob(f"{nbs}/**/*.ipynb"), *root.glob(f"{lib}/**/*.py")]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
            for path in paths if path.is_file() and ".ipynb_checkpoints" not in path.parts}


def differences(found, wanted):
    """A line for each file that differs from what the notebooks say."""
    for name in sorted(found.keys() | wanted.keys()):
        if name not in wanted:
            yield f"{name}: no notebook makes it (delete it)"
        elif name not in found:
            yield f"{name}: missing"
        elif found[name] != wanted[name]:
            said = {".ipynb": "not clean", ".py": "does not match its notebook"}
            yield f"{name}: {said.get(Path(name).suffix, 'does not match nbs/index.ipynb')}"


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    config = get_config()
    root, names = config.config_path, (config.lib_path.name, config.nbs_path.name)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        copy_tree(root, copy)
        regenerate(copy)
        lines = list(differences(texts(root, *names), texts(copy, *names)))
    get_config.cache_clear()
    lines = [*lines, "run `make export`"] if lines else []
    lines += install_cell.complaints()
    lines += [line for path in pages.find() for line in nb_lint.findings(path)]
    print("\n".join(lines or ["in sync"]))
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
