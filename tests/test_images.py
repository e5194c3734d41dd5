"""Folders of images as people have them: what is used, what is left out and why is told, and training and prediction agree on every file."""
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from minibatch_lib.images import Road, images_from_folder, rows_from, split
from minibatch_lib.training import evaluate, predict, train


def picture(seed, size=(12, 10), mode="RGB"):
    """A random image, dark at its border."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[2:-2, 2:-2] = np.random.default_rng(seed).integers(0, 256, (size[1] - 4, size[0] - 4, 3))
    return Image.fromarray(pixels).convert(mode)


def usual(folder, kind="png", n=3, mode="L", **options):
    """A class a and a class b with some images each."""
    for i, name in enumerate("ab"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for j in range(n):
            picture(10 * i + j, mode=mode).save(folder / name / f"{j}.{kind}", **options)


# One function for each folder: it makes it, and returns how many of each format are used and what is left out, by reason.

def plain(folder):
    usual(folder)
    return dict(PNG=6), {}


def photographs(folder):
    usual(folder, "jpg", mode="RGB", quality=90)
    exif = Image.Exif()
    for orientation in (3, 6, 8):  # it lies on its back, and on either side
        exif[0x0112] = orientation
        picture(orientation, (14, 10)).save(folder / "a" / f"turned {orientation}.jpeg", exif=exif)
    return dict(JPEG=9), {}


def printed(folder):
    usual(folder, "jpg", mode="CMYK")
    return dict(JPEG=6), {}


def from_the_web(folder):
    usual(folder, "webp", mode="RGB", lossless=True)
    picture(7, mode="RGBA").save(folder / "b" / "clear.webp", lossless=True)
    return dict(WEBP=7), {}


def old(folder):
    usual(folder, "bmp", mode="RGB")
    picture(1, mode="P").save(folder / "a" / "palette.bmp")
    picture(2).save(folder / "b" / "tga.tga")
    picture(3).save(folder / "b" / "portable.ppm")
    return dict(BMP=7, TGA=1, PPM=1), {}


def moving(folder):
    usual(folder, "gif", mode="P")
    picture(5, mode="P").save(folder / "a" / "moves.gif", save_all=True, append_images=[picture(6, mode="P")] * 3)
    return dict(GIF=7), {}


def scanned(folder):
    usual(folder, "tif", compression="tiff_lzw")
    picture(4, mode="1").save(folder / "a" / "black and white.tiff")
    picture(5).save(folder / "b" / "two pages.tiff", save_all=True, append_images=[picture(6)])
    return dict(TIFF=8), {}


def deep(folder):
    for i, name in enumerate("ab"):
        (folder / name).mkdir(parents=True)
        numbers = np.asarray(picture(i, mode="L"))
        Image.fromarray(numbers.astype(np.uint16) * 257).save(folder / name / "deep.png")
        Image.fromarray(numbers.astype(np.float32) / 255).save(folder / name / "float.tif")
        Image.fromarray(numbers.astype(np.float32)).save(folder / name / "white is 255.tif")
        Image.fromarray(numbers.astype(np.int32) * 257).save(folder / name / "whole.tif")
    return dict(PNG=2, TIFF=6), {}


def transparent(folder):
    usual(folder, mode="LA")
    picture(1, mode="RGBA").save(folder / "a" / "colour.png")
    picture(2, mode="P").save(folder / "b" / "one colour is clear.png", transparency=0)
    return dict(PNG=8), {}


def shouted(folder):
    usual(folder)
    for kind in ("PNG", "JPG", "Bmp", "WEBP"):
        picture(3).save(folder / "a" / f"IMG_0001.{kind}")
    return dict(PNG=7, JPEG=1, BMP=1, WEBP=1), {}


def misnamed(folder):
    usual(folder)
    picture(1).save(folder / "a" / "no ending", "PNG")
    picture(2).save(folder / "a" / "really a jpeg.png", "JPEG")
    picture(3).save(folder / "b" / "v1.2.final.png")
    picture(4).save(folder / "b" / "image.backup", "BMP")
    return dict(PNG=8, JPEG=1, BMP=1), {}


def oddly_named(folder):
    usual(folder)
    (folder / "b").rename(folder / "お好み $焼き$ 'é'")
    for name in ("with space.png", "\u00fcml\u00e4ut.png", "quote'\".png", "%s {0}.png", "-rf.png", "a" * 200 + ".png"):
        picture(1).save(folder / "a" / name)
    return dict(PNG=12), {}


def nested(folder):
    usual(folder)
    (folder / "a" / "2024" / "summer").mkdir(parents=True)
    picture(1).save(folder / "a" / "2024" / "summer" / "deep.png")
    picture(2).save(folder / "a" / "2024" / "less.png")
    return dict(PNG=8), {}


def of_all_sizes(folder):
    usual(folder)
    for size in ((5, 5), (300, 20), (20, 300), (1000, 800)):
        picture(1, size).save(folder / "a" / f"{size[0]} x {size[1]}.jpg")
    return dict(PNG=6, JPEG=4), {}


def lived_in(folder):
    usual(folder)
    for name in (".DS_Store", "._0.png"):
        (folder / "a" / name).write_bytes(b"\0\5\26\7")
    (folder / "a" / ".thumbnails").mkdir()
    picture(1).save(folder / "a" / ".thumbnails" / "0.png")
    (folder / "b" / "Thumbs.db").write_bytes(bytes(20))
    (folder / "b" / "notes.txt").write_text("the second is blurred")
    (folder / "labels.csv").write_text("a,b")
    picture(1).save(folder / "cover.png")
    (folder / ".git").mkdir()
    return dict(PNG=6), {"hidden": ["a/.DS_Store", "a/._0.png", "a/.thumbnails/0.png"], "no image (.db)": ["b/Thumbs.db"],
                         "no image (.txt)": ["b/notes.txt"], "in no class": ["cover.png", "labels.csv"]}


def damaged(folder):
    usual(folder)
    whole = (folder / "a" / "0.png").read_bytes()
    for name, content in {"empty.png": b"", "half.png": whole[:-40], "text.jpg": b"hello", "head.gif": b"GIF89a" + bytes(20),
                          "flipped.png": whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]}.items():
        (folder / "b" / name).write_bytes(content)
    return dict(PNG=6), {"damaged": ["b/empty.png", "b/flipped.png", "b/half.png", "b/head.gif", "b/text.jpg"]}


def harmful(folder):
    usual(folder)
    Image.new("1", (30_000, 30_000)).save(folder / "a" / "bomb.png")
    picture(1).save(folder / "a" / "program.eps")
    return dict(PNG=6), {"damaged": ["a/bomb.png", "a/program.eps"]}


def divided(folder):
    for part, n in (("train", 4), ("valid", 2), ("test", 1)):
        usual(folder / part, n=n)
    (folder / "readme.md").touch()
    return dict(PNG=12), {"in test/": ["test/a/0.png", "test/b/0.png"], "in no class": ["readme.md"]}


def with_a_loose_test(folder):
    usual(folder)
    (folder / "test").mkdir()
    picture(1).save(folder / "test" / "who knows.png")
    return dict(PNG=6), {"in test/": ["test/who knows.png"]}


def linked(folder):
    usual(folder)
    (folder / "a" / "again.png").symlink_to(folder / "a" / "0.png")
    (folder / "b" / "nowhere.png").symlink_to(folder / "none.png")
    return dict(PNG=7), {"damaged": ["b/nowhere.png"]}


FOLDERS = [plain, photographs, printed, from_the_web, old, moving, scanned, deep, transparent, shouted, misnamed, oddly_named, nested,
           of_all_sizes, lived_in, damaged, harmful, divided, with_a_loose_test, linked]


@pytest.fixture(params=FOLDERS, ids=lambda make: make.__name__)
def made(request, tmp_path):
    """A folder, the formats that are used of it, and what is left out."""
    if os.name == "nt" and request.param in (linked, oddly_named):
        pytest.skip("names and links of Unix")
    folder = tmp_path / "pictures.of.mine"
    return folder, *request.param(folder)


def used_files(folder, left_out):
    """The files of a folder that are not left out, those to validate with last."""
    out = {name for names in left_out.values() for name in names}
    files = [path for path in sorted(folder.rglob("*")) if not path.is_dir() and path.relative_to(folder).as_posix() not in out]
    return sorted(files, key=lambda path: "valid" in path.parts)


def as_posix(left_out):
    return {why: [Path(name).as_posix() for name in names] for why, names in left_out.items()}


def test_what_is_used_and_what_is_left_out(made):
    folder, used, left_out = made
    found = images_from_folder(folder)
    assert found.used == used and as_posix(found.left_out) == left_out
    assert len(found.x) == sum(used.values()) == len(used_files(folder, left_out))
    assert found.x.min() >= 0 and found.x.max() <= 1


def test_training_and_prediction_agree_on_every_file(made):
    folder, _, left_out = made
    found = images_from_folder(folder)
    road = Road.of(split(found))
    for row, label, path in zip(found.x, found.y, used_files(folder, left_out), strict=True):
        assert torch.equal(rows_from(path, road)[0], road.normalize(row)), path
        assert found.classes[label] in path.parts
    for name in (name for why, names in left_out.items() if why == "damaged" for name in names):
        with pytest.raises((ValueError, OSError), match=Path(name).name):
            rows_from(folder / name, road)


def test_a_run_tells_and_keeps_it(made, tmp_path, capsys):
    folder, used, left_out = made
    model, history = train(folder, epochs=2, hidden=3, batch_size=2, out=tmp_path / "run")
    told = capsys.readouterr().out.splitlines()[0]
    for kind, n in used.items():
        assert f"{n} {kind}" in told
    for why, names in left_out.items():
        assert f"{len(names)} {why} ({Path(names[0])}" in told
    assert ("left out" in told) == bool(left_out)
    kept = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["images"]
    assert kept["used"] == used and as_posix(kept["left_out"]) == left_out
    if left_out:
        with pytest.warns(UserWarning, match="left out"):
            measured = evaluate(tmp_path / "run")
    else:
        measured = evaluate(tmp_path / "run")
    assert measured["accuracy"] == pytest.approx(history[-1].metric)
    probs, _ = predict(model, used_files(folder, left_out))
    assert probs.shape == (sum(used.values()), 2) and probs.isfinite().all()


def test_a_picture_that_is_upright_once_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    Image.fromarray(pixels).save(tmp_path / "lies.png", exif=exif)
    road = Road((3, 2), 0., 1.)
    assert torch.equal(rows_from(tmp_path / "lies.png", road)[0], torch.from_numpy(np.rot90(pixels, -1).copy()).flatten() / 255)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_a_name_that_would_break_the_line(tmp_path, capsys):
    usual(tmp_path / "own")
    (tmp_path / "own" / "a" / "two\nlines.txt").touch()
    train(tmp_path / "own", epochs=1, hidden=2)
    assert len(capsys.readouterr().out.splitlines()) == 2
