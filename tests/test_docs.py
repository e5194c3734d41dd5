"""The README and the site, made from a small project of three pages; then the same project with every mistake in it."""
import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

import check_site  # noqa: E402
import docs  # noqa: E402
import figures  # noqa: E402
from tools import procs  # noqa: E402

SETTINGS = """[DEFAULT]
lib_name = sample
repo = sample
user = someone
author = someone
author_email = someone@example.org
description = A project of three pages
version = 0.0.1
branch = main
lib_path = sample
nbs_path = nbs
custom_sidebar = True
skip_procs = clean_magics,add_fold
procs = tools.procs:Page
renderer = tools.procs.Entry
"""
QUARTO = f"""project:
  type: website
  pre-render: "'{TOOLS.as_posix()}/beside.py'"
  post-render: "'{TOOLS.as_posix()}/beside.py'"
format:
  html:
    theme: default
    html-math-method: mathml
website:
  navbar: {{search: true}}
  sidebar:
    contents: [index.ipynb, 00_first.ipynb, second.ipynb]
metadata-files: [nbdev.yml]
"""
MODULE = '''# File to edit: ../nbs/00_first.ipynb.
# %% ../nbs/00_first.ipynb #c0
def double(
    x:int, # Any number, see `Counter`
):
    'Twice.'
    return 2 * x

def _half(x): return x / 2

# %% ../nbs/00_first.ipynb #c1
class Counter:
    def add(self): return 1
    def __new__(cls, *args, **kwargs): return super().__new__(cls)
    def __call__(
        self:object,
        n:int=2, # How often
    ):
        'Count.'
        return n

LIMIT = 3
'''
SITE = "https://someone.github.io/sample"


def png(width, height):
    """A white picture, in base64."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")).decode()


def code(source, *outputs):
    """A code cell."""
    return dict(cell_type="code", source=source, outputs=list(outputs), execution_count=None)


def stream(text):
    """An output as print leaves it."""
    return dict(output_type="stream", name="stdout", text=text)


def display(data, **metadata):
    """An output as display leaves it."""
    return dict(output_type="display_data", data=data, metadata=metadata)


def figure():
    """An output as matplotlib leaves it for screens of double density."""
    return display({"image/png": png(600, 100), "text/plain": "<Figure>"}, **{"image/png": {"width": 300, "height": 50}})


def notebook(folder, name, *cells):
    """Write a notebook of Markdown (the strings among `cells`) and code."""
    cells = [dict(cell_type="markdown", source=each) if isinstance(each, str) else each for each in cells]
    cells = [{**each, "id": f"c{i}", "metadata": {}} for i, each in enumerate(cells)]
    nb = dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)
    (folder / "nbs" / f"{name}.ipynb").write_text(json.dumps(nb), encoding="utf-8")


def run(command, root):
    """Run tools/docs.py on a project."""
    return subprocess.run([sys.executable, TOOLS / "docs.py", command, "--root", root], capture_output=True, text=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project without a fault, installed as far as nbdev looks."""
    root = tmp_path_factory.mktemp("good")
    for folder in "nbs", "sample", "sample-0.0.1.dist-info":
        (root / folder).mkdir()
    (root / "settings.ini").write_text(SETTINGS)
    (root / "nbs" / "_quarto.yml").write_text(QUARTO)
    (root / "sample" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    (root / "sample" / "first.py").write_text(MODULE)
    (root / "sample-0.0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 0.0.1\n")
    (root / "sample-0.0.1.dist-info" / "entry_points.txt").write_text("[nbdev]\nsample=sample._modidx:d\n")
    notebook(root, "index",
             "# sample\n\n> A sample of a book.",
             "Begin with [doubling](00_first.ipynb#doubling), go on to the [second](second.html), see "
             "[elsewhere](https://example.org/00_first.ipynb).\n\n```sh\ncat [a](00_first.ipynb)\n```",
             code("#| hide\nprint('unseen')", stream("unseen\n")),
             code("x = 21  # shown\ny = 'line' #| hide_line\nprint(x)", stream("21\n")),
             code("#| echo: false\nsilent = 1", stream("heard\n")),
             code("#| echo: false\ntable()", display({"text/markdown": "[table](second.ipynb)", "text/plain": "<Table>"})),
             code('#| fig-alt: "A bar"\ndraw()', figure()))
    notebook(root, "00_first",
             "# First\n\n> The first page.",
             code("#| default_exp first"),
             "## Doubling\n\nInline $x_i^2$ and\n\n$$\\begin{aligned} y &= \\frac{1}{2} \\\\ z &= 3 \\end{aligned}$$",
             code("#| exports\ndef double(\n    x:int, # Any number, see `Counter`\n):\n    'Twice.'\n    return 2 * x"),
             code("#| exports\nclass Counter:\n    def add(self): return 1\n    def __call__(\n        self:object,\n        n:int=2, # How often\n    ):\n        'Count.'\n        return n"),
             code("#| exports\nLIMIT = 3"),
             code("#| hide\nsecret = 'unseen'"),
             code("show_doc(Counter.__call__)"),
             "### About __call__\n\nText.",
             "### LIMIT\n\nA heading with the name of a constant, and `math.sqrt`, `nn.Linear` and `np.allclose`.")
    notebook(root, "second",
             "# Second\n\n> The second page.",
             "Back to [first](00_first.ipynb#about-__call__), with `double`, `_half` and `Counter.add`, "
             "by [`double` and `Counter`](00_first.ipynb#doubling).",
             code('#| fig-alt: "A white bar"\nplot()', figure()),
             code('#| fig-alt: ["One", "Two"]\nplots()', figure(), figure()))
    return root


@pytest.fixture(scope="module")
def site(project):
    """The project's site, built once."""
    done = run("build", project)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "docs: 3 pages in _docs")
    return {path.name: path.read_text(encoding="utf-8") for path in (project / "_docs").glob("*.*")}


@pytest.fixture(scope="module")
def complaints(project, site, tmp_path_factory):
    """What the build says of the same project once a page full of mistakes is added."""
    root = tmp_path_factory.mktemp("bad") / "project"
    shutil.copytree(project, root)
    notebook(root, "bad",
             "# Bad\n\n> A page of mistakes.",
             "[a](nowhere.ipynb) [b](second.ipynb#nowhere) [c](00_first.html) [d](../README.md)",
             '<img alt="x" src="https://example.org/a.png"> <script src="//example.org/b.js"></script>',
             "Bare $ y $ and \\alpha, unknown $\\nosuch x$, broken $\\frac{1}$.",
             code("plot()", figure()))
    (root / "nbs" / "_quarto.yml").write_text(QUARTO.replace("second.ipynb]", "second.ipynb, third.ipynb]"))
    index = (root / "sample" / "_modidx.py").read_text()
    done = run("build", root)
    assert done.returncode == 1 and "pages in _docs" not in done.stdout
    assert (root / "sample" / "_modidx.py").read_text() == index
    assert {path.name for path in (root / "_docs").glob("*.*")} == set(site), "the last good site stays"
    return done.stderr.splitlines()


def test_readme(project):
    readme = project / "README.md"
    assert run("readme", project).returncode == 0
    assert readme.read_text() == f"""# sample

> A sample of a book.

<!-- WARNING: THIS FILE WAS AUTOGENERATED! DO NOT EDIT! -->

Begin with [doubling]({SITE}/first.html#doubling), go on to the [second]({SITE}/second.html), see \
[elsewhere](https://example.org/00_first.ipynb).

```sh
cat [a](00_first.ipynb)
```

```python
x = 21  # shown
print(x)
```

    21

    heard

[table]({SITE}/second.html)

```python
draw()
```
"""
    text = readme.read_text()
    os.utime(readme, (0, 0))
    run("readme", project)
    assert readme.read_text() == text
    assert readme.stat().st_mtime >= (project / "nbs" / "index.ipynb").stat().st_mtime, "nbdev_prepare wants it newer"


def test_numbered_pages_lose_their_number(site):
    assert {name for name in site if name.endswith(".html")} == {"index.html", "first.html", "second.html"}
    assert 'href="first.html#doubling"' in site["index.html"]
    assert "00_first.html" not in "".join(site.values())
    assert '<a href="first.html" class="sidebar-item-text sidebar-link">' in site["second.html"]


def test_names_link_to_their_documentation(site):
    assert '<a href="first.html#double"><code>double</code></a>' in site["second.html"]
    assert ", <code>_half</code> and" in site["second.html"], "private names have no documentation"
    assert '<a href="first.html#counter.add"><code>Counter.add</code></a>' in site["second.html"]
    assert 'id="double"' in site["first.html"] and 'id="counter.add"' in site["first.html"]
    assert '<a href="first.html#doubling"><code>double</code> and <code>Counter</code></a>' in site["second.html"], "no link within a link"
    assert site["first.html"].count("# Any number, see `Counter`<") == 1, "no link within a signature, which stands there once"


def test_names_of_other_libraries_link_to_theirs(site):
    hosts = re.findall(r'<a href="https://([^/"]*)/[^"]*"><code>(?:math.sqrt|nn.Linear|np.allclose)</code>', site["first.html"])
    assert hosts == ["docs.python.org", "pytorch.org", "numpy.org"]


def test_entries(site):
    """An entry is one line above open source, or says all of it where no source follows; calls are as they are made."""
    calls = re.findall(r'<h3 id="([^"]*)"[^>]*>.*?</h3>\s*<p class="call"><code>(.*?)</code> <a class="source" href="([^"]*)"', site["first.html"])
    github = "https://github.com/someone/sample/blob/main/sample/first.py"
    assert calls == [("double", "double(x: int)", f"{github}#L3"), ("counter", "Counter()", f"{github}#L12"),
                     ("limit", "LIMIT", f"{github}#L22"), ("counter.__call__", "Counter.__call__(n: int = 2)", f"{github}#L15")]
    assert site["first.html"].count("How often") == 2 and site["first.html"].count("Twice.") == 1
    assert 'id="on-limit"' in site["first.html"]


class Thing:
    """A default without a text of its own."""


def test_calls_show_no_address():
    def call(self: Thing, a=Thing(), b: Path = None) -> Thing: pass
    assert procs.call_of(call) == "(a=Thing(), b: Path = None) → Thing"


def test_exported_source_is_shown_and_hidden_cells_are_not(site):
    assert "Exported source" not in site["first.html"] and "<details" not in site["first.html"]
    assert "unseen" not in "".join(site.values())


def test_maths_is_mathml(site):
    page = site["first.html"]
    assert page.count("<math ") == 2 and 'alttext="x_i^2"' in page and "<mtable" in page
    assert "katex" not in "".join(site.values()).lower()


DRAWING = """<?xml version="1.0"?><svg xmlns:xlink="http://www.w3.org/1999/xlink" width="75pt" height="60pt" viewBox="0 0 75 60"
xmlns="http://www.w3.org/2000/svg"><metadata>x</metadata><g id="unused"><clipPath id="c"><path d="M 0 0"/></clipPath>
<path clip-path="url(#c)" style="fill: #f5f5f5; stroke: #000000"/><path style="fill: #e0ecf8"/><path style="fill: #1f77b4"/>
<text style="font-size: 9px; font-family: 'DejaVu Sans', sans-serif; fill: #ffffff">a</text><text style="fill: #d62728">b</text>
<image xlink:href="data:," x="10" y="-20" width="30" height="30"/><text x="20" y="30" style="font-size: 8px">on it</text>
<text x="20" y="55" style="font-size: 8px">below it</text></g></svg>"""


def test_drawings_follow_the_theme():
    drawing = figures.inline(DRAWING, 'A "drawing"', "figure-1")
    for part in ["color-mix(in srgb, currentColor 4%, var(--bs-body-bg))", "stroke: color-mix(in srgb, currentColor 100%",
                 "fill: rgb(0 99 197 / 0.12)", "fill: #1f77b4", "fill: color-mix(in srgb, #d62728 75%, currentColor)", "font-size: 9px; fill: #ffffff",
                 'id="figure-1-c"', "url(#figure-1-c)",
                 'style="fill: #000000; font-size: 8px">on it<', 'style="font-size: 8px">below it<',
                 'aria-label="A &quot;drawing&quot;"', "width: 100px; min-width: 60px"]:
        assert part in drawing
    assert not re.search("metadata|unused|DejaVu|<svg[^>]* height=", drawing)


def test_only_what_is_used_is_kept(site, project):
    sheet = (project / "_docs/site_libs/themes/default.min.css").read_text()
    assert ".navbar-brand{" in sheet and ".btn-outline-warning" not in sheet and "Licensed under MIT" in sheet
    assert (project / "_docs/site_libs/bootstrap-icons/fonts/bootstrap-icons.woff").stat().st_size < 10_000


def test_notebooks_and_a_copy_for_readers_of_plain_text(site, project):
    for name in "index", "00_first", "second":
        assert (project / f"_docs/notebooks/{name}.ipynb").read_bytes() == (project / f"nbs/{name}.ipynb").read_bytes()
    assert 'href="notebooks/00_first.ipynb" download>' in site["first.html"]
    assert site["first.html"].count('href="https://github.com/someone/sample/edit/main/nbs/00_first.ipynb"') == 1
    assert "colab.research.google.com/github/someone/sample/blob/main/nbs/00_first.ipynb" in site["first.html"]
    assert "(Figure: A white bar)" in site["second.llms.md"] and "base64" not in site["second.llms.md"]
    assert f"{SITE}/first.llms.md" in site["llms.txt"]


def test_pictures_have_text_and_their_true_width(site):
    pictures = re.findall(r'<img alt="([^"]*)" src="data:[^>]* width="(\d+)" height="(\d+)">', site["second.html"])
    assert pictures == [("A white bar", "300", "50"), ("One", "300", "50"), ("Two", "300", "50")]


def test_names_in_headings_stay_as_they_are(site):
    assert "About __call__</h3>" in site["first.html"]
    assert re.search(r'id="counter.__call__"[^>]*>Counter.__call__<', site["first.html"])


@pytest.mark.parametrize("complaint", [
    "bad.html: broken link nowhere.html",
    "bad.html: broken link second.html#nowhere",
    "bad.html: broken link 00_first.html",
    "bad.html: broken link ../README.md",
    "4 files: broken link third.html",
    "bad.html: no other page links to this one (name it in _quarto.yml)",
    "bad.html: <img> asks another host: https://example.org/a.png",
    "bad.html: <script> asks another host: //example.org/b.js",
    "bad.html: formula not understood (unknown command \\nosuch): \\nosuch x",
    "bad.html: formula not understood (mfrac takes 2 parts): \\frac{1}",
])
def test_mistakes_fail_the_build(complaints, complaint):
    assert f"docs: {complaint}" in complaints


def test_other_mistakes_fail_the_build(complaints):
    assert "docs: bad.html: maths without delimiters, or a bare dollar: \\alpha," in complaints
    assert "docs: bad.html: maths without delimiters, or a bare dollar: $" in complaints
    assert "docs: bad.ipynb: a figure has no alt text (#| fig-alt: ...), that of plot()" in complaints


def test_mistakes_are_told_once(complaints):
    assert len(complaints) == len(set(complaints)) == 13


@pytest.mark.parametrize("text, lost", [
    ("# Title\n\n> Statement\n- key: value", ""),
    ("# Title\n\n> Statement\n\nA paragraph.", "A paragraph."),
    ("# Title\n\n> Statement\n> over two lines", "> over two lines"),
])
def test_text_that_nbdev_would_drop_is_found(tmp_path, text, lost):
    (tmp_path / "nbs").mkdir()
    notebook(tmp_path, "page", text, "# Not a title")
    assert docs.lost_text(docs.read_nb(tmp_path / "nbs" / "page.ipynb")) == lost


@pytest.mark.parametrize("tex, parts", [
    (r"\begin{bmatrix} 1 & 2 \end{bmatrix}^2", ["<msup><mrow><mo>&#x0005B;</mo><mtable>", "</mrow><mn>2</mn></msup>"]),
    (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", ['<mtd columnalign="right"><mi>c</mi>']),
    (r"\ln 10 + \log_2 x", ['<mi>ln</mi><mspace width="0.167em" /><mn>10</mn>', "<msub><mi>log</mi><mn>2</mn></msub>"]),
    (r"a < b", ['alttext="a &lt; b"']),
])
def test_mathml(tex, parts):
    assert all(part in docs.mathml(tex, "block") for part in parts)


@pytest.mark.parametrize("name, text, complaint", [
    ("a.css", "p { background: url('https://a.org/x.png') }", "a.css: asks another host: https://a.org/x.png"),
    ("a.css", '@import "//a.org/x.css";', "a.css: asks another host: //a.org/x.css"),
    ("a.js", 'fetch("https://a.org/x")', "a.js: asks another host: https://a.org/x"),
    ("index.html", '<link rel="stylesheet" href="https://a.org/x">', "index.html: <link> asks another host: https://a.org/x"),
    ("index.html", '<p style="background: url(//a.org/x.png)">', "index.html: asks another host: //a.org/x.png"),
    ("index.html", '<script>import x from "https://a.org/x"</script>', "index.html: asks another host: https://a.org/x"),
    ("index.html", "<main>[<b>x</b>](a.css)</main>", "index.html: Markdown that is no link: ](a.css)"),
    ("index.html", '<a href="#there">x</a>', "index.html: broken link #there"),
    ("index.html", '<img src="a.css">', "index.html: a picture has no alt text: a.css"),
])
def test_checks_of_a_finished_site(tmp_path, name, text, complaint):
    (tmp_path / "a.css").write_text("/* see https://a.org */")
    (tmp_path / "a.js").write_text("// see https://a.org")
    (tmp_path / "index.html").write_text('<a href="https://a.org">x</a> <main><code>$x \\y</code></main> '
                                         '<img alt="x" src="a.css"> <i id="i"> <a href="#i">x</a>')
    assert check_site.check(tmp_path) == []
    (tmp_path / name).write_text(text)
    assert check_site.check(tmp_path) == [complaint]
