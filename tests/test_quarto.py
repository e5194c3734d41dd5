"""The other way to the site, stock nbdev_docs with Quarto: its styles on a page of its shape, and where Quarto is, all of it.

The pages are held to what tests/test_browser.py and tools/check_site.py ask of our own build.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import smalldocs
from test_browser import CHROMIUM, PAGES, ROOT, SCHEMES, WIDTHS, Tab, served, too_wide, unreadable_figures, violations
from test_wheel import NOT_SOURCE, run

sys.path.insert(0, str(ROOT / "tools"))

from check_site import check  # noqa: E402
from exercises import file_name, notebook  # noqa: E402

VENDOR = Path(smalldocs.__file__).parent / "assets" / "vendor"
BOOTSTRAP = {"light": VENDOR / "bootstrap/bootstrap.min.css", "dark": VENDOR / "bootswatch/slate.min.css"}  # as _quarto.yml names them
FRAME = "#quarto-header, #quarto-sidebar, figure"
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
needs_quarto = pytest.mark.skipif(not shutil.which("quarto"), reason="no Quarto on this machine")


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_styles_hold_on_a_page_of_quartos_shape(browser, tmp_path, scheme, width):
    text = (ROOT / "tests/quarto_page.html").read_text(encoding="utf-8")
    (tmp_path / "index.html").write_text(text.replace("SCHEME", f"quarto-{scheme}"), encoding="utf-8")
    shutil.copy(BOOTSTRAP[scheme], tmp_path / "bootstrap.css")
    for name in ("styles.css", "site.js", "live/favicon.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "nbs" / name, tmp_path / name)
    with served(tmp_path) as address, Tab(browser, address, scheme, width) as tab:
        page = tab.open("index.html")
        assert not violations(page, ["color-contrast"]) and not unreadable_figures(page) and not too_wide(page)
        grounds = page.evaluate("""() => [".navbar", "#quarto-sidebar", "body"].map(
            name => getComputedStyle(document.querySelector(name)).backgroundColor)""")
        assert grounds == (["rgb(31, 35, 41)", *2 * ["rgb(23, 25, 29)"]] if scheme == "dark" else ["rgb(246, 247, 249)", *2 * ["rgb(255, 255, 255)"]])
        assert page.evaluate("document.querySelector('table').parentElement.className") == "sd-table"
        assert not tab.troubles


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the tree in which nbdev_docs has made the site, README.md too, which is older than its notebook."""
    root = tmp_path_factory.mktemp("quarto") / "project"
    shutil.copytree(ROOT, root, symlinks=True, ignore=NOT_SOURCE)
    run("git", "init", "--quiet", cwd=root)
    run("git", "add", "--all", cwd=root)
    os.utime(root / "README.md", (0, 0))
    done = subprocess.run([Path(sys.executable).with_name("nbdev_docs")], cwd=root, env=os.environ | {"PYTHONPATH": str(root)},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    assert not done.returncode, done.stdout[-3000:]
    assert not re.findall(r"WARN.*", done.stdout)
    return root


@needs_quarto
@pytest.mark.slow
def test_stock_nbdev_docs_leaves_the_tree_and_readme_as_they_were(project):
    changed = ["git", "diff", "--name-only"], ["git", "ls-files", "--others", "--exclude-standard"]
    assert [run(*command, cwd=project) for command in changed] == ["", ""]


@needs_quarto
@pytest.mark.slow
def test_the_pages_of_quarto_have_links_that_lead_somewhere_and_downloads(project):
    docs = project / "_docs"
    assert {path.name for path in docs.glob("*.html")} == set(PAGES)
    assert not [line for line in check(docs) if not line.startswith("site_libs/")]  # what Quarto's own scripts ask for, the browser sees
    notebooks = sorted((ROOT / "nbs").glob("*.ipynb"))
    assert {path.name for path in (docs / "notebooks").iterdir()} == {path.name for path in notebooks}
    assert {path.name for path in (docs / "exercises").iterdir()} == {file_name(path) for path in notebooks if notebook(path)}


@needs_quarto
@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_quarto_fit_ask_nobody_and_can_be_read(browser, project, name, scheme):
    with served(project / "_docs") as address, Tab(browser, address, scheme) as tab:
        page = tab.open(name)
        if scheme == "dark" and not page.evaluate("document.body.matches('.quarto-dark')"):
            page.click(".quarto-color-scheme-toggle")
        for width in WIDTHS:
            page.set_viewport_size(dict(width=width, height=900))
            page.wait_for_timeout(100)
            assert not too_wide(page) and not violations(page, ["color-contrast"], FRAME), f"at {width} px"
        assert not unreadable_figures(page)
        assert not tab.troubles
