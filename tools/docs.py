"""README.md and the documentation site, made from the notebooks without Quarto.

    python tools/docs.py readme    README.md, from nbs/index.ipynb
    python tools/docs.py build     the site, into the folder that settings.ini calls doc_path

Both show stored outputs; nothing is run but what nbdev itself runs for its `show_doc` entries. The pages get the names
that Quarto would give them, and maths becomes MathML. A link that leads nowhere, a formula that is not understood or a
page that would ask another host for something fails the build.
"""
import argparse
import base64
import html
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import exercises
from check_site import check
from execnb.nbio import read_nb, write_nb
from latex2mathml.converter import convert
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup, _build_modidx, nbglob
from nbdev.processors import FilterDefaults
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from pages import absolute_links, outside_fences, site_url
from smalldocs.config import BuildError, ConfigError, load
from smalldocs.markdown import split_front_matter
from smalldocs.notebook import ANSI, IMAGES, cell_options, fence_for, figure, source
from smalldocs.site import Site

MATHS = re.compile(r'<span class="math (inline|display)">\\[(\[](.*?)\\[)\]]</span>', re.S)
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}


def one_line(message):
    """A message without its line breaks, and not endlessly long."""
    text = " ".join(str(message).split())
    return text if len(text) < 300 else text[:300] + " ..."


# README.md


def output_text(output):
    """One stored output as Markdown: text as an indented block, a picture or a widget as nothing."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "text/markdown" in data:
        return absolute_links("".join(data["text/markdown"]))
    if "text/html" in data or any(kind in data for kind in IMAGES):
        return ""
    lines = ANSI.sub("", "".join(data.get("text/plain", ""))).rstrip("\n").splitlines()
    return "\n".join(f"    {line}".rstrip() for line in lines)


def cell_blocks(cell):
    """One cell, as nbdev has processed it, as the blocks of a README."""
    text = source(cell)
    if cell.cell_type == "raw":
        front, _ = split_front_matter(text)
        return [mark + front[key] for mark, key in (("# ", "title"), ("> ", "description")) if key in front]
    if cell.cell_type == "markdown":
        return [absolute_links(text).strip()]
    options, code = cell_options(text)
    if options.get("include") is False:
        return []
    shown = code.strip() and options.get("echo") is not False
    outputs = cell.get("outputs", []) if options.get("output") is not False else []
    return [f"{fence_for(code)}python\n{code.strip()}\n{fence_for(code)}"] * bool(shown) + [*map(output_text, outputs)]


def readme():
    """Write README.md if its text has changed, and leave it newer than its notebook, as nbdev_prepare wants it."""
    config = get_config()
    nb = read_nb(config.nbs_path / config.readme_nb)
    FilterDefaults()(nb)
    text = "\n\n".join(block for cell in nb.cells for block in cell_blocks(cell) if block) + "\n"
    path = config.config_path / "README.md"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    path.touch()
    return []


# Staging: what nbdev makes of the notebooks, prepared for smalldocs


def lost_text(nb):
    """Text in the title's cell that is neither the title nor its statement nor a key: nbdev drops it."""
    text = next((c.source for c in nb.cells if c.cell_type == "markdown" and re.search(r"^# ", c.source, re.M)), "")
    for kept, count in (r"^- \S.*:.*\S *$", 0), (r"^# .*$", 1), (r"^> .*$", 1):
        text = re.sub(kept, "", text, count=count, flags=re.M)
    return text.strip()


def stage():
    """Let nbdev process the notebooks into `_proc`; return what there is to complain of."""
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
            errors.append(f"nbdev: {one_line(e)} ({one_line(e.__cause__)})")
    return errors + [f"nbdev: {one_line(w.message)}" for w in caught if f"{os.sep}nbdev{os.sep}" in w.filename]


def plain_names(text):
    """Markdown with `__call__` in a heading not in bold, and links neither on private names nor in fenced code."""
    def escape(heading):
        return re.sub(r"(`[^`]*`)|(?<!\\)__", lambda m: m[1] or r"\_\_", heading[0])

    def unlink(part, names="[^`]+"):
        return re.sub(rf"\[(`{names}`)\]\(https?://[^)]*\)", r"\1", part)

    def tidy(part):
        return re.sub(r"^#{1,6} .*$", escape, unlink(part, "_[^`]+"), flags=re.M)
    return outside_fences(tidy, text, unlink)


def picture(output, kind, options, alt):
    """The HTML of one stored picture, as wide as it was meant to be."""
    data = "".join(output.data[kind]).strip()
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode()
    drawn = output.get("metadata", {}).get(kind, {})
    size = "".join(f' {side}="{drawn[side]}"' for side in ("width", "height") if side in drawn)
    img = f'<img src="data:{kind};base64,{data}" class="img-fluid figure-img"{size}>'
    return figure(img, {**options, "fig-alt": alt}, 0)


def prepare_cell(cell):
    """Rewrite what smalldocs would not show as Quarto does, names in headings and pictures; return the alt texts."""
    if cell.cell_type == "markdown":
        cell.source = plain_names(cell.source)
    options, _ = cell_options(source(cell))
    wanted, alts = options.get("fig-alt", ""), []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        kind = next((kind for kind in IMAGES if kind in data), None)
        if kind and "text/html" not in data:
            alts.append(dict(enumerate(wanted)).get(len(alts), "") if isinstance(wanted, list) else wanted)
            output.data = {"text/html": picture(output, kind, options, alts[-1])}
        elif "text/markdown" in data:
            data["text/markdown"] = plain_names("".join(data["text/markdown"]))
    return alts


def prepare(path):
    """Prepare a staged notebook for smalldocs; return what there is to complain of."""
    nb = read_nb(path)
    bare = [one_line(cell.source)[:60] for cell in nb.cells if not all(prepare_cell(cell))]
    write_nb(nb, path)
    return [f"{path.name}: a figure has no alt text (#| fig-alt: ...), that of {code}" for code in bare]


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


class Book(Site):
    """A smalldocs site with nbdev's page names and doc links, and with maths that needs no other host."""

    def __init__(self, folder):
        super().__init__(load(folder), quiet=True)
        links = {entry[0] for entry in NbdevLookup().syms.values() if "#_" not in entry[0]}
        self.documented = sorted(link.removeprefix(site_url() + "/") for link in links if link.startswith(site_url()))

    def warn(self, msg):
        """Keep a warning, but not the one about the key that `read` reads."""
        if not msg.endswith(": output-file is not read by smalldocs"):
            super().warn(msg)

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
        """Write a link from a page, a relative one also where nbdev gives it in full; `check` finds the broken ones."""
        if href.startswith(site_url() + "/"):
            href = href.removeprefix(site_url())
        if href.startswith("/exercises/"):  # files beside the pages, which all stand at the top
            return href[1:]
        return super().resolve(href, page, record)

    def render_page(self, page):
        """Render a page with its maths, and with an anchor for each name that nbdev's index places on it."""
        super().render_page(page)
        page.html = MATHS.sub(lambda match: self.maths(page, match), page.html)
        page.env["math"] = False  # or the page would ask another host for KaTeX
        for out, _, name in (link.partition("#") for link in self.documented):
            if out == str(page.out) and f'id="{name}"' not in page.html:
                owner = re.search(rf'<\w+ id="{re.escape(name.rpartition(".")[0])}"', page.html)
                at = owner.start() if owner else 0
                page.html = f'{page.html[:at]}<a id="{name}"></a>{page.html[at:]}'

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
    if errors := stage():
        return errors
    docs, folder = get_config().doc_path, get_config().config_path / "_proc"
    errors = [error for path in sorted(folder.rglob("*.ipynb")) for error in prepare(path)]
    book = Book(folder)
    book.build()
    exercises.write_all(book.out / "exercises")
    if errors := errors + book.warnings + check(book.out):
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
