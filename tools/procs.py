"""What nbdev's processing of the notebooks lacks for a book, whoever builds the site from them: Quarto or tools/docs.py.

settings.ini names `Page` (`procs`) and `Entry` (`renderer`), so that it happens once, inside nbdev, before either begins.
"""
import ast
import html
import inspect
import re
import sys
import warnings
from functools import cache
from pathlib import Path
from urllib.parse import quote

from execnb.nbio import mk_cell
from fastcore.basics import AttrDict
from fastcore.docments import ShowDocRenderer
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup, _nbpath2html
from nbdev.process import Processor
from smalldocs.markdown import split_front_matter
from smalldocs.notebook import ANSI, IMAGES, cell_options, fence_for, raw_html, source

sys.path.insert(0, str(Path(__file__).parent))  # nbdev imports this file as tools.procs

import exercises  # noqa: E402
from figures import picture  # noqa: E402
from pages import absolute_links, outside_fences, site_url  # noqa: E402

LINK = re.compile(r"\[((?:[^][`]|`[^`]*`|\[`[^`]+`\]\([^)]*\))+)\]\(")  # the text of a link, with links that nbdev put into it
BELOW = "<!-- what the source says too -->"
ALIASES = {"torch.nn.functional.": "F.", "torch.nn.": "nn.", "numpy.": "np."}


# Names and what they link to


@cache
def constants():
    """The exported names that nbdev's index leaves out, neither functions nor classes: {name: (page, file, address)}."""
    config, found = get_config(), {}
    for path in sorted(config.lib_path.glob("[!_]*.py")):
        text, file = path.read_text(encoding="utf-8"), path.relative_to(config.config_path).as_posix()
        made_by = re.search(r"File to edit: \S*?(\w+\.ipynb)", text)
        for node in ast.parse(text).body if made_by else []:
            for name in [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name) and target.id[0] != "_"]:
                page = f"{site_url()}/{_nbpath2html(Path(made_by[1])).as_posix()}#{name.lower()}"
                found[name] = page, file, f"{config.git_url}/blob/{config.branch}/{file}#L{node.lineno}"
    return found


@cache
def complete_lookup():
    """Let nbdev's doc links know constants too, and the usual short names of other libraries' modules."""
    names = NbdevLookup().syms
    names.update(constants())
    for prefix, short in ALIASES.items():
        names.update({short + name.removeprefix(prefix): link for name, link in list(names.items()) if name.startswith(prefix)})


def call_of(symbol):
    """How a function or class is called, in one line: its parameters, types and defaults."""
    made_by_new = inspect.isclass(symbol) and not inspect.isfunction(symbol.__init__)
    text = str(inspect.signature(symbol))
    if made_by_new and "*args, **kwargs" in text:  # a class without parameters, whose __new__ only passes on
        return "()"
    text = re.sub(r"<(?:function|class) '?(?:[\w<>]+\.)*(\w+)'?(?: at 0x\w+)?>", r"\1", text)
    text = re.sub(r"<(?:[\w<>]+\.)*(\w+) object at 0x\w+>", r"\1()", text)
    text = re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=\w)", "", text)  # Tensor, not torch.Tensor
    return re.sub(r"^\((?:self|cls)\b(?:: \w+)?(?:, )?", "(", text).replace("->", "→")


def entry(name, call, address, level=3):
    """The reference entry of a name as Markdown: heading, call, and a link to its source."""
    link = f' <a class="source" href="{address}" aria-label="source of {name}">source</a>' if address else ""
    return f'{"#" * level} {name}\n\n' + raw_html(f'<p class="call"><code>{html.escape(name + call)}</code>{link}</p>')


class Entry(ShowDocRenderer):
    """What `show_doc` shows; parameter comments and docstring come after a mark, for where the source is not shown."""

    def _repr_markdown_(self):
        call = call_of(self.sym) if self.sig else ""
        comments = "" if "*args, **kwargs" in str(self.dm) else f"```python\n{self.dm}\n```\n\n"
        text = entry(self.nm, call, NbdevLookup().code(self.fn), self.title_level)
        return f"{text}\n{BELOW}\n\n{comments if '#' in comments else ''}*{self.docs}*" if self.docs else text


# The cells of a page, as nbdev has processed them


def markdown_of(cell):
    """The outputs of a cell that are Markdown, as the dictionaries that hold them."""
    return [output["data"] for output in cell.get("outputs", []) if "text/markdown" in output.get("data", {})]


def output_cell(**data):
    """A cell that shows an output and no source."""
    cell = mk_cell("#| echo: false")
    cell.directives_ = {}
    cell.outputs = [AttrDict(output_type="display_data", metadata={}, data={f"text/{kind}": text for kind, text in data.items()})]
    return cell


def entries_of(cell):
    """The names that have their reference entry in a cell's outputs."""
    texts = ("".join(data["text/markdown"]) for data in markdown_of(cell))
    return [name for text in texts if '<p class="call">' in text for name in re.findall(r"^#+ (\S+)$", text, re.M)]


def is_exported(cell):
    """Whether a cell's source is in the module and on the page."""
    return "exports" in cell.get("directives_", {})


def defines(cell, names):
    """Whether an exported cell defines or assigns one of some names; those of methods are dotted."""
    wanted = "|".join(re.escape(name.rpartition(".")[2]) for name in names)
    return is_exported(cell) and re.search(rf"^(?:(?:def|class) (?:{wanted})\b|(?:{wanted}) = )", source(cell), re.M)


def add_constants(cells):
    """Give exported constants a reference entry above their cell."""
    for name, (_, _, address) in constants().items():
        for cell in [cell for cell in cells if defines(cell, [name]) and not source(cell).count(f"def {name}")]:
            cells.insert(cells.index(cell), output_cell(markdown=entry(name, "", address)))


def open_sources(cells):
    """Let the source of a definition stand right below its entry, which then need not say the same."""
    for i in range(len(cells) - 2):  # nbdev puts an entry above two exported cells if they stand together
        names = entries_of(cells[i])
        if names and is_exported(cells[i + 1]) and not defines(cells[i + 1], names) and defines(cells[i + 2], names):
            cells[i], cells[i + 1] = cells[i + 1], cells[i]
    for cell, after in zip(cells, cells[1:]):
        for data in markdown_of(cell) if entries_of(cell) and defines(after, entries_of(cell)) else []:
            data["text/markdown"] = "".join(data["text/markdown"]).partition(BELOW)[0]


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w.-]", "", re.sub(r"\s+", "-", heading.strip().lower()))


def free_anchors(cells):
    """Let the anchor of a name lead to its entry, not to a heading that reads the same."""
    taken = {slug(name) for cell in cells for name in entries_of(cell)}

    def rename(heading):
        return f"{heading[0]} {{#on-{slug(heading[2])}}}" if slug(heading[2]) in taken else heading[0]
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = outside_fences(lambda part: re.sub(r"^(#+ )([^{}\n]+)$", rename, part, flags=re.M), cell.source)


def anchors(cells, page):
    """Give each name that nbdev's links place on a page, but that has no entry, an anchor in its class's entry; return the rest."""
    links = {link[0] for link in NbdevLookup().syms.values() if isinstance(link, tuple) and "#_" not in link[0]}
    entries = {name.lower(): data for cell in cells for name in entries_of(cell) for data in markdown_of(cell)}
    rest = []
    for anchor in sorted(link.partition("#")[2] for link in links if link.startswith(f"{site_url()}/{page}#")):
        mark, owner = f'<a id="{anchor}"></a>', entries.get(anchor.rpartition(".")[0])
        if anchor not in entries and owner:
            owner["text/markdown"] = "".join(owner["text/markdown"]).replace("</p>", f"{mark}</p>", 1)
        elif anchor not in entries:
            rest.append(mark)
    return "".join(rest)


def plain_names(text):
    """Markdown with `__call__` in a heading not in bold, links neither on private names nor in fenced code or links, and
    those to pages of the site itself without its address."""
    def escape(heading):
        return re.sub(r"(`[^`]*`)|(?<!\\)__", lambda m: m[1] or r"\_\_", heading[0])

    def unlink(part, names="[^`]+"):
        return re.sub(rf"\[(`{names}`)\]\(https?://[^)]*\)", r"\1", part)

    def tidy(part):
        part = LINK.sub(lambda link: f"[{unlink(link[1])}](", unlink(part, "_[^`]+"))
        return re.sub(r"^#{1,6} .*$", escape, part, flags=re.M).replace(f"]({site_url()}/", "](")
    return outside_fences(tidy, text, unlink)


def draw(cell, number):
    """Turn a cell's stored pictures into HTML that follows the page's theme; return what they show, in words."""
    options, _ = cell_options(source(cell))
    wanted, alts = options.get("fig-alt", ""), []
    for output in cell.get("outputs", []):
        kind = next((kind for kind in IMAGES if kind in output.get("data", {})), None)
        if kind and "text/html" not in output["data"]:
            alts.append(dict(enumerate(wanted)).get(len(alts), "") if isinstance(wanted, list) else wanted)
            output["data"] = {"text/html": picture(output, kind, alts[-1], f"figure-{number}-{len(alts)}")}
    return alts


def notebook_links(path):
    """A line of links to a page's notebook: to run it elsewhere, to download it, with its exercises left blank."""
    config, name = get_config(), quote(path.name)
    place = f"{config.branch}/{config.nbs_path.name}/{name}"
    links = [("Open in Colab", f"https://colab.research.google.com/github/{config.user}/{config.repo}/blob/{place}", ""),
             ("Edit this page", f"{config.git_url}/edit/{place}", ""), ("Download notebook", f"notebooks/{name}", " download")]
    if exercise := exercises.file_name(path):
        links.append(("Download exercises", f"exercises/{quote(exercise)}", " download"))
    return " ".join(f'<a href="{to}"{how}>{text}</a>' for text, to, how in links)


class Page(Processor):
    """A page of the book, after all else that nbdev does: names, anchors, figures, and links to its notebook."""

    def __init__(self, nb):
        super().__init__(nb)
        complete_lookup()  # before nbdev puts its links

    def end(self):
        cells, path, config = self.nb.cells, Path(self.nb.path_), get_config()
        add_constants(cells)
        open_sources(cells)
        free_anchors(cells)
        for number, cell in enumerate(cells):
            if not all(draw(cell, number)):
                warnings.warn(f"{path.name}: a figure has no alt text (#| fig-alt: ...), that of {' '.join(cell_options(source(cell))[1].split())[:60]}")
            if cell.cell_type == "markdown":
                cell.source = plain_names(cell.source)
            for data in markdown_of(cell):
                data["text/markdown"] = plain_names("".join(data["text/markdown"]))
        rest = anchors(cells, _nbpath2html(path).name)
        cells.insert(1, output_cell(html=f'<p class="notebook-links">{notebook_links(path)}{rest}</p>'))
        for data in [output["data"] for cell in cells for output in cell.get("outputs", []) if "data" in output]:
            data |= {kind: "".join(text).splitlines(keepends=True) for kind, text in data.items() if kind.startswith("text/")}  # Quarto reads lists
        staged = config.config_path / "_proc"
        if staged.exists():  # for tools/beside.py, which puts it beside the finished pages
            exercises.write_page(path, staged / "_exercises")
            if path == config.nbs_path / config.readme_nb:
                (staged / "_README.md").write_text(readme(self.nb), encoding="utf-8")


# README.md


def output_text(output):
    """One stored output as Markdown: text as an indented block, a picture or a widget as nothing."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "text/markdown" in data:
        return absolute_links("".join(data["text/markdown"]))
    if "text/html" in data:
        return ""
    lines = ANSI.sub("", "".join(data.get("text/plain", ""))).rstrip("\n").splitlines()
    return "\n".join(f"    {line}".rstrip() for line in lines)


def cell_blocks(cell):
    """One cell of a processed notebook as the blocks of a README."""
    text = source(cell)
    if cell.cell_type == "raw":
        front, _ = split_front_matter(text)
        return [mark + front[key] for mark, key in (("# ", "title"), ("> ", "description")) if key in front]
    if cell.cell_type == "markdown":
        return [] if "<script" in text else [absolute_links(text).strip()]  # a figure that answers does so on the site
    options, code = cell_options(text)
    if options.get("include") is False:
        return []
    shown = code.strip() and options.get("echo") is not False
    outputs = cell.get("outputs", []) if options.get("output") is not False else []
    return [f"{fence_for(code)}python\n{code.strip()}\n{fence_for(code)}"] * bool(shown) + [*map(output_text, outputs)]


def readme(nb):
    """README.md, from the front page as nbdev has processed it."""
    return "\n\n".join(block for cell in nb.cells for block in cell_blocks(cell) if block) + "\n"
