"""Files from others, cut off, flipped, spliced, blown up or made to do harm: each is read, or is one clear error; nothing hangs or crashes."""
import gzip
import io
import json
import random
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from minibatch_lib import data, runs, training
from minibatch_lib.minibatch import get_model
from test_data import idx, peak_kilobytes

FILES = 1000  # mutated ones of each format
SECONDS = 30  # for one file, which takes a small part of one
KILOBYTES = 600_000  # above what was held before
NUMBERS = [0, 1, 127, 128, 255, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]


def mutate(content, rng):
    """A file with one to four things wrong."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        i = rng.randrange(len(content) + 1)
        match rng.randrange(7):
            case 0:
                del content[i:]
            case 1:
                content[i:i + 1] = bytes([rng.randrange(256)])
            case 2 if i < len(content):
                content[i] ^= 1 << rng.randrange(8)
            case 3:
                content[i:i] = rng.randbytes(rng.randint(1, 20))
            case 4:
                del content[i:i + rng.randint(1, 20)]
            case 5:
                content[i:i + 8] = rng.choice(NUMBERS).to_bytes(8, rng.choice(["little", "big"]))
            case 6:
                j = rng.randrange(len(content) + 1)
                content[i:i] = content[j:j + rng.randint(1, 40)]
        if not content:
            break
    return bytes(content)


def survives(read, path, contents, errors=(ValueError, OSError)):
    """Each of these contents is read, or is one of the errors in one line that names the file; counts those that were read."""
    before, n_read = peak_kilobytes(), 0
    for content in contents:
        path.write_bytes(content)
        start = time.monotonic()
        try:
            read(path)
            n_read += 1
        except errors as e:
            assert path.name in str(e) or path.parent.name in str(e), e
            assert str(e).count("\n") == 0 and len(str(e)) < 1000, e
        assert time.monotonic() - start < SECONDS
    assert peak_kilobytes() - before < KILOBYTES
    return n_read


def mutants(content, seed):
    rng = random.Random(seed)
    return (mutate(content, rng) for _ in range(FILES))


# A model as safetensors, with JSON inside

@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.manual_seed(1)
    training.save_model(path, get_model(6, [4, 3], 2), note="a test", class_names=["a", "b"], mean=0.1, std=0.2)
    return path


@pytest.mark.slow
def test_mutated_models(model_file):
    whole = model_file.read_bytes()
    n_read = survives(training.load_model, model_file, mutants(whole, 1))
    assert n_read < FILES


@pytest.mark.slow
def test_mutated_json_in_a_model(model_file):
    whole = model_file.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8:8 + length])
    text = header["__metadata__"]["minibatch_lib"]

    def with_text(text):
        changed = json.dumps(header | {"__metadata__": {"minibatch_lib": text}}).encode()
        return len(changed).to_bytes(8, "little") + changed + whole[8 + length:]
    survives(training.load_model, model_file, (with_text(mutated.decode(errors="replace")) for mutated in mutants(text.encode(), 2)))
    for text in ("[" * 100_000, '{"a":' * 50_000, "null", "3", '"' + "x" * 10_000_000 + '"', "1" * 5000, '{"sizes": [6, 1e400, 2]}',
                 '{"sizes": [6, 99999999999, 2]}', '{"sizes": [6, -4, 2]}', '{"sizes": [[6], 4, 2]}', '{"sizes": "6432"}', '{"sizes": [6, 4.5, 2]}'):
        assert survives(training.load_model, model_file, [with_text(text)], (ValueError, OSError, RecursionError)) == 0


def safetensors(header, content=b"", length=None):
    header = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return (len(header) if length is None else length).to_bytes(8, "little") + header + content


@pytest.mark.parametrize("content", [
    b"", b"{}", safetensors({}, length=2**63), safetensors({}, length=2**40), safetensors(b"[" * 100_000),
    safetensors({"0.weight": dict(dtype="F32", shape=[2**40], data_offsets=[0, 2**42])}),
    safetensors({"0.weight": dict(dtype="F32", shape=[2**40, 0], data_offsets=[0, 0])}),
    safetensors({"0.weight": dict(dtype="F32", shape=[2**32, 2**32], data_offsets=[0, 16])}, bytes(16)),
    safetensors({"../../etc/passwd": dict(dtype="F32", shape=[1], data_offsets=[0, 4])}, bytes(4)),
    save({"../../escape": torch.ones(1)}), save({f"{i}.weight": torch.ones(1) for i in range(1000)}), b"\x80\x04\x95" + bytes(100), b"PK\x03\x04" + bytes(100),
], ids=str)
def test_models_made_to_do_harm(model_file, content):
    assert survives(training.load_model, model_file, [content]) == 0
    assert [path.name for path in model_file.parent.iterdir()] == [model_file.name]


# The files of data sets

@pytest.mark.slow
def test_mutated_idx_files(tmp_path):
    survives(data._read_idx, tmp_path / "images.gz", mutants(idx((3, 28, 28), bytes(range(256)) * 9 + bytes(48)), 3))
    raw = bytes([0, 0, 8, 3]) + struct.pack(">3I", 3, 5, 5) + bytes(75)
    survives(data._read_idx, tmp_path / "images.gz", (gzip.compress(mutated, 1) for mutated in mutants(raw, 4)))


# Arrays and pictures of a user's own: `train` and `predict` read them by path

OWN_IMAGES = pytest.mark.skipif(not hasattr(training, "predict"), reason="this version reads no images of a user's own")


def npz(compress=True, **arrays):
    saved = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(saved, **arrays)
    return saved.getvalue()


def train_on(path):
    training.train(str(path), epochs=1, hidden=(2,), quiet=True)


def predict_with(model_file):
    """Predict by a model for images of 6 numbers."""
    training.save_model(model_file, get_model(6, 3, 2), class_names=["a", "b"], mean=0.1, std=0.2, shape=[2, 3])
    model, meta = training.load_model(model_file)
    return lambda path: training.predict(model, path)


GOOD = dict(x=np.arange(120, dtype=np.uint8).reshape(10, 3, 4), y=np.arange(10) % 2)


@OWN_IMAGES
@pytest.mark.slow
@pytest.mark.parametrize("compress", [True, False])
def test_mutated_arrays(tmp_path, compress):
    whole = npz(compress, **GOOD)
    assert survives(train_on, tmp_path / "own.npz", [whole]) == 1
    survives(train_on, tmp_path / "own.npz", mutants(whole, 5))


def npy(header, content=b""):
    text = repr(header).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def zipped(**parts):
    saved = io.BytesIO()
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # without the time of day, which would name the test
    return saved.getvalue()


@OWN_IMAGES
@pytest.mark.parametrize("content", [
    npz(x=np.array([object()] * 4), y=GOOD["y"]),
    npz(x=GOOD["x"]), npz(x=GOOD["x"], y=GOOD["y"][:-1]), npz(x=GOOD["x"] * np.nan, y=GOOD["y"]), npz(x=GOOD["x"], y=np.zeros(10, int)),
    zipped(**{"x.npy": npy(dict(descr="|u1", fortran_order=False, shape=(2**40,))), "y.npy": npy(dict(descr="|u1", fortran_order=False, shape=(1,)), b"0")}),
    zipped(**{"x.npy": npy(dict(descr="|O", fortran_order=False, shape=(1,)), b"cos\nsystem\n(S'true'\ntR."), "y.npy": b""}),
    zipped(**{"x.npy": b"", "y.npy": b""}),
    zipped(**{"../../escape.npy": b"", "/etc/escape.npy": b""}), zipped(**{"x.npy": b"\x80\x04."}), b"PK\x05\x06" + bytes(18), b"", b"\x80\x04.",
], ids=lambda content: str(zlib.crc32(content)))
def test_arrays_made_to_do_harm(tmp_path, content):
    folder = tmp_path / "one"
    folder.mkdir()
    assert survives(train_on, folder / "own.npz", [content]) == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["one", "own.npz"]


@OWN_IMAGES
@pytest.mark.slow
def test_an_array_that_unpacks_to_gigabytes(tmp_path):
    path, header = tmp_path / "own.npz", npy(dict(descr="|u1", fortran_order=False, shape=(3_000_000_000, 1)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as part:
            part.write(header)
            for _ in range(3000):
                part.write(bytes(1_000_000))
        archive.writestr("y.npy", npy(dict(descr="|u1", fortran_order=False, shape=(1,)), b"0"))
    assert survives(train_on, path, [path.read_bytes()]) == 0


def picture(kind, mode="L", size=(3, 2)):
    saved = io.BytesIO()
    Image.new(mode, size, 77).save(saved, kind)
    return saved.getvalue()


@OWN_IMAGES
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_mutated_pictures(tmp_path, model_file, kind):
    read, whole = predict_with(model_file), picture(kind)
    assert survives(read, tmp_path / f"own.{kind.lower()}", [whole]) == 1
    survives(read, tmp_path / f"own.{kind.lower()}", mutants(whole, 6))


def chunk(name, content):
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


def png(width, height, content=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content, 9)) + chunk(b"IEND", b"")


@OWN_IMAGES
@pytest.mark.parametrize("content", [
    b"", b"\x89PNG\r\n\x1a\n", png(2**31 - 1, 2**31 - 1), png(60_000, 60_000, bytes(60_001 * 100)), png(0, 0), png(3, 2), picture("EPS"), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x80\x04.",
], ids=lambda content: str(zlib.crc32(content)))
def test_pictures_made_to_do_harm(tmp_path, model_file, content):
    assert survives(predict_with(model_file), tmp_path / "own.png", [content]) == 0


# The records of a run

@OWN_IMAGES
@pytest.mark.slow
def test_mutated_records_of_a_run(tmp_path):
    run = tmp_path / "run"
    training.train(epochs=1, hidden=(2,), out=run, quiet=True)
    path = run / "config.json"
    survives(lambda path: runs.RunFolder(path.parent).read_config(), path, mutants(path.read_bytes(), 7))
    survives(lambda path: runs.RunFolder(path.parent).read_config(), path, [b"[" * 100_000, b"null", b"", b"\xff\xfe", b"{" * 10_000])
