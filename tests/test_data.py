"""Downloading: from a server on loopback that stands in for the mirrors."""
import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from minibatch_lib import data

IMAGES, LABELS = 40, 10


def idx(shape, content):
    """An IDX file of bytes, compressed."""
    header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    return gzip.compress(header + content)


class Handler(SimpleHTTPRequestHandler):
    """Serves files without a word; breaks off in the middle of those below /cut/."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        if not self.path.startswith("/cut/"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"only the beginning")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The address of a server with a small data set, which `mnist` is until the test ends."""
    folder = tmp_path / "served"
    (folder / "flipped").mkdir(parents=True)
    contents = [idx((IMAGES, 28, 28), bytes(i % 256 for i in range(IMAGES * 784))), idx((IMAGES,), bytes(range(IMAGES)))] * 2
    for name, content in zip(data._files, contents):
        (folder / name).write_bytes(content)
        (folder / "flipped" / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    files = {name: hashlib.sha256(content).hexdigest() for name, content in zip(data._files, contents)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setitem(data.DATASETS, "mnist", data.DATASETS["mnist"]._replace(files=files, urls=[address]))
    yield address
    server.shutdown()
    server.server_close()


def use_urls(monkeypatch, *urls):
    monkeypatch.setitem(data.DATASETS, "mnist", data.DATASETS["mnist"]._replace(urls=list(urls)))


def test_downloads_once_and_reads_the_files(server, tmp_path, monkeypatch):
    images = data.get_data("mnist", tmp_path)
    assert images.x_train.shape == (IMAGES, 784)
    assert images.y_train.tolist() == list(range(IMAGES))
    assert images.x_train[0, :3].tolist() == pytest.approx([0, 1 / 255, 2 / 255])
    use_urls(monkeypatch)
    assert data.get_data("mnist", tmp_path, download=False).x_valid.equal(images.x_valid)
    with pytest.raises(FileNotFoundError, match="t10k-images.* is not there"):
        data.get_test("mnist", tmp_path)


@pytest.mark.parametrize("bad", ["missing/", "flipped/", "cut/"])
def test_takes_the_next_mirror(server, tmp_path, monkeypatch, bad):
    use_urls(monkeypatch, server + bad, server)
    assert len(data.get_data("mnist", tmp_path).x_train) == IMAGES


@pytest.mark.parametrize("bad, reason", [("missing/", "404"), ("flipped/", "checksum"), ("cut/", "checksum")])
def test_leaves_nothing_behind(server, tmp_path, monkeypatch, bad, reason):
    use_urls(monkeypatch, server + bad)
    with pytest.raises(FileNotFoundError, match=f"train-images.* could not be had .*{reason}.*Put the file there yourself"):
        data.get_data("mnist", tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_no_server_leaves_no_folder(tmp_path, monkeypatch):
    use_urls(monkeypatch, "http://127.0.0.1:9/")
    with pytest.raises(FileNotFoundError, match="could not be had"):
        data.get_data("mnist", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_file_is_named(server, tmp_path):
    data.get_data("mnist", tmp_path)
    path = tmp_path / "mnist" / data._files[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="train-images.* is damaged .*delete it"):
        data.get_data("mnist", tmp_path)


def test_the_folder_of_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIBATCH_LIB_DATA", str(tmp_path / "by variable"))
    data.get_data("mnist")
    assert (tmp_path / "by variable" / "mnist" / data._files[0]).is_file()
