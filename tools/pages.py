"""The notebooks as the other tools see them: which there are, which of their cells run, and where they are published."""
import os
import re
import signal
from pathlib import Path

from execnb.nbio import read_nb
from fastcore.basics import str2bool
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html, nbglob
from nbdev.frontmatter import FrontmatterProc
from nbdev.process import NBProcessor, extract_directives

FENCED = re.compile(r"(^```.*?^```[ ]*$)", re.M | re.S)
THREAD_LIMITS = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"]


def find(names=()):
    """Paths of the project's notebooks in sorted order, or of those named ("00_matmul", "nbs/00_matmul.ipynb")."""
    found = sorted(Path(os.path.relpath(path)) for path in nbglob(as_path=True))
    stems = [Path(name).stem for name in names]
    unknown = set(stems) - {path.stem for path in found}
    if unknown or not found:
        raise SystemExit(f"no such page in {get_config().nbs_path.name}/: {', '.join(sorted(unknown)) or '*.ipynb'}")
    return [path for path in found if path.stem in stems or not stems]


def module_name(path):
    """Name of the module that a notebook is exported to, or None."""
    for cell in read_nb(path).cells:
        if "default_exp" in (directives := extract_directives(cell, remove=False)):
            return directives["default_exp"][0]


def is_skipped(path):
    """Whether the front matter says `skip_exec`, which keeps nbdev_test from running any cell."""
    front_matter = NBProcessor(path, procs=FrontmatterProc, process=True).nb.frontmatter_
    return str2bool(front_matter.get("skip_exec", False))


def flags_met():
    """The test flags that ask nothing but what this process can do: `sigint`, where Ctrl-C is not ignored (as under nohup)."""
    return ["sigint"] * (signal.getsignal(signal.SIGINT) is not signal.SIG_IGN)


def skip_reason(cell, flags):
    """Why nbdev_test leaves out a code cell when `flags` are on: "eval: false", the name of a flag, or None."""
    directives = extract_directives(cell, remove=False)
    if directives.get("eval:", [""])[0].lower() == "false" or "nbdev_export(" in cell.source:
        return "eval: false"
    flags = [*flags, *flags_met()]
    return next((flag for flag in get_config().tst_flags.split() if flag in directives and flag not in flags), None)


def environment():
    """Variables for a process that runs a page: one thread (or PAGE_THREADS), no windows, repeatable, and data found from any folder."""
    variables = os.environ | dict.fromkeys(THREAD_LIMITS, os.environ.get("PAGE_THREADS", "1"))
    variables |= {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    if folder := variables.get("MINIBATCH_LIB_DATA"):
        variables["MINIBATCH_LIB_DATA"] = os.path.abspath(os.path.expanduser(folder))
    return variables


def site_url():
    """The address of the published site, without a slash at its end."""
    return (get_config().doc_host + get_config().doc_baseurl).rstrip("/")


def outside_fences(change, text, within=str):
    """Markdown with `change` applied to all of it but the fenced code, and `within` to that."""
    parts = FENCED.split(text)
    parts[::2], parts[1::2] = map(change, parts[::2]), map(within, parts[1::2])
    return "".join(parts)


def absolute_links(text):
    """Markdown whose links to the site's own pages and pictures name the published site."""
    def absolute(match):
        path, hash_, anchor = match[1].partition("#")
        page = _nbpath2html(Path(path)).as_posix() if path.endswith((".ipynb", ".html")) else path
        return f"]({site_url()}/{page}{hash_}{anchor}"
    return outside_fences(lambda part: re.sub(r"\]\((?![a-z]+:|[#/])([^)\s]+)", absolute, part), text)
