"""What counts as the same output: words, numbers, figures; and how test_nbs reports what differs."""
import base64
import importlib
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from execnb.nbio import dict2nb, read_nb
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from test_tools import cell, new_project, notebook, stream, tool

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
compare = importlib.import_module("outputs")
ROOT = Path(__file__).resolve().parent.parent


def differs(stored, fresh, tolerance=1e-3, timing=False):
    return compare.text_difference(stored, fresh, tolerance, timing) is not None


@pytest.mark.parametrize("stored, fresh", [
    ("loss 0.52", "loss 0.53"), ("loss 0.52", "loss 0.521"), ("(6000, 784)", "(6001, 784)"), ("(6000, 784)", "(6000, 784, 1)"),
    ("torch.Size([50, 784])", "torch.Size([784, 50])"), ("tensor(-0.0155)", "tensor(0.0155)"), ("tensor([nan])", "tensor([inf])"),
    ("7.7e-09", "7.7e-08"), ("7,225 pairs", "7,226 pairs"), ("loss 1.0", "Loss 1.0"), ("a", ""), ("U+304A", "U+304B"), ("0e+00", "1e-07"),
    ("epoch 1/10 loss 0.8491 0.1 s", "epoch 1/10 loss 0.8591 0.1 s"), ("a\nb", "a b"), ("16 x 3", "16 x 4")])
def test_a_changed_text_is_found(stored, fresh):
    assert differs(stored, fresh)


@pytest.mark.parametrize("stored, fresh", [
    ("loss 0.5200", "loss 0.5201"), ("tensor(16.8819)", "tensor(16.8820)"), ("took 0.1 s", "took 12.7 s"), ("  4.40 ms   3.3 MB", "140.40 ms  3.3 MB"),
    ("39,200 products in 1032 ms", "39,200 products in 7 ms"), ("5 µs", "1,000 µs"), ("torch 2.13.0+cpu", "torch 2.13.0+cu130")])
def test_rounding_and_times_are_not(stored, fresh):
    assert not differs(stored, fresh)


def test_directives_widen_the_comparison():
    assert not differs("loss 0.500", "loss 0.504", tolerance=0.01) and differs("loss 0.500", "loss 0.520", tolerance=0.01)
    assert not differs("930 times faster", "4150 times faster", timing=True)
    assert differs("930 times faster", "4150 times slower", timing=True)


def figure(ys, size=(4, 2.5)):
    """A line through `ys` as base64 of PNG."""
    fig = Figure(figsize=size, dpi=200)
    fig.subplots().plot(ys, ".-")
    saved = io.BytesIO()
    fig.savefig(saved)
    return base64.b64encode(saved.getvalue()).decode()


def drawing(ys, title="", shade=None):
    """The same as SVG, with a title and, if asked for, a picture in it."""
    fig = Figure(figsize=(4, 2.5))
    ax = fig.subplots()
    ax.plot(ys, ".-") if shade is None else ax.imshow([[0, shade]], cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, ylim=(-1, 5))
    saved = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "figure"}):
        fig.savefig(saved, format="svg", metadata={"Date": None})
    return saved.getvalue()


@pytest.mark.parametrize("change", [dict(ys=[1, 2, 3.1]), dict(ys=[1, 2, 3, 4]), dict(title="b")])
def test_a_changed_drawing_is_found(change):
    before = drawing(**dict(ys=[1, 2, 3], title="a"))
    after = drawing(**dict(ys=[1, 2, 3], title="a") | change)
    assert compare.drawing_difference(before, after, 1e-3)
    assert compare.drawing_difference(drawing([], shade=0.2), drawing([], shade=0.7), 1e-3)


def test_a_drawing_may_be_off_by_a_hair():
    assert compare.drawing_difference(drawing([1, 2, 3]), drawing([1, 2, 3]), 0) is None
    assert compare.drawing_difference(drawing([1, 2, 3]), drawing([1, 2, 3.001]), 1e-3) is None
    assert compare.drawing_difference(drawing([1, 2, 3]), drawing([1, 2, 3.1]), 0.1) is None


def image(array):
    saved = io.BytesIO()
    Image.fromarray(np.kron(array, np.ones((6, 6), np.uint8))).save(saved, "PNG")
    return base64.b64encode(saved.getvalue()).decode()


@pytest.mark.parametrize("i", range(8))
def test_one_changed_point_of_a_figure_is_found(i):
    ys = np.array([1, 3, 2, 5, 4, 4.5, 6, 0.])
    changed = ys + 0.1 * (np.arange(8) == i) * (-1 if i == 6 else 1)
    assert compare.figure_difference(figure(ys), figure(changed), 1e-3)
    assert compare.figure_difference(figure(ys), figure(changed[:-1]), 1e-3)
    assert not compare.figure_difference(figure(ys), figure(ys * (1 + 1e-5)), 1e-3)


def test_a_wider_tolerance_lets_points_move_as_far():
    ys = np.array([1, 3, 2, 5, 4, 4.5, 6, 0.])
    moved = ys + 0.05 * np.isin(np.arange(8), [1, 2, 3])
    assert compare.figure_difference(figure(ys), figure(moved), 1e-3)
    assert not compare.figure_difference(figure(ys), figure(moved), 0.02)
    assert compare.figure_difference(figure(ys), figure(ys[::-1]), 0.02)


def test_one_changed_pixel_of_an_image_is_found():
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    changed = pixels.copy()
    changed[3, 4] = 255 - changed[3, 4] if abs(2 * int(changed[3, 4]) - 255) > 60 else 0
    assert compare.figure_difference(image(pixels), image(changed), 1e-3)
    assert compare.figure_difference(image(pixels), image(pixels[:-1]), 1e-3) == "stored figure of 168 x 168 pixels, fresh 168 x 162"


# Whole pages, and test_nbs in a project whose versions are pinned

CURVES = """#| tolerance 0.01 a run that goes its own way
import matplotlib.pyplot as plt
plt.plot([1, 2, 4], label="up")
plt.plot([3, 2, 1], label="down")
plt.legend();"""


@pytest.fixture(scope="module")
def pinned(tmp_path_factory):
    """A page of seven cells with fresh outputs, in a project whose outputs are compared."""
    project = new_project(tmp_path_factory.mktemp("pinned"))
    (project / "constraints.txt").write_text((ROOT / "constraints.txt").read_text(encoding="utf-8"), encoding="utf-8")
    page = notebook(
        project, "00_one",
        cell("print('loss', 1 / 3)"),
        cell("(2, 3)"),
        cell(CURVES),
        cell("#| timing\nimport time\nprint(f'{time.perf_counter_ns() % 1000} times faster')"),
        cell("#| tolerance 0.01 a run that goes its own way\nprint('loss 0.512, largest difference below 1e-12: True')"),
        cell("#| mnist\nprint('kept')", outputs=[stream("kept\n")]))
    done = tool("run_nbs", project)
    assert not done.returncode, done.stderr
    return page


@pytest.fixture
def edited(pinned):
    """Write another text in place of the page's; afterwards it is as it was."""
    before = pinned.read_text(encoding="utf-8")
    yield lambda text: pinned.write_text(text, encoding="utf-8")
    pinned.write_text(before, encoding="utf-8")


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="outputs are compared on Linux only")


def found(stored, fresh):
    """The lines about two texts of a notebook."""
    return list(compare.differences(*(dict2nb(json.loads(text)) for text in (stored, fresh))))


@LINUX
def test_fresh_outputs_pass_and_a_second_run_changes_nothing(pinned):
    before = pinned.read_bytes()
    done = tool("test_nbs", pinned.parent.parent, "--flags", "")
    assert done.returncode == 0, done.stdout + done.stderr
    page, total = done.stdout.splitlines()
    assert page.split()[:2] == ["00_one", "passed"] and page.endswith("5 outputs compared, 1 skipped (mnist: cell 7)")
    assert total == "1 passed, 0 failed"
    assert pinned.read_bytes() == before


def moved(text, colour, by=5):
    """The text of a notebook with one curve of a drawing drawn lower, from its second point on."""
    return re.sub(rf"(\nL [\d.]+ |\\nL [\d.]+ )([\d.]+)(?=(?:(?!<path).)*?stroke: {colour})", lambda m: f"{m[1]}{float(m[2]) + by:.6f}", text, count=1, flags=re.S)


EDITS = {
    "a printed loss": (lambda text: text.replace("loss 0.333", "loss 0.334"), "cell 2 (c0000001): stored 0.334"),
    "a shape": (lambda text: text.replace('"(2, 3)"', '"(2, 4)"', 1), "cell 3 (c0000002): stored 4, fresh 3"),
    "the data of a curve": (lambda text: moved(text, "#1f77b4"), "cell 4 (c0000003): 1 places in a figure"),
    "a word in a figure": (lambda text: text.replace(">down<", ">left<"), "cell 4 (c0000003): words of a figure"),
    "the colour of a curve": (lambda text: text.replace("#1f77b4", "#1f77b5"), "cell 4 (c0000003): figures of different parts"),
    "the words of a timing": (lambda text: text.replace("times faster\\n", "times slower\\n"), "cell 5 (c0000004): stored"),
    "a printed loss with a tolerance": (lambda text: text.replace("loss 0.512,", "loss 0.522,"), "cell 6 (c0000005): stored 0.522"),
    "a bound": (lambda text: text.replace("below 1e-12: True\\n", "below 1e-13: True\\n"), "cell 6 (c0000005): stored 1e-13"),
    "whether it holds": (lambda text: text.replace("below 1e-12: True\\n", "below 1e-12: False\\n"), "cell 6 (c0000005): stored"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_found_and_its_cell_named(pinned, what):
    edit, words = EDITS[what]
    text = pinned.read_text(encoding="utf-8")
    line, = found(edit(text), text)
    assert line.startswith(words)


@pytest.mark.parametrize("i", [1, 2, 3, 4, 5])
def test_a_deleted_output_is_found(pinned, i):
    text = pinned.read_text(encoding="utf-8")
    nb = json.loads(text)
    nb["cells"][i]["outputs"] = []
    assert found(json.dumps(nb), text) == [f"cell {i + 1} (c000000{i}): 0 outputs stored, 1 in a fresh run"]


@LINUX
def test_the_page_with_an_edit_fails_and_is_named(pinned, edited):
    edited(EDITS["a printed loss"][0](EDITS["the data of a curve"][0](pinned.read_text(encoding="utf-8"))))
    done = tool("test_nbs", pinned.parent.parent, "--flags", "")
    assert done.returncode == 1 and done.stdout.splitlines()[0].startswith("00_one                  FAILED"), done.stdout + done.stderr
    for what in ("a printed loss", "the data of a curve"):
        assert f"00_one.ipynb {EDITS[what][1]}" in done.stdout
    assert done.stdout.endswith("0 passed, 1 failed\n")


@LINUX
def test_under_other_versions_cells_are_only_executed(pinned, edited):
    constraints = pinned.parent.parent / "constraints.txt"
    before = constraints.read_text()
    constraints.write_text(before.replace("pillow==", "pillow==0."))
    edited(pinned.read_text(encoding="utf-8").replace("loss 0.333", "loss 0.9"))
    done = tool("test_nbs", pinned.parent.parent, "--flags", "")
    constraints.write_text(before)
    assert done.returncode == 0 and "outputs are not compared: pillow is" in done.stdout
    assert "compared" not in done.stdout.splitlines()[1]


# The book itself: where a cell declares how far it may be off, an edit is still found.

def loosened():
    """The cells of the book that declare a tolerance and have an output."""
    for path in sorted((ROOT / "nbs").glob("*.ipynb")):
        for each in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if any(line.startswith("#| tolerance") for line in each["source"]) and each["outputs"]:
                yield pytest.param(each, id=f"{path.stem}-{each['id']}")


def planted(output):
    """Outputs with one edit each, as somebody might make it by hand."""
    data = output.get("data", {})
    if "image/svg+xml" in data:
        drawing = "".join(data["image/svg+xml"])
        for colour in sorted(set(re.findall(r"fill: none; stroke: (#[0-9a-f]{6})[^>]*linecap: square", drawing)) - {"#000000"}):
            yield {**output, "data": {**data, "image/svg+xml": moved(drawing, colour, by=6)}}
        yield {**output, "data": {**data, "image/svg+xml": re.sub(r"(<text[^>]*>)([^<]*)", r"\1other", drawing, count=1)}}
    else:
        text = "".join(output.get("text") or data["text/plain"])
        number = next(n for n in re.finditer(r"(\d+\.)(\d)(\d*)(?! ?s\b)", text) if n[2] != "0")
        for digits in (f"{number[1]}{(int(number[2]) + 1) % 10}{number[3]}", f"{number[1]}{number[2]}"[:-1] + "x"):
            other = text[:number.start()] + digits + text[number.end():]
            yield {**output, "text": other} if "text" in output else {**output, "data": {**data, "text/plain": other}}


@pytest.mark.parametrize("stored", list(loosened()))
def test_a_tolerance_of_the_book_hides_no_edit(stored):
    whole = dict2nb(dict(cells=[stored]))
    assert not list(compare.differences(whole, whole))
    n_edits = 0
    for i, output in enumerate(stored["outputs"]):
        for other in planted(output):
            changed = {**stored, "outputs": [*stored["outputs"][:i], other, *stored["outputs"][i + 1:]]}
            line, = compare.differences(dict2nb(dict(cells=[changed])), whole)
            assert line.startswith(f"cell 1 ({stored['id']}): "), line
            n_edits += 1
    assert n_edits >= 2
    assert "0 outputs stored" in next(compare.differences(dict2nb(dict(cells=[{**stored, "outputs": []}])), whole))


def test_every_marker_on_a_page_is_one_that_is_known():
    from nbdev.process import extract_directives
    for path in sorted((ROOT / "nbs").glob("*.ipynb")):
        for each in read_nb(path).cells:
            if each.cell_type != "code":
                continue
            directives = extract_directives(each, remove=False)
            assert directives.get("timing", []) == [] and len(directives.get("tolerance", [1, "why"])) > 1, (path.name, each.id, "says not why")
            assert 0 < float(directives.get("tolerance", [1])[0]) <= 1, (path.name, each.id)
            assert not each.source.count("#| tolerance:") and not each.source.count("#| timing:"), "written without a colon"
