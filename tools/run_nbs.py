"""Execute notebooks and save their outputs, each in a process of its own, with one thread."""
import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path

import matplotlib
from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from nbdev.clean import clean_nb
from nbdev.config import get_config

import pages

FIGURES = {"figure.dpi": 100, "figure.facecolor": "none", "axes.facecolor": "none", "legend.facecolor": "none", "savefig.facecolor": "none",
           "svg.fonttype": "none", "svg.hashsalt": "figure"}  # drawings without a ground, their text as text, the same each time


def execute(path, flags, target):
    """Run a notebook's cells and save it clean as `target`; return None, or what went wrong with no file written."""
    config, nb, shell = get_config(), read_nb(path), CaptureShell(path.resolve(), mpl_format="svg")
    sys.path.insert(0, str(config.config_path))
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(FIGURES)

    def leave_out(cell):
        """Tell run_all what to skip, and empty what it is about to fill."""
        if cell.cell_type != "code" or pages.skip_reason(cell, flags):
            return True
        cell.outputs = []

    try:
        with chdir(path.parent):
            shell.run_all(nb, exc_stop=True, preproc=leave_out)
    except BaseException:
        if shell.exc is None:
            raise
        return shell.prettytb(path)
    clean_nb(nb, allowed_metadata_keys=config.allowed_metadata_keys.split(), clean_ids=config.clean_ids,
             allowed_cell_metadata_keys=config.allowed_cell_metadata_keys.split())
    write_nb(nb, target)


def execute_apart(path, flags, target):
    """Like execute, in a new process, so that no page sees what another one did."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(execute, path, flags, target).result()
        except BrokenProcessPool:
            return f"{path}: its process ended before its last cell"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", nargs="*", help="a notebook's path or name (default: all, in sorted order)")
    parser.add_argument("--flags", default="", help='run the cells marked with these too, e.g. "mnist slow"')
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write the notebooks there and leave the pages as they are")
    args = parser.parse_args()
    os.environ.update(pages.environment() | {"SOURCE_DATE_EPOCH": "0"})  # the date in a drawing
    for path in pages.find(args.page):
        start = time.perf_counter()
        if pages.is_skipped(path):
            print(f"{path}  left out (skip_exec)")
        elif trouble := execute_apart(path, args.flags.split(), (args.into or path.parent).resolve() / path.name):
            sys.exit(trouble)
        else:
            print(f"{path}  {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
