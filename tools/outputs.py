"""Compare the outputs stored in a notebook with those of a fresh run.

Words and whole numbers must be the same, other numbers equal within a tolerance, and every spot of a figure
must have its like in the other figure, within the same tolerance as a fraction of the figure's larger side. Two directives of a cell say otherwise:

    #| tolerance 0.02 WHY   the largest relative difference of its numbers (without it 0.001)
    #| timing               its numbers depend on the machine's speed, so only its words are compared

A number followed by a unit of time is a timing wherever it stands, and never compared.
"""
import base64
import io
import math
import re

import numpy as np
from nbdev.process import extract_directives
from PIL import Image

TOLERANCE = 1e-3
VISIBLE = 24  # of 255 levels of a colour: less is no visible difference
TIME = r"(?=\s?(?:s|ms|µs|ns|seconds?)\b)"
NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d*)?(?:e[-+]?\d+)?", re.ASCII)
PICTURE = re.compile(r"(?<=data:image/png;base64,)[\w+/=\s]+")
MADE_NAME = re.compile(r'(?<=[#"])[a-z]?[0-9a-f]{10}(?=[")])')  # matplotlib makes names of parts from what they hold
WORDS = re.compile(r"<text[^>]*>(.*?)</text>", re.S)
PLACE = re.compile(r"(?<![#\w.])-?\d+(?:\.\d+)?(?=(?:p[tx])?(?![\w.]))")
BUILD_OF_TORCH = re.compile(r"(?<=\d)\+(?:cpu|cu\d+)\b")


def without_times(text):
    """`text` without its timings and the build of torch, and with one space for any run of spaces."""
    text = re.sub(NUMBER.pattern + TIME, "TIME", BUILD_OF_TORCH.sub("", text))
    return re.sub(r" +", " ", text).strip()


def same_number(stored, fresh, tolerance):
    """Whether two numbers as printed are equal: whole ones exactly, others within the tolerance."""
    if not re.search(r"[.e]", stored + fresh):
        return stored == fresh
    a, b = (float(number.replace(",", "")) for number in (stored, fresh))
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=0)


def text_difference(stored, fresh, tolerance, timing):
    """What differs between two texts, or None."""
    stored, fresh = without_times(stored), without_times(fresh)
    if NUMBER.sub("0", stored) != NUMBER.sub("0", fresh):
        return f"stored {shorten(stored, fresh)}, fresh {shorten(fresh, stored)}"
    for a, b in zip(NUMBER.findall(stored), NUMBER.findall(fresh)):
        if not timing and not same_number(a, b, tolerance):
            return f"stored {a}, fresh {b}"


def shorten(text, other, width=60):
    """The part of a text where it begins to differ from another."""
    start = next((i for i, (a, b) in enumerate(zip(text, other)) if a != b), min(len(text), len(other)))
    return repr(text[max(start - 20, 0):start + width])


def pixels(png):
    """The colours of a picture as small integers that can be subtracted."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(np.int16)


def spread(picture, radius, choose):
    """For each pixel the largest or smallest value within `radius` of it, by `choose`."""
    for axis in (0, 1):
        for _ in range(radius):
            padded = np.pad(picture, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
            before, after = (padded.take(range(i, i + picture.shape[axis]), axis) for i in (0, 2))
            picture = choose(choose(before, after), picture)
    return picture


def figure_difference(stored, fresh, tolerance):
    """What differs between two pictures, as base64 of PNG, or None."""
    if stored == fresh:
        return None
    stored, fresh = pixels(stored), pixels(fresh)
    if stored.shape != fresh.shape:
        return f"stored figure of {stored.shape[1]} x {stored.shape[0]} pixels, fresh {fresh.shape[1]} x {fresh.shape[0]}"
    radius = math.ceil(tolerance * max(stored.shape))
    unlike = np.zeros(stored.shape[:2], bool)
    for one, other in ((stored, fresh), (fresh, stored)):
        low, high = spread(other, radius, np.minimum), spread(other, radius, np.maximum)
        unlike |= ((one < low - VISIBLE) | (one > high + VISIBLE)).any(2)
    if unlike.any():
        return f"figures differ in {unlike.sum():,} pixels, first at row {unlike.any(1).argmax()} and column {unlike.any(0).argmax()}"


def drawing_difference(stored, fresh, tolerance):
    """What differs between two SVG drawings, or None: words must be the same, positions may be off by a fraction of the larger side."""
    if stored == fresh:
        return None
    for one, other in zip(PICTURE.findall(stored), PICTURE.findall(fresh)):
        if found := figure_difference(one, other, tolerance):
            return found
    stored, fresh = (MADE_NAME.sub("NAME", PICTURE.sub("PICTURE", drawing)) for drawing in (stored, fresh))
    if found := text_difference(*("\n".join(WORDS.findall(drawing)) for drawing in (stored, fresh)), 0, False):
        return f"words of a figure: {found}"
    if PLACE.sub("0", stored) != PLACE.sub("0", fresh):
        return "figures of different parts"
    reach = tolerance * max(map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', stored).groups()))
    off = [(a, b) for a, b in zip(PLACE.findall(stored), PLACE.findall(fresh)) if abs(float(a) - float(b)) > reach]
    if off:
        return f"{len(off):,} places in a figure, first stored {off[0][0]}, fresh {off[0][1]}"


def output_difference(stored, fresh, tolerance, timing):
    """What differs between two outputs of a cell, or None."""
    kinds = [(output["output_type"], output.get("name"), sorted(output.get("data", ""))) for output in (stored, fresh)]
    if kinds[0] != kinds[1]:
        return f"stored a {kinds[0][0]}, fresh a {kinds[1][0]}"
    if "text" in stored:
        return text_difference("".join(stored["text"]), "".join(fresh["text"]), tolerance, timing)
    for kind, value in stored.get("data", {}).items():
        if kind in FIGURES:
            found = None if timing else FIGURES[kind]("".join(value), "".join(fresh["data"][kind]), tolerance)
        else:
            found = text_difference("".join(value), "".join(fresh["data"][kind]), tolerance, timing)
        if found:
            return found


FIGURES = {"image/png": figure_difference, "image/svg+xml": drawing_difference}


def cell_difference(stored, fresh):
    """What differs between the outputs of a cell and of the same cell after a fresh run, or None."""
    directives = extract_directives(stored, remove=False)
    tolerance = float(directives.get("tolerance", [TOLERANCE])[0])
    if len(stored.outputs) != len(fresh.outputs):
        return f"{len(stored.outputs)} outputs stored, {len(fresh.outputs)} in a fresh run"
    found = (output_difference(*pair, tolerance, "timing" in directives) for pair in zip(stored.outputs, fresh.outputs))
    return next(filter(None, found), None)


def differences(stored, fresh):
    """A line for each cell whose outputs are not those of a fresh run."""
    for i, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True), 1):
        if old.cell_type == "code" and (found := cell_difference(old, new)):
            yield f"cell {i} ({old.id}): {found}"
