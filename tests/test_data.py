"""Downloading: from a server on loopback that stands in for the mirrors, and misbehaves when told to."""
import gzip
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

from minibatch_lib import data
from server import Server

try:
    import resource
except ImportError:  # Windows
    resource = None

IMAGES = 40
SHARED = Path(os.environ.get("MINIBATCH_LIB_DATA", "nowhere")) / "mnist"


def idx(shape, content):
    """An IDX file of bytes, compressed."""
    header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    return gzip.compress(header + content)


def use(monkeypatch, files=None, urls=()):
    """Make `mnist` a data set with the checksums of these files, to be had at these addresses."""
    info = data.DATASETS["mnist"]
    if files:
        info = info._replace(files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    monkeypatch.setitem(data.DATASETS, "mnist", info._replace(urls=list(urls)))


@pytest.fixture(scope="session")
def contents():
    """The four files of a small data set, by name."""
    images = bytes(i * 7 % 256 for i in range(IMAGES * 784))
    return dict(zip(data._files, [idx((IMAGES, 28, 28), images), idx((IMAGES,), bytes(i % 10 for i in range(IMAGES)))] * 2))


@pytest.fixture
def server(contents, monkeypatch):
    """A server of the small data set, which `mnist` is until the test ends, reached without a proxy and without long waits."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(data, "_silence", 0.5)
    monkeypatch.setattr(data, "_failed", set())
    with Server(contents) as server:
        use(monkeypatch, contents, [server.url])
        yield server


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(server, contents, authority, monkeypatch, tmp_path):
    """A server that speaks https and sends you on to the one that does not; its authority is trusted until the test ends."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with Server(contents, authority.issue_cert("localhost"), elsewhere=server.url) as secure:
        yield secure


def peak_kilobytes():
    """The most memory that this process has held so far, where the system says it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if resource and sys.platform == "linux" else 0


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_downloads_once_and_reads_the_files(server, tmp_path, monkeypatch):
    images = data.get_data("mnist", tmp_path)
    assert images.x_train.shape == (IMAGES, 784)
    assert images.y_train.tolist() == [i % 10 for i in range(IMAGES)]
    assert images.x_train[0, :3].tolist() == pytest.approx([0, 7 / 255, 14 / 255])
    assert len(server.log) == 2
    assert data.get_data("mnist", tmp_path).x_valid.equal(images.x_valid)
    assert len(server.log) == 2
    with pytest.raises(FileNotFoundError, match="t10k-images.* is not there.*downloading is switched off"):
        data.get_test("mnist", tmp_path, download=False)
    assert data.get_test("mnist", tmp_path)[1].equal(images.y_train)


BAD = {
    "404": "HTTP Error 404", "403": "HTTP Error 403", "503": "HTTP Error 503", "stall": "timed out", "mute": "timed out", "cut": "ended after",
    "long": "ended after", "short": "checksum is", "flip": "checksum is", "nonsense": "what", "loop": "infinite loop", "spiral": "infinite loop",
    "ftp": "refused to be sent from http to ftp", "file": "Redirection to url 'file:///etc/hostname' is not allowed", "data": "not allowed",
    "nowhere": "HTTP Error 302",
}


@pytest.mark.parametrize("bad", BAD)
def test_takes_the_next_mirror(server, tmp_path, monkeypatch, bad):
    use(monkeypatch, urls=[server.url + bad + "/", server.url])
    start = time.monotonic()
    assert len(data.get_data("mnist", tmp_path).x_train) == IMAGES
    assert time.monotonic() - start < 60
    assert files_below(tmp_path) == sorted(data._files[:2])


def test_a_mirror_that_fell_silent_is_not_asked_for_the_next_file(server, tmp_path, monkeypatch):
    use(monkeypatch, urls=[server.url + "mute/", server.url])
    data.get_data("mnist", tmp_path)
    data.get_test("mnist", tmp_path)
    assert len(files_below(tmp_path)) == 4 and [path.split("/")[1] for path in server.log].count("mute") == 1, server.log


@pytest.mark.parametrize("bad, reason", BAD.items())
def test_without_another_mirror_it_is_one_error_and_no_file(server, tmp_path, monkeypatch, bad, reason):
    use(monkeypatch, urls=[server.url + bad + "/"])
    start = time.monotonic()
    with pytest.raises(FileNotFoundError) as error:
        data.get_data("mnist", tmp_path / "cache")
    assert time.monotonic() - start < 60
    assert re.search(f"train-images.* could not be had .*{re.escape(reason)}.*Put the file there yourself", str(error.value)), error.value
    assert "\n" not in str(error.value)
    assert not files_below(tmp_path)


@pytest.mark.parametrize("bad, reason", [("endless", "more than 1,000,000 bytes"), ("drip", "not complete after 1 seconds")])
def test_what_does_not_end_is_given_up(server, tmp_path, monkeypatch, bad, reason):
    monkeypatch.setattr(data, "_most_bytes", 1_000_000)
    monkeypatch.setattr(data, "_most_seconds", 1)
    use(monkeypatch, urls=[server.url + bad + "/"])
    with pytest.raises(FileNotFoundError, match=reason):
        data.get_data("mnist", tmp_path)
    assert not files_below(tmp_path)


def test_https_is_checked_and_never_left(server, secure, tmp_path, monkeypatch):
    use(monkeypatch, urls=[secure.url])
    assert len(data.get_data("mnist", tmp_path / "secure").x_train) == IMAGES
    for bad, reason in (("away/", "refused to be sent from https to http"), ("ftp/", "refused to be sent from https to ftp")):
        use(monkeypatch, urls=[secure.url + bad])
        with pytest.raises(FileNotFoundError, match=reason):
            data.get_data("mnist", tmp_path / "away")
    monkeypatch.delenv("SSL_CERT_FILE")
    use(monkeypatch, urls=[secure.url])
    with pytest.raises(FileNotFoundError, match="CERTIFICATE_VERIFY_FAILED"):
        data.get_data("mnist", tmp_path / "stranger")
    assert files_below(tmp_path) == ["authority.pem", *sorted(data._files[:2])]


def test_from_http_to_https_is_followed_whatever_comes_with_the_redirect(secure, contents, tmp_path, monkeypatch):
    with Server(contents, elsewhere=secure.url) as plain:
        use(monkeypatch, urls=[plain.url + "away/"])
        assert len(data.get_data("mnist", tmp_path / "cache").x_train) == IMAGES
    assert secure.log == [f"/{name}" for name in data._files[:2]]


def test_a_proxy_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    use(monkeypatch, urls=["http://nowhere.invalid/"])
    assert len(data.get_data("mnist", tmp_path).x_train) == IMAGES
    assert server.log == [f"http://nowhere.invalid/{name}" for name in data._files[:2]]


def test_no_server_leaves_no_folder(tmp_path, monkeypatch):
    use(monkeypatch, urls=["http://127.0.0.1:9/"])
    with pytest.raises(FileNotFoundError, match="could not be had"):
        data.get_data("mnist", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


# Files whose checksum is right and whose content is not

def hostile(images=None, labels=None):
    """Images and labels, one of them replaced."""
    good = [idx((IMAGES, 28, 28), bytes(IMAGES * 784)), idx((IMAGES,), bytes(IMAGES))]
    return dict(zip(data._files, [images or good[0], labels or good[1]]))


@pytest.mark.parametrize("files, reason", [
    (hostile(images=gzip.compress(bytes(300_000_000), 1)), "not a complete IDX file"),
    (hostile(images=idx((2 ** 20, 2 ** 20), b"")), "not a complete IDX file"),
    (hostile(images=idx((2 ** 32 - 1,) * 255, b"")), "not a complete IDX file"),
    (hostile(images=idx((0,) * 200, b"")), "not a complete IDX file"),
    (hostile(images=b"\x1f\x8b"), "not a complete gzip file"),
    (hostile(labels=idx((IMAGES,), bytes([10] * IMAGES))), "holds the label 10, but there are 10 classes"),
    (hostile(labels=idx((IMAGES,), bytes(range(216, 256)))), "holds the label 255, but there are 10 classes"),
    (hostile(labels=idx((IMAGES - 1,), bytes(IMAGES - 1))), r"shapes \(40, 28, 28\) and \(39,\)"),
    (hostile(labels=idx((IMAGES, 1), bytes(IMAGES))), r"shapes \(40, 28, 28\) and \(40, 1\)"),
    (hostile(images=idx((IMAGES, 784), bytes(IMAGES * 784))), r"shapes \(40, 784\) and \(40,\)"),
], ids=["bomb", "terabyte", "many axes", "empty axes", "cut", "label 10", "label 255", "fewer labels", "column", "flat"])
def test_hostile_content_is_one_error_in_bounded_memory(server, tmp_path, monkeypatch, files, reason):
    with Server(files) as other:
        use(monkeypatch, files, [other.url])
        before = peak_kilobytes()
        with pytest.raises(ValueError, match=reason):
            data.get_data("mnist", tmp_path)
        assert peak_kilobytes() - before < 400_000


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:-1] + bytes([content[-1] ^ 1]), lambda content: b""])
def test_a_damaged_file_is_named_and_never_read(server, tmp_path, damage):
    data.get_data("mnist", tmp_path)
    path = tmp_path / "mnist" / data._files[0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="train-images.* is damaged .*delete it"):
        data.get_data("mnist", tmp_path)


# Several processes, and one that is killed

GET = "import sys; from minibatch_lib import data; data.DATASETS['mnist'] = data.DatasetInfo(*eval(sys.argv[1])); print(data.get_data('mnist', sys.argv[2]).y_train.sum().item())"


def getter(folder):
    """A process that gets `mnist`, as it is here, into a folder."""
    return subprocess.Popen([sys.executable, "-c", GET, repr(tuple(data.DATASETS["mnist"])), folder], stdout=subprocess.PIPE, encoding="utf-8")


@pytest.mark.slow
def test_two_processes_at_once_both_end_with_the_right_files(server, contents, tmp_path, monkeypatch):
    use(monkeypatch, urls=[server.url + "slowly/"])
    both = [getter(tmp_path) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert printed == [f"{sum(i % 10 for i in range(IMAGES))}\n"] * 2
    assert files_below(tmp_path) == sorted(data._files[:2])
    assert all((tmp_path / "mnist" / name).read_bytes() == contents[name] for name in data._files[:2])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_kill_in_mid_download_leaves_nothing_that_is_trusted(server, contents, tmp_path, monkeypatch):
    use(monkeypatch, urls=[server.url + "stall/"])
    process = getter(tmp_path)
    deadline = time.monotonic() + 60
    while not files_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and all(name.endswith(".part") for name in files_below(tmp_path))
    with pytest.raises(FileNotFoundError, match="is not there"):
        data.get_data("mnist", tmp_path, download=False)
    use(monkeypatch, urls=[server.url])
    assert len(data.get_data("mnist", tmp_path).x_train) == IMAGES


def test_the_folder_of_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIBATCH_LIB_DATA", str(tmp_path / "by variable"))
    data.get_data("mnist")
    assert (tmp_path / "by variable" / "mnist" / data._files[0]).is_file()


@pytest.mark.skipif(not (SHARED / data._files[0]).is_file(), reason="needs the files of MNIST")
def test_the_real_files_come_through_a_mirror_that_fails_first(tmp_path, monkeypatch):
    files = {name: (SHARED / name).read_bytes() for name in data._files[:2]}
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server(files) as server:
        use(monkeypatch, urls=[server.url + "cut/", server.url])
        assert data.get_data("mnist", tmp_path).x_train.shape == (50_000, 784)
