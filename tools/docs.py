"""README.md and the documentation site, made from the notebooks without Quarto.

    python tools/docs.py readme    README.md, from nbs/index.ipynb
    python tools/docs.py build     the site, into the folder that settings.ini calls doc_path

Both show stored outputs; nothing is run but what nbdev itself runs for its `show_doc` entries. The pages get the names
that Quarto would give them, and maths becomes MathML. A link that leads nowhere, a formula that is not understood or a
page that would ask another host for something fails the build.
"""
import argparse
import html
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

from check_site import check
from execnb.nbio import read_nb
from latex2mathml.converter import convert
from nbdev.config import get_config
from nbdev.doclinks import _build_modidx, nbglob
from nbdev.processors import FilterDefaults
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from slim import slim
from smalldocs.config import BuildError, ConfigError, load
from smalldocs.quarto_keys import QUARTO_PAGE_OPTIONS
from smalldocs.site import Site

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # nbdev, too, knows it as tools.procs

from tools import procs  # noqa: E402

MATHS = re.compile(r'<span class="math (inline|display)">\\[(\[](.*?)\\[)\]]</span>', re.S)
BESIDE = ("notebooks/", "exercises/")  # folders of files that tools/beside.py puts beside the pages
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}


def one_line(message):
    """A message without its line breaks, and not endlessly long."""
    text = " ".join(str(message).split())
    return text if len(text) < 300 else text[:300] + " ..."


# README.md


def readme():
    """Write README.md if its text has changed, and leave it newer than its notebook, as nbdev_prepare wants it."""
    config = get_config()
    nb = read_nb(config.nbs_path / config.readme_nb)
    FilterDefaults()(nb)
    text, path = procs.readme(nb), config.config_path / "README.md"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    path.touch()
    return []


# Staging: what nbdev makes of the notebooks


def lost_text(nb):
    """Text in the title's cell that is neither the title nor its statement nor a key: nbdev drops it."""
    text = next((c.source for c in nb.cells if c.cell_type == "markdown" and re.search(r"^# ", c.source, re.M)), "")
    for kept, count in (r"^- \S.*:.*\S *$", 0), (r"^# .*$", 1), (r"^> .*$", 1):
        text = re.sub(kept, "", text, count=count, flags=re.M)
    return text.strip()


def stage():
    """Let nbdev process the notebooks into `_proc`, tools/procs.py with it; return what there is to complain of."""
    notebooks = {path.name: read_nb(path) for path in nbglob(as_path=True).sorted()}
    errors = [f"{name}: nbdev drops text that shares the title's cell, move it to the next: {one_line(lost)[:60]}"
              for name, nb in notebooks.items() if (lost := lost_text(nb))]
    refresh_quarto_yml()
    _build_modidx()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            proc_nbs(force=True, n_workers=0)
        except Exception as e:  # nbdev raises no class of its own
            raise BuildError(f"nbdev: {one_line(e)} ({one_line(e.__cause__)})") from e
    prefixes = [(f"{os.sep}nbdev{os.sep}", "nbdev: "), (procs.__file__, "")]
    return errors + [prefix + one_line(w.message) for w in caught for part, prefix in prefixes if part in w.filename]


# Rendering


def mathml(tex, display):
    """TeX as MathML; ValueError where the converter has let something through that it does not know."""
    grouped = re.sub(r"\\end\{[^}]*\}", r"\g<0>}", tex.replace(r"\begin{", r"{\begin{"))  # else (a matrix)^2 goes wrong
    out = convert(grouped.replace("{aligned}", "{split}"), display=display)
    if unknown := re.search(r">(\\\w+)", out):
        raise ValueError(f"unknown command {unknown[1]}")
    for element in ElementTree.fromstring(out).iter():
        name = element.tag.rpartition("}")[2]
        if len(element) != PARTS.get(name, len(element)):
            raise ValueError(f"{name} takes {PARTS[name]} parts")
    out = re.sub(r"(?<!<msu[bp]>)(<mi>[a-z]{2,}</mi>)(?=<m[^o])", r'\1<mspace width="0.167em" />', out)  # ln x, not lnx
    return out.replace("<math ", f'<math alttext="{html.escape(tex)}" ', 1)


def is_for_quarto(warning):
    """Whether a warning of smalldocs is about a key that Quarto knows, and smalldocs does not."""
    key = re.search(r"([\w-]+) is (?:ignored|not read by smalldocs)$", warning)
    return key and key[1] in QUARTO_PAGE_OPTIONS


class Book(Site):
    """A smalldocs site with nbdev's page names and doc links, and with maths that needs no other host."""

    def __init__(self, folder):
        project = load(folder)
        theme = project.config["format"]["html"].get("theme")
        if isinstance(theme, dict):
            theme["dark"] = theme["light"]  # styles.css makes it dark, which costs no second style sheet
        super().__init__(project, quiet=True)

    def read(self, src):
        """Read a page, and name it as its front matter says: 00_matmul.ipynb becomes matmul.html."""
        page = super().read(src)
        page.out = src.with_name(page.front.get("output-file", page.out.name))
        return page

    def find_page(self, target):
        """Find a page by its notebook's name, or by its own; like Quarto, not by a mixture (00_matmul.html)."""
        if target.suffix == ".html":
            return next((page for page in self.pages.values() if page.out == target), None)
        return super().find_page(target)

    def resolve(self, href, page, record=False):
        """Write a link from a page, to a file beside the pages as it is; `check` finds the broken ones."""
        return href if href.startswith(BESIDE) else super().resolve(href, page, record)

    def render_page(self, page):
        """Render a page with its maths."""
        super().render_page(page)
        page.html = MATHS.sub(lambda match: self.maths(page, match), page.html)
        page.env["math"] = False  # or the page would ask another host for KaTeX

    def build(self):
        """Write the site, a search index that needs no server, and no more style than it uses."""
        count = super().build()
        index = (self.out / "search.json").read_text(encoding="utf-8")
        (self.out / "search.js").write_text(f"window.searchIndex = {index};\n", encoding="utf-8")
        slim(self.out)
        return count

    def llms_on(self):
        """Write `llms.txt` and a Markdown copy of each page."""
        return True

    def llms_copy(self, page):
        """A page's Markdown copy, with what a figure shows in place of the figure."""
        text, files = super().llms_copy(page)
        text = re.sub(r'<figure class="figure">.*?(?:aria-label|alt)="([^"]*)".*?</figure>', r"(Figure: \1)", text, flags=re.S)
        text = re.sub(r'```{=html}\n<p class="call"><code>(.*?)</code>.*?</p>\n```', lambda m: f"`{html.unescape(m[1])}`", text)
        return re.sub(r'<!-- .*? -->\n\n|<script .*?</script>\n|<p class="notebook-links">.*?</p>\n*', "", text), files

    def maths(self, page, match):
        """One formula's span with MathML in it; where that fails, nothing, and a warning that names the formula."""
        kind, tex = match[1], html.unescape(match[2])
        try:
            return f'<span class="math {kind}">{mathml(tex, "block" if kind == "display" else "inline")}</span>'
        except Exception as e:  # the converter's errors share no class of their own, and most have no text
            self.warn(f"{page.out}: formula not understood ({one_line(e) or type(e).__name__}): {one_line(tex)}")
            return ""


# The commands


def build():
    """Build the site; a failure leaves the previous one in its place."""
    errors = stage()
    docs, folder = get_config().doc_path, get_config().config_path / "_proc"
    print("docs: notebooks prepared by nbdev", flush=True)
    book = Book(folder)
    book.build()
    print("docs: pages written, now their links and requests are checked", flush=True)
    errors += [warning for warning in book.warnings if not is_for_quarto(warning)] + check(book.out)
    if errors:
        return errors
    previous = folder / "_previous"
    if docs.exists():
        docs.rename(previous)
    book.out.rename(docs)
    shutil.rmtree(previous, ignore_errors=True)
    print(f"docs: {len(book.pages)} pages in {docs.name}")
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["readme", "build"])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the project's folder")
    args = parser.parse_args()
    os.chdir(args.root)
    sys.path.insert(0, os.getcwd())  # the package that the notebooks and their doc links mean
    try:
        errors = {"readme": readme, "build": build}[args.command]()
    except (BuildError, ConfigError) as e:
        errors = [one_line(e)]
    for error in errors:
        print(f"docs: {error}", file=sys.stderr)
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
