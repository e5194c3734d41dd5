"""The first code cell of every page, hidden on the site: it installs the library where a reader opens the page without it.

    python tools/install_cell.py    write it into all pages; run `make export` then
"""
from execnb.nbio import mk_cell, read_nb, write_nb
from nbdev.config import get_config

import pages

CELL_ID = "install0"


def address():
    """What pip installs the library from: its repository, until there is a release."""
    return f"git+{get_config().git_url}"


def source():
    """The cell. It has no import statement, which nbdev wants in cells of their own."""
    return (f"#| hide\nif not __import__('importlib.util').util.find_spec('{get_config().lib_name}'):  # as on Colab\n"
            f"    get_ipython().run_line_magic('pip', 'install -q {address()}')")


def first(nb):
    """The first code cell of a notebook, or None."""
    return next((cell for cell in nb.cells if cell.cell_type == "code"), None)


def complaints():
    """A line for each page that does not begin with the cell."""
    return [f"{path.stem}: its first code cell is not that of tools/install_cell.py (run it)" for path in pages.find()
            if (cell := first(read_nb(path))) is None or cell.source != source()]


def main():
    for path in pages.find():
        nb = read_nb(path)
        title, *rest = [cell for cell in nb.cells if cell.id != CELL_ID]
        nb.cells = [title, mk_cell(source(), id=CELL_ID), *rest]
        write_nb(nb, path)


if __name__ == "__main__":
    main()
