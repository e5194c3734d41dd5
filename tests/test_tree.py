"""The shape of the project: which module may import which, and what none may do."""
import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minibatch_lib

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "minibatch_lib"
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / PACKAGE).glob("[!_]*.py"))}
SUPPORT = {"data", "testing", "tape", "images", "runs"}  # every page may use them; they use no page, and of each other only data
MAY_USE = {"commands": {"training", "inside"}, "main": {"commands"}, "06_distributed": {"commands"}}  # beside support and lower-numbered pages
PAGES = [path.stem for path in sorted((ROOT / "nbs").glob("*.ipynb")) if path.stem[:2].isdigit() or path.stem in SUPPORT | MAY_USE.keys()]
MOST_LINES = {"02_modules": (400, 10), "03_minibatch": (330, 10), "04_training": (350, 10), "06_distributed": (400, 10)}  # exported lines and private helpers of a page that teaches


def page_of(module):
    """The name of the notebook that a generated module came from."""
    return re.search(r"File to edit: \.\./nbs/(\w+)\.ipynb", MODULES[module])[1]


def imports(source, inside_functions):
    """Names of the modules imported at top level (if, try and class bodies too), or inside functions; those of our
    own, relative or not, as minibatch_lib.NAME."""
    def found(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import) and inside == inside_functions:
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and inside == inside_functions:
                name = ".".join([PACKAGE] * bool(child.level) + [child.module] * bool(child.module))
                yield from (f"{name}.{alias.name}" for alias in child.names) if name == PACKAGE else [name]
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from found(child, inside or function)
    return set(found(ast.parse(source), False))


def imports_of_page(page):
    """Names of the modules imported in a notebook's code cells, at any depth; a cell that is not plain Python has none."""
    names = set()
    for cell in json.loads((ROOT / "nbs" / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and not source.lstrip().startswith(("%", "!")):
            names |= imports(source, False) | imports(source, True)
    return names


def own(names):
    """The modules of this package among imported names; its version is not one."""
    return {name.split(".")[1] for name in names if name.startswith(PACKAGE + ".")} - {"__version__"}


def forbidden_imports(page, names):
    """Those of our modules that a page must not import: later pages and itself, or for a support page any page."""
    number = page[:2] if page[:2].isdigit() else "00"
    return {name for name in own(names) - SUPPORT - MAY_USE.get(page, set()) if not page_of(name)[:2] < number}


def private_imports(source):
    """Names with an underscore that a module takes from another of ours."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).startswith(PACKAGE))]
    return {alias.name for node in found for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"}


def exported(page):
    """The exported code of a page: its lines that are not blank and no comments, and the private names that it defines at top level."""
    cells = json.loads((ROOT / "nbs" / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = [source for cell in cells if cell["cell_type"] == "code" and (source := "".join(cell["source"])).startswith("#| export")]
    lines = [line for source in sources for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
    tree = ast.parse("\n".join(sources))
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {name.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return lines, {name for name in names if name.startswith("_") and not name.endswith("_")}


def unsafe(source):
    """Uses of pickle in any form, as "line: what"."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) if any("pickle" in alias.name for alias in names):
                yield f"{node.lineno}: import of pickle"
            case ast.ImportFrom(module=str(name), names=names) if "pickle" in name or (
                    name.startswith("torch") and any(alias.name in ("load", "save") for alias in names)):
                yield f"{node.lineno}: import from {name}"
            case ast.Attribute(value=ast.Name(id="torch"), attr="load" | "save"):
                yield f"{node.lineno}: torch.{node.attr}"
            case ast.keyword(arg="allow_pickle", value=value) if getattr(value, "value", None) is not False:
                yield f"{value.lineno}: allow_pickle"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_builds_on_earlier_pages_only(page):
    assert not forbidden_imports(page, imports_of_page(page))


@pytest.mark.parametrize("module", MODULES)
def test_no_import_of_our_own_is_hidden_in_a_function(module):
    assert not own(imports(MODULES[module], True))


def test_of_each_other_the_support_modules_use_only_data():
    used = {name: own(imports(MODULES[name], False)) - {"data"} for name in SUPPORT}
    assert not any(used.values()) and not own(imports(MODULES["data"], False)), used


@pytest.mark.parametrize("module", MODULES)
def test_no_module_uses_a_private_name_of_another(module):
    assert not private_imports(MODULES[module])


@pytest.mark.parametrize("page", MOST_LINES)
def test_a_page_that_teaches_is_short(page):
    most_lines, most_helpers = MOST_LINES[page]
    lines, helpers = exported(page)
    assert len(lines) <= most_lines and len(helpers) <= most_helpers, (len(lines), sorted(helpers))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_heavy_is_imported_at_top_level(module):
    roots = {name.split(".")[0] for name in imports(MODULES[module], False)}
    assert not roots & {"matplotlib", "tqdm", "PIL", "nbdev"}


@pytest.mark.parametrize("module", MODULES)
def test_every_import_is_required(module):
    settings = (ROOT / "settings.ini").read_text(encoding="utf-8")
    required = set(re.findall(r"([\w-]+)[<>=~]*[\d.]*", re.search(r"^requirements = (.*)", settings, re.M)[1]))
    used = {name.split(".")[0] for inside in (False, True) for name in imports(MODULES[module], inside)}
    foreign = used - set(sys.stdlib_module_names) - {PACKAGE, ""}
    assert {{"PIL": "pillow"}.get(name, name) for name in foreign} <= required


@pytest.mark.parametrize("module", MODULES)
def test_no_module_can_read_a_pickle(module):
    assert not list(unsafe(MODULES[module]))


@pytest.mark.parametrize("source, top, inside", [
    ("import minibatch_lib.modules\nfrom .matmul import matmul", {"minibatch_lib.modules", "minibatch_lib.matmul"}, set()),
    ("from . import data\nfrom minibatch_lib import testing", {"minibatch_lib.data", "minibatch_lib.testing"}, set()),
    ("if True:\n    import tqdm.auto\ndef f():\n    from .training import train", {"tqdm.auto"}, {"minibatch_lib.training"}),
])
def test_imports_are_found_however_they_are_written(source, top, inside):
    assert imports(source, False) == top and imports(source, True) == inside


@pytest.mark.parametrize("source", [
    "import pickle", "import cloudpickle as c", "from pickle import loads", "torch.load(path)", "from torch import load",
    "torch.save(model, path)", "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=flag)"])
def test_pickle_is_found_however_it_is_written(source):
    assert list(unsafe(source))
    assert not list(unsafe("np.load(path, allow_pickle=False)\nsafetensors.torch.load_file(path)"))


def test_pages_out_of_order_are_found():
    assert forbidden_imports("00_matmul", {"minibatch_lib.matmul", "minibatch_lib.data"}) == {"matmul"}
    assert forbidden_imports("03_minibatch", {"minibatch_lib.matmul", "minibatch_lib.testing"}) == set()
    assert forbidden_imports("data", {"minibatch_lib.matmul"}) == {"matmul"}
    assert forbidden_imports("04_training", {"minibatch_lib.commands", "minibatch_lib.runs"}) == {"commands"}
    assert forbidden_imports("commands", {"minibatch_lib.training", "minibatch_lib.distributed"}) == {"distributed"}
    assert private_imports("from .training import _a, b\nfrom minibatch_lib.runs import _c\nfrom os import _exit") == {"_a", "_c"}


def test_the_library_loads_neither_matplotlib_nor_nbdev_nor_a_compiler():
    code = ("import sys, minibatch_lib.minibatch as m; m.SGD(m.get_model(2, 2, 2).parameters(), 0.1); "
            "print([name for name in ('matplotlib', 'nbdev', 'torch._dynamo') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n", done.stderr


def test_the_version_stands_in_settings_ini():
    settings = (ROOT / "settings.ini").read_text(encoding="utf-8")
    assert re.search(r"^version = (.+)$", settings, re.M)[1] == minibatch_lib.__version__


def test_both_site_settings_are_one_file():
    link = ROOT / "nbs" / "_quarto.yml"
    assert link.is_symlink() and link.samefile(ROOT / "_quarto.yml")


@pytest.mark.parametrize("path", sorted((ROOT / "nbs").glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_page_shows_where_it_was_run(path):
    text = path.read_text(encoding="utf-8")
    assert not re.findall(rf"site-packages|/home/\w+|/Users/\w+|{re.escape(str(ROOT))}/", text)
